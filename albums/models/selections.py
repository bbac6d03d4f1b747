"""Selections that are kept for a while because a URL names them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class SavedSelection(models.Model):
    """A selection of photos that a user downloads. `albums.selection.saved` is the only writer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=32, help_text="The first half of the SHA-256 of the selection, for its URL.")
    selection = models.JSONField()
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="selection_saved_once")]
        indexes = [models.Index(fields=["used_at"], name="selection_used")]

    def __str__(self) -> str:
        return self.digest
