"""Models of the library: albums, photos, renditions, companions, and storage keys to be deleted. Independent of processing."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.models import User as AuthUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from albums.clock import CLOCK


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


class AlbumQuerySet(models.QuerySet["Album"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> AlbumQuerySet:
        """The user's own albums, or all for a user with the permission to change any album. Without those in the trash."""
        return self.filter(trashed_at=None).changeable_by(user)

    def changeable_by(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> AlbumQuerySet:
        """Like `visible_to`, including albums in the trash."""
        if user.has_perm("albums.change_album"):  # type: ignore[union-attr]
            return self
        return self.filter(owner_id=user.pk)

    def emptiable_by(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> AlbumQuerySet:
        """Albums from which the user may delete photos and uploads in progress, as `Album.is_emptiable_by`."""
        if _has_any(user, Album.DELETE_ALBUMS, Album.DELETE_PHOTOS):
            return self.changeable_by(user)
        return self.filter(owner_id=user.pk)

    def trashed(self) -> AlbumQuerySet:
        return self.filter(trashed_at__isnull=False)


def _has_any(user: AbstractBaseUser | AnonymousUser | AuthUser, *permissions: str) -> bool:
    return any(user.has_perm(permission) for permission in permissions)  # type: ignore[union-attr]


class Album(Trashable, models.Model):
    """A titled, ordered set of photos.

    `Album.objects` includes albums in the trash: their files are checked, moved and backed up like any others.
    """

    title = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="albums"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    trashed_at = models.DateTimeField(
        "in the trash since", null=True, blank=True, editable=False, help_text="Empty: it is not in the trash."
    )

    objects = AlbumQuerySet.as_manager()

    DELETE_ALBUMS, DELETE_PHOTOS = "albums.delete_album", "albums.delete_photo"
    """Permissions to delete other users' albums and photos. `albums.change_album` alone allows changing and restoring."""

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.CheckConstraint(condition=~Q(title=""), name="album_has_title")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="album_created")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("albums:detail", args=[self.pk])

    def is_changeable_by(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> bool:
        """True if the user may change the album, as `changeable_by`. For the owner, saves the two queries for permissions."""
        return self.is_of(user) or user.has_perm("albums.change_album")  # type: ignore[union-attr]

    def is_deletable_by(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> bool:
        """True if a user with access to the album may also delete it, to the trash or permanently."""
        return self.is_of(user) or _has_any(user, self.DELETE_ALBUMS)

    def is_emptiable_by(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> bool:
        """True if a user with access to the album may also delete its photos and its unfinished or failed uploads.

        The permission to delete the album includes that to delete its photos.
        """
        return self.is_of(user) or _has_any(user, self.DELETE_ALBUMS, self.DELETE_PHOTOS)

    def is_of(self, user: AbstractBaseUser | AnonymousUser | AuthUser) -> bool:
        return user.pk is not None and self.owner_id == user.pk


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
    name = models.CharField("file name", max_length=255, help_text="The uploaded file's name.")
    title = models.CharField(max_length=500, blank=True)
    caption = models.TextField(blank=True)
    keywords = models.JSONField(default=list, blank=True)

    original_key = models.CharField(max_length=200, unique=True, editable=False)
    original_bytes = models.PositiveBigIntegerField(editable=False)
    original_sha256 = models.CharField("SHA-256", max_length=64, editable=False)
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
            models.Index(
                fields=["album", "taken_at"], name="photo_album_taken", condition=Q(trashed_at=None, shown_as=None)
            ),
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
    def live_video(self) -> Companion | None:
        """The video of a Live Photo. Uses prefetched companions."""
        return next((companion for companion in self.companions.all() if companion.kind == Companion.Kind.MOTION), None)

    @property
    def marks(self) -> list[str]:
        """Badges of the photo: "RAW", "Live" and "Animated". Uses prefetched halves and companions."""
        marks = {"RAW": self.halves.all(), "Live": self.live_video, "Animated": self.is_animated}
        return [mark for mark, is_true in marks.items() if is_true]

    @property
    def is_animated(self) -> bool:
        """True if the renditions play."""
        return any(note.get("code") == self.ANIMATION for note in self.notes)


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


class GridPreference(models.Model):
    """How a user wants to see the photos of albums."""

    class Layout(models.TextChoices):
        ROWS = "rows", "Rows"
        SQUARES = "squares", "Squares"

    class Density(models.TextChoices):
        SMALL = "small", "Small"
        MEDIUM = "medium", "Medium"
        LARGE = "large", "Large"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="grid_preference"
    )
    layout = models.CharField(max_length=10, choices=Layout, default=Layout.ROWS.value)
    density = models.CharField("photo size", max_length=10, choices=Density, default=Density.MEDIUM.value)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(layout__in=["rows", "squares"]), name="grid_layout_known"),
            models.CheckConstraint(condition=Q(density__in=["small", "medium", "large"]), name="grid_density_known"),
        ]

    def __str__(self) -> str:
        return f"{self.layout}, {self.density}"


class Look(models.Model):
    """A photo's perceptual hash of 64 bits, in four columns of 16. Almost flat pictures have none.

    Each column has an index: two hashes that differ in at most 7 bits have a column in which they differ in at most 1 bit.
    """

    photo = models.OneToOneField(Photo, primary_key=True, on_delete=models.CASCADE, related_name="look")
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="+", db_index=False)
    first = models.PositiveIntegerField()
    second = models.PositiveIntegerField()
    third = models.PositiveIntegerField()
    fourth = models.PositiveIntegerField()

    class Meta:
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
