"""The library in Django admin. Deletions here are permanent and bypass the trash: rows first, bytes after the commit."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from albums import removal
from albums.clock import CLOCK
from albums.models import Album, Companion, Leftover, Photo, Rendition
from albums.templatetags.photos import camera_clock, camera_zone
from albums.views.access import note, note_deletion


def _may(request: HttpRequest, permission: str) -> bool:
    assert isinstance(request.user, User)
    return request.user.has_perm(permission)


@admin.register(Album)
class AlbumAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "owner", "photo_count", "created_at", "trashed_at")
    list_filter = (("trashed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner",)
    search_fields = ("title", "owner__username")
    date_hierarchy = "created_at"
    readonly_fields = ("created_at", "trashed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        albums: QuerySet[Album] = super().get_queryset(request)
        return albums.annotate(photo_count=Count("photos", filter=Q(photos__trashed_at=None, photos__shown_as=None)))

    @admin.display(ordering="photo_count", description="photos")
    def photo_count(self, album: Album) -> int:
        return album.photo_count  # type: ignore[attr-defined,no-any-return]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lets rows of `processing`, which are read-only in the admin, be deleted together with their album."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def get_readonly_fields(self, request: HttpRequest, obj: Album | None = None) -> tuple[str, ...]:
        """Adds the owner for users without the permission to delete albums: the new owner could delete the album."""
        may_give_away = _may(request, Album.DELETE_ALBUMS)
        return self.readonly_fields if may_give_away else (*self.readonly_fields, "owner")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Album | None:
        album: Album | None = super().get_object(request, object_id, from_field)
        if album:
            note(request, album)
        return album

    def delete_model(self, request: HttpRequest, obj: Album) -> None:
        note_deletion(request, obj, "album-deleted")
        removal.delete_album(obj)

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

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        note_deletion(request, obj.album, "photo-deleted")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        for album in Album.objects.filter(photos__in=queryset).distinct():
            note_deletion(request, album, "photos-deleted")
        super().delete_queryset(request, queryset)


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
