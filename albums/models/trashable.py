"""The mixin of models that can be in the trash."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone


class Trashable:
    """Mixin for models that can be in the trash."""

    trashed_at: Any

    @property
    def leaves_trash_at(self) -> datetime | None:
        """When the object may be deleted permanently. The first sweep after that deletes it. None if not in the trash."""
        return self.trashed_at + timedelta(days=settings.TRASH_DAYS) if self.trashed_at else None

    @property
    def is_leaving_trash(self) -> bool:
        """True if TRASH_DAYS have passed; the next sweep deletes the object."""
        return bool(self.leaves_trash_at and self.leaves_trash_at <= timezone.now())
