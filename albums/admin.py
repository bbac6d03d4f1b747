"""The library in Django admin. Deletions here are permanent and bypass the trash: rows first, bytes after the commit."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, pluralize

from albums import album_trash, removal
from albums.access import note, note_deletion
from albums.columns.camera_time import camera_clock, camera_zone
from albums.columns.clock import CLOCK
from albums.models import Album, Companion, Leftover, Photo, PhotoQuerySet, Rendition
from albums.nesting import tree
from albums.trash_page import contents
from albums.trash_page.contents import Total

MAX_LISTED = 50
"""Rows that a confirmation names."""


def _may(request: HttpRequest, permission: str) -> bool:
    assert isinstance(request.user, User)
    return request.user.has_perm(permission)


def _size(total: Total) -> str:
    return f"{total.photos:,} photo{pluralize(total.photos)}, {filesizeformat(total.bytes)}"


def _listed(lines: list[str], count: int) -> list[str]:
    return lines if count <= len(lines) else [*lines, f"and {count - len(lines):,} more"]


def _with_halves(photos: Iterable[Photo]) -> PhotoQuerySet:
    ids = [photo.pk for photo in photos]
    return Photo.objects.filter(Q(pk__in=ids) | Q(shown_as__in=ids))


@admin.register(Album)
class AlbumAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "owner", "photo_count", "created_at", "trashed_at")
    list_filter = (("trashed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner",)
    search_fields = ("title", "owner__username")
    date_hierarchy = "created_at"
    fields = ("title", "description", "owner", "created_at", "trashed_at")
    readonly_fields = ("created_at", "trashed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        albums: QuerySet[Album] = super().get_queryset(request)
        return albums.annotate(photo_count=Count("photos", filter=Q(photos__trashed_at=None, photos__shown_as=None)))

    @admin.display(ordering="photo_count", description="photos")
    def photo_count(self, album: Album) -> int:
        return album.photo_count  # type: ignore[attr-defined,no-any-return]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Returns each album with the number of its photos and their bytes, instead of 100,000 rows that would be deleted."""
        assert isinstance(request.user, User)
        albums = [(album, contents.total_of_album(album, request.user)) for album in objs[:MAX_LISTED]]
        ids = tree.with_descendants(album.pk for album in objs)
        total = contents.total_of_albums(Album.objects.filter(pk__in=ids), request.user)
        counts = {"albums": total.albums, "photos": total.photos}
        lines = [f"{album.title} ({_size(of_album)})" for album, of_album in albums]
        return [*_listed(lines, len(objs)), f"In total: {_size(total)}"], counts, set(), []

    def get_readonly_fields(self, request: HttpRequest, obj: Album | None = None) -> tuple[str, ...]:
        """Adds the owner for users without the permission to delete albums: the new owner could delete the album."""
        may_give_away = _may(request, Album.DELETE_ALBUMS)
        return self.readonly_fields if may_give_away else (*self.readonly_fields, "owner")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Album | None:
        album: Album | None = super().get_object(request, object_id, from_field)
        if album:
            note(request, album)
        return album

    def save_model(self, request: HttpRequest, obj: Album, form: Any, change: bool) -> None:
        """A new owner gets the albums inside the album too: all albums inside each other have the same owner."""
        super().save_model(request, obj, form, change)
        if change and "owner" in form.changed_data:
            with transaction.atomic():
                tree.give(obj, obj.owner_id)

    def delete_model(self, request: HttpRequest, obj: Album) -> None:
        """Deletes the albums inside the album too."""
        note_deletion(request, obj, "album-deleted")
        album_trash.delete_now([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Album]) -> None:
        for album in queryset:
            self.delete_model(request, album)


class CompanionInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Companion
    fields = readonly_fields = ("name", "kind", "bytes", "sha256", "key", "verified_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        return False


class RenditionInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Rendition
    fields = readonly_fields = ("edge", "format", "width", "height", "bytes", "key", "recipe")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        return False


@admin.register(Photo)
class PhotoAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "album", "width", "height", "format", "camera", "taken", "created_at", "trashed_at")
    list_filter = ("format", "created_at", ("trashed_at", admin.EmptyFieldListFilter))
    list_select_related = ("album",)
    search_fields = (
        "name",
        "title",
        "edited_title",
        "caption",
        "edited_caption",
        "camera",
        "original_sha256",
        "album__title",
    )
    raw_id_fields = ("album",)
    readonly_fields = (
        *("name", "original_key", "original_bytes", "original_sha256", "format", "width", "height"),
        *("placeholder", "created_at", "shown_as", "trashed_at"),
    )
    inlines = (RenditionInline, CompanionInline)

    @admin.display(description="taken (camera time)", ordering=CLOCK)
    def taken(self, photo: Photo) -> str:
        clock = camera_clock(photo)
        return f"{clock:%Y-%m-%d %H:%M} {camera_zone(photo)}".strip() if clock else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # photos are only created by uploads

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> tuple[str, ...]:
        """Adds the album for users without the permission to delete photos: in their own album they could delete the photo."""
        may_move = _may(request, Album.DELETE_PHOTOS)
        return self.readonly_fields if may_move else (*self.readonly_fields, "album")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Photo | None:
        photo: Photo | None = super().get_object(request, object_id, from_field)
        if photo:
            note(request, photo.album)
        return photo

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Returns the photos with their bytes; those shown as one with a photo, its RAW, are deleted with it."""
        assert isinstance(request.user, User)
        photos = _with_halves(objs)
        total = contents.total_of_photos(photos, request.user)
        lines = [f"{photo.name} ({filesizeformat(photo.original_bytes)})" for photo in photos[:MAX_LISTED]]
        count = photos.count()
        return [*_listed(lines, count), f"In total: {filesizeformat(total.bytes)}"], {"photos": count}, set(), []

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        note_deletion(request, obj.album, "photo-deleted")
        removal.delete_photos(_with_halves([obj]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        for album in Album.objects.filter(photos__in=queryset).distinct():
            note_deletion(request, album, "photos-deleted")
        removal.delete_photos(_with_halves(queryset))


@admin.register(Leftover)
class LeftoverAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("key", "hold", "created_at")
    list_filter = ("created_at",)
    search_fields = ("key", "hold")
    readonly_fields = ("key", "hold", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Leftover | None = None) -> bool:
        return False  # without the row the bytes would be an orphan; the sweep deletes both
