"""Photos with their metadata."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.models import User as AuthUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from albums.columns.clock import CLOCK, TAKEN_AT
from albums.columns.name_key import NameKeyField
from albums.columns.search_order import PLACE, STARS
from albums.models.albums import Album
from albums.models.trashable import Trashable

if TYPE_CHECKING:
    from albums.models.files import Companion


class TakenFrom(models.TextChoices):
    """The source of a photo's capture time, the most reliable first."""

    EXIF = "exif", "the camera"
    XMP = "xmp", "an editor"
    IPTC = "iptc", "an agency's record"
    JSON = "json", "Google Photos"
    NAME = "name", "the file name"
    FILE = "file", "the file's own date"


class PhotoQuerySet(models.QuerySet["Photo"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> PhotoQuerySet:
        return self.filter(album__in=Album.objects.visible_to(user))

    def shown(self) -> PhotoQuerySet:
        """Photos that pages show: without those in the trash and those that another photo is shown for."""
        return self.leading().filter(trashed_at=None)

    def leading(self) -> PhotoQuerySet:
        """Photos without the RAWs of pairs, for which their JPEGs are shown."""
        return self.filter(shown_as=None)

    def together(self, photo: Photo) -> PhotoQuerySet:
        """The photo, and the photos that are shown as one with it."""
        lead = photo.shown_as_id or photo.pk
        return self.filter(Q(pk=lead) | Q(shown_as=lead))

    def by_time(self) -> PhotoQuerySet:
        """Sorted by the local time of capture; photos without a time come last."""
        return self.order_by(CLOCK.asc(nulls_last=True), "position", "pk")

    def trashed(self) -> PhotoQuerySet:
        return self.filter(trashed_at__isnull=False)


class Photo(Trashable, models.Model):
    """One picture in an album: its original, byte for byte as received, and its metadata.

    `Photo.objects` and `album.photos` include photos in the trash: their files are checked and repaired like any others. Pages
    show and count only `.shown()`.
    """

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="photos", db_index=False)
    position = models.BigIntegerField(help_text="The photo's place in its album, smallest first.")
    upload_position = models.BigIntegerField(
        null=True, editable=False, help_text="Position given at upload: its time in microseconds."
    )
    name = models.CharField("file name", max_length=255, help_text="The uploaded file's name.")
    name_key = NameKeyField(null=True, editable=False, help_text="Sorts like the file name, naturally.")
    title = models.CharField(max_length=500, blank=True)
    caption = models.TextField(blank=True)
    keywords = models.JSONField(default=list, blank=True)

    original_key = models.CharField(max_length=200, unique=True, editable=False)
    original_bytes = models.PositiveBigIntegerField(editable=False)
    original_sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    crc32 = models.PositiveBigIntegerField(
        "CRC-32",
        null=True,
        blank=True,
        editable=False,
        help_text="Of the original, for ZIP files. Empty if not read yet.",
    )
    format = models.CharField(max_length=20, editable=False)
    width = models.PositiveIntegerField(editable=False, help_text="Pixels, after rotation.")
    height = models.PositiveIntegerField(editable=False, help_text="Pixels, after rotation.")
    placeholder = models.TextField(blank=True, editable=False, help_text="Tiny WebP as a data URI.")
    profile = models.CharField(
        "colour profile", max_length=200, blank=True, editable=False, help_text="Name of the embedded profile."
    )
    gamut = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Size of the profile's gamut, in percent of sRGB. Empty if unknown.",
    )
    bit_depth = models.PositiveSmallIntegerField(
        null=True, blank=True, editable=False, help_text="Bits per sample of the original. Empty if unknown."
    )

    taken_at = models.DateTimeField(
        null=True, blank=True, help_text="Camera time; taken as UTC if the time zone is unknown."
    )
    taken_offset_minutes = models.SmallIntegerField(
        null=True, blank=True, help_text="Camera's time zone, in minutes east of UTC. Empty if unknown."
    )
    taken_from = models.CharField(
        max_length=4, blank=True, choices=TakenFrom, editable=False, help_text="Source of the capture time."
    )
    notes = models.JSONField(default=list, blank=True, editable=False, help_text="Rendering notes, as codes and texts.")
    camera = models.CharField(max_length=200, blank=True)
    lens = models.CharField(max_length=200, blank=True)
    aperture = models.FloatField(null=True, blank=True)
    shutter_seconds = models.FloatField(null=True, blank=True)
    iso = models.PositiveIntegerField("ISO", null=True, blank=True)
    focal_length_mm = models.FloatField("focal length (mm)", null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    altitude = models.FloatField("altitude (m)", null=True, blank=True)
    creator = models.CharField(max_length=500, blank=True)
    copyright = models.CharField(max_length=500, blank=True)
    rating = models.SmallIntegerField(null=True, blank=True)
    edited_rating = models.SmallIntegerField(
        null=True, blank=True, help_text="Stars from 0 to 5 set by a user, shown in place of the file's rating."
    )
    # Null: not edited. Empty: the user removed the file's text.
    edited_title = models.CharField(max_length=500, null=True, blank=True)  # noqa: DJ001
    edited_caption = models.TextField(null=True, blank=True)  # noqa: DJ001
    edited_keywords = models.JSONField(null=True, blank=True)
    edited_taken_at = models.DateTimeField(null=True, blank=True, help_text="As taken_at.")
    edited_taken_offset_minutes = models.SmallIntegerField(
        null=True, blank=True, help_text="As taken_offset_minutes. Has a meaning only with edited_taken_at."
    )
    edited_latitude = models.FloatField(null=True, blank=True)
    edited_longitude = models.FloatField(null=True, blank=True)
    location_removed = models.BooleanField(
        default=False, db_default=False, help_text="A user removed the file's location. There is no edited one then."
    )
    alt_text = models.TextField(
        "alternative text", blank=True, db_default="", help_text="Describes the photo for screen readers."
    )
    orientation = models.PositiveSmallIntegerField(
        default=1, db_default=1, editable=False, help_text="How users have turned the photo, as in EXIF. 1: not at all."
    )
    file_orientation = models.PositiveSmallIntegerField(
        null=True, blank=True, editable=False, help_text="How the file turns its picture, as in EXIF. Empty if unknown."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    checked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When all files were last checked."
    )
    verified_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When all files were last found intact."
    )
    shown_as = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="halves",
        help_text="For a RAW file: the JPEG shown in its place.",
    )
    trashed_at = models.DateTimeField(
        "in trash since", null=True, blank=True, editable=False, help_text="Empty if not in the trash."
    )

    ANIMATION = "animation"
    """The code of the note on a photo whose renditions play."""

    objects = PhotoQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            # Two photos with the same bytes would be one upload processed twice.
            models.UniqueConstraint(fields=["album", "original_sha256"], name="photo_once_in_album"),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0), name="photo_has_size"),
        ]
        indexes = [
            models.Index(fields=["album", "position"], name="photo_album_position"),
            models.Index(fields=["checked_at"], name="photo_checked"),
            models.Index(fields=["verified_at", "created_at"], name="photo_verified"),
            # Every page and poll counts the album's photos: an index-only scan.
            models.Index(fields=["album", "trashed_at", "shown_as"], name="photo_album_trashed"),
            models.Index(fields=["trashed_at"], name="photo_trashed", condition=Q(trashed_at__isnull=False)),
            # The list of albums reads the first and last capture time of each album.
            models.Index(F("album"), TAKEN_AT, name="photo_album_taken", condition=Q(trashed_at=None, shown_as=None)),
            # Searches: the order of results with many photos, ranges of dates, and ratings.
            models.Index(PLACE, "id", name="photo_place"),
            models.Index(STARS, name="photo_stars"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("albums:photo", args=[self.pk])

    @property
    def stars(self) -> int | None:
        """The rating to show: the user's, or else the file's. -1 means rejected, None or 0 unrated."""
        return self.rating if self.edited_rating is None else self.edited_rating

    @property
    def shown_title(self) -> str:
        """The title that a user gave the photo, or else the file's. The `shown_` properties below are built alike."""
        return self.title if self.edited_title is None else self.edited_title

    @property
    def shown_caption(self) -> str:
        return self.caption if self.edited_caption is None else self.edited_caption

    @property
    def shown_keywords(self) -> list[str]:
        keywords: list[str] = self.keywords if self.edited_keywords is None else self.edited_keywords
        return keywords

    @property
    def shown_taken_at(self) -> datetime | None:
        return self.edited_taken_at or self.taken_at

    @property
    def shown_taken_offset_minutes(self) -> int | None:
        return self.edited_taken_offset_minutes if self.edited_taken_at else self.taken_offset_minutes

    @property
    def shown_latitude(self) -> float | None:
        if self.location_removed:
            return None
        return self.latitude if self.edited_latitude is None else self.edited_latitude

    @property
    def shown_longitude(self) -> float | None:
        if self.location_removed:
            return None
        return self.longitude if self.edited_longitude is None else self.edited_longitude

    @property
    def shown_altitude(self) -> float | None:
        """The file's altitude in metres. None for a location that a user edited."""
        return None if self.location_removed or self.edited_latitude is not None else self.altitude

    @property
    def description(self) -> str:
        """The text in place of the picture, for screen readers."""
        return self.alt_text or self.shown_title or self.name

    @property
    def live_video(self) -> Companion | None:
        """The video of a Live Photo. Uses prefetched companions."""
        return next((companion for companion in self.companions.all() if companion.is_live_video), None)

    @property
    def marks(self) -> list[str]:
        """Badges of the photo: "RAW", "Live" and "Animated". Uses prefetched halves and companions."""
        marks = {"RAW": self.halves.all(), "Live": self.live_video, "Animated": self.is_animated}
        return [mark for mark, is_true in marks.items() if is_true]

    @property
    def is_animated(self) -> bool:
        """True if the renditions play."""
        return any(note.get("code") == self.ANIMATION for note in self.notes)
