"""The page of the trash: photos of all albums, and albums. The trash of one album is the same page with fewer photos."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums import album_trash, removal, shelf, trash
from albums.access import note_deletion, signed_in_user
from albums.models import Album
from albums.trash_page import contents

ALBUMS_A_PAGE = 60
PHOTOS, ALBUMS = "photos", "albums"
LATER = "The rest is deleted within minutes."


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Lists photos or, with `kind=albums`, albums in the trash, the last deleted first."""
    user = signed_in_user(request)
    counts = {
        "photo_count": contents.photos(user).leading().count(),
        "album_count": contents.albums(user).count(),
    }
    kind = request.GET.get("kind") or (ALBUMS if counts["album_count"] and not counts["photo_count"] else PHOTOS)
    shown = _albums(request, user) if kind == ALBUMS else _photos(request, user)
    return render(request, "trash/page.html", {"kind": kind, **counts, **shown})


@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Restores all photos, or with `kind=albums` all albums, in the trash that the user may change."""
    user, until = signed_in_user(request), removal.end_of_request()
    if _kind(request) == ALBUMS:
        count = album_trash.restore_all(contents.albums(user), until)
        messages.success(request, f"{count} album{pluralize(count)} restored.")
        is_complete = not contents.albums(user).exists()
    else:
        count = trash.restore_photos(contents.photos(user), until)
        messages.success(request, f"{count} photo{pluralize(count)} restored.")
        is_complete = not contents.photos(user).exists()
    if not is_complete:
        messages.info(request, "Not all could be restored in time. Select Restore all again.")
    return _back(_kind(request))


@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: HttpRequest) -> HttpResponse:
    """GET shows a confirmation; POST deletes all photos, or with `kind=albums` all albums, in the trash permanently."""
    user, kind, now = signed_in_user(request), _kind(request), timezone.now()
    before = contents.confirmed_at(request.POST.get("before", ""), now)
    photos = contents.emptiable_photos(user).filter(trashed_at__lte=before)
    albums = contents.emptiable_albums(user).filter(trashed_at__lte=before)
    rows = albums if kind == ALBUMS else photos
    if not rows.exists():
        return _back(kind)
    if request.method != "POST":
        total = contents.total_of_albums(albums, user) if kind == ALBUMS else contents.total_of_photos(photos, user)
        return render(request, "trash/empty.html", {"kind": kind, "total": total, "before": now})
    concerned = albums if kind == ALBUMS else Album.objects.filter(pk__in=photos.values("album"))
    for album in concerned.exclude(owner=user):
        note_deletion(request, album, "album-deleted" if kind == ALBUMS else "trash-emptied")
    until = removal.end_of_request()
    if kind == ALBUMS:
        count = album_trash.empty(albums, until)
        messages.success(request, f"{count} album{pluralize(count)} deleted permanently.")
    else:
        count = trash.empty_photos(photos, until)
        messages.success(request, f"{count} photo{pluralize(count)} deleted permanently.")
    if rows.exists():
        messages.info(request, LATER)
    return _back(kind)


def url(kind: str = "") -> str:
    """Returns the URL of the trash, with the photos or albums in it."""
    return reverse("albums:all-trash") + (f"?kind={kind}" if kind else "")


def _photos(request: HttpRequest, user: User) -> dict[str, Any]:
    window = contents.page(contents.photos(user), request.GET.get("after", ""))
    return {"window": window, "may_empty": contents.emptiable_photos(user).exists()}


def _albums(request: HttpRequest, user: User) -> dict[str, Any]:
    albums = contents.albums(user).order_by("-trashed_at", "-pk")
    page = Paginator(albums, ALBUMS_A_PAGE).get_page(request.GET.get("page"))
    cards = {card.album: card for card in shelf.cards(Album.objects.filter(pk__in=[album.pk for album in page]))}
    shown = [cards[album] for album in page if album in cards]
    return {"page": page, "cards": shown, "may_empty": contents.emptiable_albums(user).exists()}


def _kind(request: HttpRequest) -> str:
    values = request.POST if request.method == "POST" else request.GET
    return ALBUMS if values.get("kind") == ALBUMS else PHOTOS


def _back(kind: str) -> HttpResponse:
    return HttpResponseRedirect(url(kind))
