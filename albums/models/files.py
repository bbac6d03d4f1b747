"""The files of photos: renditions, companions, perceptual hashes, and storage keys to be deleted."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from albums.columns import orientation
from albums.models.albums import Album
from albums.models.photos import Photo


class Rendition(models.Model):
    """A picture derived from a photo's original: per size a WebP and, if the settings say so, an AVIF."""

    class Format(models.TextChoices):
        WEBP = "webp", "WebP"
        AVIF = "avif", "AVIF"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="renditions")
    edge = models.PositiveIntegerField(help_text="Nominal long edge, in pixels.")
    format = models.CharField(max_length=4, choices=Format, default=Format.WEBP.value)
    key = models.CharField(max_length=200, unique=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    crc32 = models.PositiveBigIntegerField("CRC-32", null=True, blank=True, help_text="For ZIP files.")
    recipe = models.CharField(
        max_length=40, default="1", help_text="Recipe version, with a fingerprint of non-default settings."
    )

    class Meta:
        ordering = ["-edge", "-format"]
        constraints = [
            models.UniqueConstraint(fields=["photo", "edge", "format"], name="rendition_once_per_size"),
            models.CheckConstraint(condition=Q(format__in=["webp", "avif"]), name="rendition_format_known"),
        ]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return reverse("albums:rendition", args=[self.photo_id, self.version, self.edge, self.format])

    @property
    def version(self) -> str:
        """The version in the rendition's URL. Changes whenever the bytes may have changed, so the URL can be cached forever."""
        return self.key.split("/")[-2]

    @property
    def orientation(self) -> int:
        """The photo's orientation with which the rendition was made."""
        return orientation.of_recipe(self.recipe)


class PerceptualHash(models.Model):
    """A photo's perceptual hash of 64 bits, in four columns of 16. Almost flat pictures have none.

    Each column has an index: two hashes that differ in at most 7 bits have a column in which they differ in at most 1 bit.
    """

    photo = models.OneToOneField(Photo, primary_key=True, on_delete=models.CASCADE, related_name="perceptual_hash")
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="+", db_index=False)
    first = models.PositiveIntegerField()
    second = models.PositiveIntegerField()
    third = models.PositiveIntegerField()
    fourth = models.PositiveIntegerField()

    class Meta:
        db_table = "albums_look"  # the name before this class was called PerceptualHash
        indexes = [
            models.Index(fields=["album", name], name=f"look_album_{name}")
            for name in ("first", "second", "third", "fourth")
        ]

    def __str__(self) -> str:
        return f"{self.first:04x}{self.second:04x}{self.third:04x}{self.fourth:04x}"


class Companion(models.Model):
    """A sidecar or Live video that is stored with a photo, byte for byte as received.

    Without a photo, it belongs only to its batch.
    """

    class Kind(models.TextChoices):
        SIDECAR = "sidecar", "Sidecar"
        MOTION = "motion", "Live video"

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="companions")
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.CASCADE, related_name="companions")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField("file name", max_length=255)
    key = models.CharField(max_length=200, unique=True)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    crc32 = models.PositiveBigIntegerField("CRC-32", null=True, blank=True, help_text="For ZIP files.")
    words = models.JSONField(default=dict, blank=True, help_text="Metadata from a sidecar.")
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the file was last checked.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When the file was last found intact.")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["album", "sha256", "name"], name="companion_once_in_album"),
            models.CheckConstraint(condition=Q(kind__in=["sidecar", "motion"]), name="companion_kind_known"),
        ]
        indexes = [
            models.Index(fields=["checked_at"], name="companion_checked"),
            models.Index(fields=["verified_at", "created_at"], name="companion_verified"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("albums:companion", args=[self.pk])

    @property
    def is_live_video(self) -> bool:
        return self.kind == Companion.Kind.MOTION


class Leftover(models.Model):
    """A storage key to be deleted, or reserved for a file that is about to be written: a write-ahead log for cleanup.

    The row is written before the bytes are, and before the row that names the key is deleted. After an interruption, every orphan
    has a row here.
    """

    key = models.CharField(max_length=200, unique=True)
    hold = models.UUIDField(
        "reserved for",
        null=True,
        blank=True,
        help_text="Lock of the job that may still write the file. Empty: deletable.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "pending deletion"
        indexes = [models.Index(fields=["hold"], name="leftover_hold")]

    def __str__(self) -> str:
        return self.key

    @classmethod
    def note(cls, keys: list[str], hold: uuid.UUID | None = None) -> None:
        """Records each key once, in one query. The new hold replaces an earlier one; without a hold a key may be deleted."""
        rows = [Leftover(key=key, hold=hold) for key in keys if key]
        options: dict[str, Any] = {
            "update_conflicts": True,
            "update_fields": ["hold"],
            "unique_fields": ["key"],
        }
        Leftover.objects.bulk_create(rows, **options)
