"""Pages: the list of albums, and one album."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from albums import album_list, album_trash, shelf
from albums.forms import AlbumForm, AlbumListForm
from albums.grid import views as grid
from albums.grid import windows
from albums.models import Album
from albums.views.access import album_or_404, ensure_deletable, note_deletion

ALBUMS_A_PAGE = 60


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    form = AlbumListForm(request.GET)
    albums = album_list.matching(request.user, form.text, form.order)
    page = Paginator(albums, ALBUMS_A_PAGE).get_page(request.GET.get("page"))
    cards = {card.album: card for card in shelf.cards(Album.objects.filter(pk__in=[album.pk for album in page]))}
    context = {
        "page": page,
        "form": form,
        "cards": [cards[album] for album in page if album in cards],
        "spans": album_list.spans(list(page)),
        "deleted_count": Album.objects.changeable_by(request.user).trashed().count(),
    }
    return render(request, "album/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    form = AlbumForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        form.instance.owner = request.user
        return redirect(_save_and_warn(request, form))
    return render(request, "album/form.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The album's photos, one window at a time (`albums/grid/windows.py`)."""
    album = album_or_404(request, pk)
    if "page" in request.GET:
        return redirect(windows.url_of_old_page(album, request.GET["page"]))
    return grid.album_page(request, album)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    album = album_or_404(request, pk)
    form = AlbumForm(request.POST or None, instance=album)
    if request.method == "POST" and form.is_valid():
        return redirect(_save_and_warn(request, form))
    return render(request, "album/form.html", {"form": form, "album": album}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows a confirmation; POST moves the album to the trash."""
    album = album_or_404(request, pk)
    ensure_deletable(request, album)
    if request.method == "POST":
        assert isinstance(request.user, User)
        note_deletion(request, album, "album-trashed" if settings.TRASH_DAYS else "album-deleted")
        if album_trash.move_to_trash(album, by=request.user.get_username()):
            messages.success(request, render_to_string("trash/_album_moved.html", {"album": album}, request))
        else:
            messages.success(request, f"{album.title} was deleted.")
        return redirect("albums:list")
    counts = {"photo_count": album.photos.shown().count(), "trashed_count": album.photos.trashed().leading().count()}
    return render(request, "album/delete.html", {"album": album, "days": settings.TRASH_DAYS, **counts})


def _save_and_warn(request: HttpRequest, form: AlbumForm) -> Album:
    """Saves the album. Warns about another album of the same title: users might upload photos to the wrong one."""
    album: Album = form.save()
    namesakes = Album.objects.filter(owner=album.owner, title__iexact=album.title, trashed_at=None)
    if "title" in form.changed_data and (namesake := namesakes.exclude(pk=album.pk).first()):
        message = format_html(
            'You have another album called <a href="{}">{}</a>.', namesake.get_absolute_url(), namesake.title
        )
        messages.warning(request, message)
    return album
