"""Actions on selected albums. Each is one operation, so Undo takes back all of it. The page of an album uses them for itself."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_POST

from albums import album_trash, operations, removal
from albums.access import ensure_deletable, note_deletion, signed_in_user
from albums.album_selection.selection import AlbumSelection, selected
from albums.models import Album, Operation
from albums.nesting import queries, tree
from albums.operations import responses
from albums.selection import SelectionError
from albums.trash_page import contents

MAX_USERNAMES = 200

View = Callable[[HttpRequest, list[Album]], HttpResponse]


def for_selected_albums(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Decorates a view that gets the selected albums. Errors of the selection and of nesting become responses with 422."""

    @require_POST
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            return view(request, selected(request))
        except SelectionError as error:
            return responses.reject(request, error)
        except tree.NestingError as error:
            return responses.reject(request, SelectionError(error.code, error.message))

    return wrapped


@for_selected_albums
def pin(request: HttpRequest, albums: list[Album]) -> HttpResponse:
    """Pins the albums, or unpins them if all are pinned."""
    return _mark(request, albums, "pin", all(album.pinned_at for album in albums))


@for_selected_albums
def archive(request: HttpRequest, albums: list[Album]) -> HttpResponse:
    """Archives the albums, or moves them out of the archive if all are archived."""
    return _mark(request, albums, "archive", all(album.archived_at for album in albums))


@for_selected_albums
def delete(request: HttpRequest, albums: list[Album]) -> HttpResponse:
    """Moves the albums to the trash. If there is none (TRASH_DAYS is 0), asks first and then deletes them permanently."""
    for album in albums:
        ensure_deletable(request, album)
    if not settings.TRASH_DAYS:
        ids = tree.with_descendants(album.pk for album in albums)
        total = contents.total_of_albums(Album.objects.filter(pk__in=ids), signed_in_user(request))
        counted = f"{len(albums)}-{total.albums}-{total.photos}-{total.bytes}"
        confirmed = request.POST.get("confirmed", "")
        if confirmed != counted:  # albums or photos may have been added since the page was shown
            context = {"total": total, "counted": counted, "has_changed": bool(confirmed)}
            return _page(request, "album/delete_selected.html", albums, context)
    for album in albums:
        note_deletion(request, album, "album-trashed" if settings.TRASH_DAYS else "album-deleted")
    if settings.TRASH_DAYS:
        return responses.respond(request, start(request, "album-delete", albums), "albums:list")
    if album_trash.delete_now([album.pk for album in albums], removal.end_of_request()):
        messages.success(request, f"{len(albums)} album{pluralize(len(albums))} deleted permanently.")
    else:
        messages.info(request, "The albums are being deleted. The rest is deleted within minutes.")
    return redirect(responses.next_url(request, "albums:list"))


@for_selected_albums
def move(request: HttpRequest, albums: list[Album]) -> HttpResponse:
    """Moves the albums into the album named by `to`, or with `to=top` to the top level. Without `to`, asks where to."""
    to = request.POST.get("to", "")
    if not to:
        text = _text(request, "q")[:200]
        context = {
            "targets": queries.targets(signed_in_user(request), albums, text),
            "text": text,
            "are_nested": any(album.parent_id for album in albums),
            "limit": queries.MAX_TARGETS,
        }
        return _page(request, "album/move.html", albums, context)
    parent = None if to == "top" else _target_or_404(request, to)
    values = {"parent": parent and parent.pk, "parent_title": parent.title if parent else ""}
    return responses.respond(request, start(request, "album-move", albums, values), parent or "albums:list")


@for_selected_albums
def change_owner(request: HttpRequest, albums: list[Album]) -> HttpResponse:
    """Gives the albums to the user named by `owner`. Without it, asks for the user. Only for users who may change any album."""
    if not signed_in_user(request).has_perm("albums.change_album"):
        raise Http404
    for album in albums:
        ensure_deletable(request, album)  # the new owner could delete it
    name = _text(request, "owner")
    owner = User.objects.filter(username=name, is_active=True).first() if name else None
    if owner is None:
        usernames = User.objects.filter(is_active=True).order_by("username").values_list("username", flat=True)
        error = "No active user has this name." if name else ""
        context = {"usernames": usernames[:MAX_USERNAMES], "name": name, "error": error}
        return _page(request, "album/owner.html", albums, context, 422 if name else 200)
    for album in albums:
        note_deletion(request, album, "album-given-away")  # it is gone for its former owner
    values = {"owner": owner.pk, "owner_name": owner.get_username()}
    return responses.respond(request, start(request, "album-owner", albums, values), "albums:list")


def start(request: HttpRequest, kind: str, albums: list[Album], values: dict[str, Any] | None = None) -> Operation:
    """Starts an operation on the albums. If its action raises an error, no operation remains."""
    params = {"albums": [album.pk for album in albums], "title": albums[0].title if len(albums) == 1 else ""}
    with transaction.atomic():
        return operations.start(signed_in_user(request), kind, params | (values or {}))


def _mark(request: HttpRequest, albums: list[Album], kind: str, is_set: bool) -> HttpResponse:
    """`on` in the form says which of both the user means: another user may have changed the albums meanwhile."""
    is_on = request.POST["on"] == "yes" if "on" in request.POST else not is_set
    return responses.respond(request, start(request, kind, albums, {"on": is_on}), "albums:list")


def _page(
    request: HttpRequest, template: str, albums: list[Album], context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Returns a page whose form repeats the selection."""
    back = responses.next_url(request, "albums:list")
    fields = AlbumSelection.parse(request.POST).fields()
    return render(request, template, {"albums": albums, "fields": fields, "back": back, **context}, status=status)


def _target_or_404(request: HttpRequest, value: str) -> Album:
    is_id = value.isascii() and value.isdigit() and len(value) <= 18
    album = Album.objects.visible_to(request.user).filter(pk=value).first() if is_id else None
    if album is None:
        raise Http404
    return album


def _text(request: HttpRequest, field: str) -> str:
    """Returns the field without NUL, which PostgreSQL rejects."""
    return request.POST.get(field, "").replace("\0", "")
