"""Albums, and which of them a user may see, change, empty and delete."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.models import User as AuthUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from albums.models.trashable import Trashable


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


class SortedBy(models.TextChoices):
    """By what an album is sorted. Photos that are added later are put where they belong in this order."""

    UPLOADED = "uploaded", "Upload time"
    TAKEN = "taken", "Date taken, oldest first"
    NEWEST = "newest", "Date taken, newest first"
    NAME = "name", "File name"
    RATING = "rating", "Rating"
    MANUAL = "manual", "Manual"


class Album(Trashable, models.Model):
    """A titled, ordered set of photos.

    `Album.objects` includes albums in the trash: their files are checked, moved and backed up like any others.
    """

    title = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="albums"
    )
    description = models.TextField(blank=True, db_default="")
    cover = models.ForeignKey(
        "albums.Photo",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Empty: the first photo is the cover.",
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="children"
    )
    path = models.CharField(
        max_length=400,
        blank=True,
        db_default="",
        editable=False,
        help_text="Ids from the top album to this one: /12/40/.",
    )
    sorted_by = models.CharField(
        max_length=10, choices=SortedBy, default=SortedBy.UPLOADED.value, db_default="uploaded", editable=False
    )
    pinned_at = models.DateTimeField("pinned since", null=True, blank=True, editable=False)
    archived_at = models.DateTimeField("archived since", null=True, blank=True, editable=False)
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
