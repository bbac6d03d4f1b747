"""Pages: the list of albums, and one album."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from albums import album_list, album_trash, shelf
from albums.access import album_or_404, ensure_deletable, note_deletion
from albums.album_selection import views as album_selection
from albums.album_selection.selection import MAX_ID_DIGITS
from albums.grid import views as grid
from albums.grid import windows
from albums.models import Album
from albums.nesting import tree
from albums.operations import responses as operation_responses
from albums.trash_page import contents
from albums.views.forms import AlbumForm, AlbumListForm

ALBUMS_A_PAGE = 60


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The top-level albums; with `inside` those inside an album, with `show=archived` archived ones, with `q` those found."""
    form = AlbumListForm(request.GET)
    parent = album_or_404(request, form.parent_id) if form.parent_id else None
    albums = album_list.matching(request.user, form.text, form.order, form.shown, form.parent_id)
    page = Paginator(albums, ALBUMS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "form": form,
        "parent": parent,
        "cards": shelf.cards_in_order(page),
        "spans": album_list.spans(list(page)),
        "is_first_run": not form.has_changed_list and not Album.objects.visible_to(request.user).exists(),
        "is_selecting": "select" in request.GET,
        "may_change_owners": request.user.has_perm("albums.change_album"),
    }
    return render(request, "album/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Creates an album at the top level, or inside the album named by `inside`, whose owner it gets.

    With `reuse`, redirects to the album of this title inside that album if there is one: the folder was uploaded before.
    """
    form = AlbumForm(request.POST or None)
    parent = _parent_or_404(request)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        form.instance.owner = request.user
        try:
            with transaction.atomic():
                album = tree.create(form.instance, parent.pk if parent else None, reuse="reuse" in request.POST)
        except tree.NestingError as error:
            form.add_error(None, error.message)
        else:
            if album == form.instance:
                _warn_of_namesake(request, album)
            return redirect(album)
    return render(request, "album/form.html", {"form": form, "parent": parent}, status=422 if form.errors else 200)


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The album's photos, one window at a time (`albums/grid/windows.py`)."""
    album = album_or_404(request, pk)
    if "page" in request.GET:
        return redirect(windows.url_of_old_page(album, request.GET["page"]))
    return grid.album_page(request, album)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Changes title and description."""
    album = album_or_404(request, pk)
    form = AlbumForm(request.POST or None, instance=album)
    if request.method == "POST" and form.is_valid():
        if "title" in form.changed_data:
            _warn_of_namesake(request, album)
        if not form.has_changed():
            return redirect(album)
        values = {name: form.cleaned_data[name] for name in ("title", "description")}
        return operation_responses.respond(
            request, album_selection.start(request, "album-edit", [album], {"values": values}), album
        )
    return render(request, "album/form.html", {"form": form, "album": album}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST moves the album and those inside it to the trash, or deletes them if there is none."""
    album = album_or_404(request, pk)
    ensure_deletable(request, album)
    if request.method == "POST":
        note_deletion(request, album, "album-trashed" if settings.TRASH_DAYS else "album-deleted")
        if settings.TRASH_DAYS:
            operation = album_selection.start(request, "album-delete", [album])
            return operation_responses.respond(request, operation, "albums:list")
        album_trash.delete_now([album.pk])
        messages.success(request, f"{album.title} was deleted.")
        return redirect("albums:list")
    assert isinstance(request.user, User)
    context = {
        "album": album,
        "photo_count": album.photos.shown().count(),
        "trashed_count": album.photos.trashed().leading().count(),
        "total": contents.total_of_album(album, request.user),
        "days": settings.TRASH_DAYS,
    }
    return render(request, "album/delete.html", context)


def _parent_or_404(request: HttpRequest) -> Album | None:
    """Returns the album that the request names in `inside`."""
    value = (request.POST if request.method == "POST" else request.GET).get("inside", "")
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS):
        raise Http404
    return album_or_404(request, int(value))


def _warn_of_namesake(request: HttpRequest, album: Album) -> None:
    """Warns about another album of the same title beside it: users might upload photos to the wrong one."""
    namesakes = Album.objects.filter(
        owner=album.owner, parent=album.parent_id, title__iexact=album.title, trashed_at=None
    )
    if namesake := namesakes.exclude(pk=album.pk).first():
        message = format_html(
            'You have another album called <a href="{}">{}</a>.', namesake.get_absolute_url(), namesake.title
        )
        messages.warning(request, message)
