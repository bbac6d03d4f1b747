"""Requests that move, copy or delete the selected photos. Each is answered with a page first, unless it has all that it needs."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from albums import operations
from albums.access import MayNotDelete, album_or_404, note_deletion
from albums.models import Album, PhotoQuerySet
from albums.moving import targets as album_targets
from albums.operations import responses
from albums.selection import Selection, SelectionError

SelectionView = Callable[[HttpRequest, User, Selection], HttpResponse]
NEW_ALBUM = "new"


def on_selection(view: SelectionView) -> Callable[[HttpRequest], HttpResponse]:
    """Passes the request's selection to the view. Responds with 422 if there is none."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def parse(request: HttpRequest) -> HttpResponse:
        assert isinstance(request.user, User)
        try:
            selection = Selection.parse(request.POST if request.method == "POST" else request.GET)
            return view(request, request.user, selection)
        except SelectionError as error:
            return responses.reject(request, error)

    return parse


@on_selection
def move(request: HttpRequest, user: User, selection: Selection) -> HttpResponse:
    """Moves the photos to the album `target`, or to a new one with the `title`. Without either, a page offers the albums."""
    return _place(request, user, selection, "move")


@on_selection
def copy(request: HttpRequest, user: User, selection: Selection) -> HttpResponse:
    """Like `move`, for copies."""
    return _place(request, user, selection, "copy")


@require_safe
def targets(request: HttpRequest) -> HttpResponse:
    """Returns the albums that match the text `find`, as list items for the page that offers them."""
    assert isinstance(request.user, User)
    find = request.GET.get("find", "")
    matching = album_targets.matching(request.user, find, _id(request.GET.get("album", "")))
    return render(request, "selection/_targets.html", _targets_context(matching, find))


@on_selection
def delete(request: HttpRequest, user: User, selection: Selection) -> HttpResponse:
    """Moves the photos to the trash. If there is none, a page asks before they are deleted permanently.

    The page asks again if the photos are not those that it has counted: others may have been added to the album meanwhile.
    """
    deletable = _emptiable(user, selection)
    confirmed = request.POST.get("confirmed", "")
    if request.method == "POST" and (settings.TRASH_DAYS or confirmed == _fingerprint(deletable)):
        for album in _albums_of_others(request, deletable):
            note_deletion(request, album, "photos-trashed" if settings.TRASH_DAYS else "photos-deleted")
        kind = "delete" if settings.TRASH_DAYS else "delete-permanently"
        return responses.respond(request, operations.start(user, kind, {}, selection), page_of(selection))
    context = {
        "selection": selection,
        "photo_count": deletable.count(),
        "bytes": deletable.aggregate(sum=Sum("original_bytes", default=0))["sum"],
        "days": settings.TRASH_DAYS,
        "counted": _fingerprint(deletable),
        "has_changed": bool(confirmed) and not settings.TRASH_DAYS,
        "back": responses.next_url(request, page_of(selection)),
    }
    return render(request, "selection/delete.html", context)


def page_of(selection: Selection) -> str:
    """Returns the URL of the page on which the photos were selected."""
    if selection.query:
        parameters = {"q": selection.query} | ({"album": str(selection.album_id)} if selection.album_id else {})
        return f"{reverse('albums:search')}?{urlencode(parameters)}"
    return reverse("albums:detail", args=[selection.album_id]) if selection.album_id else reverse("albums:list")


def _place(request: HttpRequest, user: User, selection: Selection, kind: str) -> HttpResponse:
    """Starts the operation, or shows the albums to choose from."""
    if kind == "move":
        _emptiable(user, selection)
    target = request.POST.get("target", "")
    if "filter" in request.POST or not target:
        return _choice(request, user, selection, kind)
    if target != NEW_ALBUM:
        album = album_or_404(request, _id(target))
    else:
        form = album_targets.NewAlbumForm(request.POST)
        if not form.is_valid():
            return _choice(request, user, selection, kind, form)
        if not selection.photos(user).exists():
            raise SelectionError("nothing-selected", "The selected photos do not exist any more.")
        album = Album.objects.create(title=form.cleaned_data["title"], owner=user)
    photos = selection.photos(user)
    if kind == "move":
        for source in _albums_of_others(request, photos.exclude(album__owner=album.owner_id)):
            note_deletion(request, source, "photos-moved")
    created = album.title if target == NEW_ALBUM else ""
    params = {"album": album.pk, "known": photos.filter(album=album).count(), "created": created}
    return responses.respond(request, operations.start(user, kind, params, selection), page_of(selection))


def _choice(
    request: HttpRequest,
    user: User,
    selection: Selection,
    kind: str,
    form: album_targets.NewAlbumForm | None = None,
) -> HttpResponse:
    find = request.POST.get("find", "")
    context = {
        "kind": kind,
        "selection": selection,
        "photo_count": selection.photos(user).count(),
        **_targets_context(album_targets.matching(user, find, selection.album_id), find),
        "form": form or album_targets.NewAlbumForm(),
        "back": responses.next_url(request, page_of(selection)),
    }
    return render(request, "selection/targets.html", context, status=422 if form else 200)


def _targets_context(matching: list[album_targets.Target], find: str) -> dict[str, Any]:
    return {"targets": matching, "find": find, "is_cut": len(matching) == album_targets.MAX_TARGETS}


def _id(value: str) -> int:
    """Returns the id, or 0, which no album has."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


def _emptiable(user: User, selection: Selection) -> PhotoQuerySet:
    """The selected photos that the user may delete. Raises MayNotDelete if there is none, but photos of other users."""
    photos = selection.photos(user)
    deletable = photos.filter(album__in=Album.objects.emptiable_by(user))
    if not deletable.exists() and photos.exists():
        raise MayNotDelete
    return deletable


def _fingerprint(photos: PhotoQuerySet) -> str:
    """Returns a short text that differs for other photos, though not for all that one could construct."""
    values = photos.aggregate(count=Count("pk"), last=Max("pk"), sum=Sum("pk"))
    return "-".join(str(values[name] or 0) for name in ("count", "last", "sum"))


def _albums_of_others(request: HttpRequest, photos: PhotoQuerySet) -> QuerySet[Album]:
    """The albums of other users that the photos are in, for the security log."""
    return Album.objects.filter(pk__in=photos.order_by().values("album")).exclude(owner=request.user.pk)
