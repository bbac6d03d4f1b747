"""Saves selections, so that a short URL can name thousands of photos: an interrupted download is resumed by its URL."""

import hashlib
import json
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from albums.models import SavedSelection
from albums.selection.selection import Selection

DAYS = 7
"""How long after its last use a selection is kept."""
MAX_DELETED = 1000
MAX_OF_USER = 100
"""Selections kept of one user, of up to 50 kB each. Above it, the one that was used first is deleted."""


def save(user: User, selection: Selection) -> str:
    """Saves the selection and returns its digest. The same selection of a user has one row."""
    data = selection.to_json()
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32]
    SavedSelection.objects.update_or_create(
        user=user, digest=digest, defaults={"selection": data, "used_at": timezone.now()}
    )
    _delete_oldest(user)
    return digest


def load(user: User, digest: str) -> Selection | None:
    """Returns the user's selection; None if there is none, or no longer."""
    saved = SavedSelection.objects.filter(user=user, digest=digest).first() if digest.isalnum() else None
    if saved is None:
        return None
    if saved.used_at < timezone.now() - timedelta(days=1):  # not with each of the many requests of a download
        SavedSelection.objects.filter(pk=saved.pk).update(used_at=timezone.now())
    return Selection.from_json(saved.selection)


def forget(now: datetime) -> int:
    """Deletes selections that were not used for DAYS. Returns how many."""
    old = SavedSelection.objects.filter(used_at__lt=now - timedelta(days=DAYS))
    ids = list(old.values_list("pk", flat=True)[:MAX_DELETED])
    return SavedSelection.objects.filter(pk__in=ids).delete()[0]


def _delete_oldest(user: User) -> None:
    newest_first = SavedSelection.objects.filter(user=user).order_by("-used_at", "-pk").values_list("pk", flat=True)
    if ids := list(newest_first[MAX_OF_USER : MAX_OF_USER + MAX_DELETED]):
        SavedSelection.objects.filter(pk__in=ids).delete()
