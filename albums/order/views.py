"""Requests that sort an album, and that move photos within it."""

from http import HTTPStatus

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST

from albums import operations
from albums.access import album_or_404, photo_or_404, signed_in_user
from albums.grid import windows
from albums.models import Album, FormerPosition, Operation, Photo, PhotoQuerySet, SortedBy
from albums.operations import responses
from albums.order import actions, keys, moving
from albums.order.moving import Target
from albums.selection import Selection, SelectionError
from albums.selection.selection import MAX_ID

MAX_POSITIONS = 2_000
"""Changed positions that a response to the page's script lists. If more have changed, the script loads the page again."""
NOT_REPEATED = ("csrfmiddlewaretoken", "manual")


class SortForm(forms.Form):
    sorted_by = forms.ChoiceField(choices=SortedBy.choices)


class TargetForm(forms.Form):
    """Where photos are moved to: one of the fields."""

    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    after = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    number = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    end = forms.BooleanField(required=False)


@require_POST
def sort(request: HttpRequest, pk: int) -> HttpResponse:
    """Sorts the album, and redirects to its beginning."""
    album = album_or_404(request, pk)
    form = SortForm(request.POST)
    if not form.is_valid():
        return responses.reject(request, SelectionError("order-unknown", "Choose one of the orders in the Sort menu."))
    params = {"album": album.pk, "sorted_by": form.cleaned_data["sorted_by"]}
    return responses.respond(request, operations.start(signed_in_user(request), "sort", params), album)


@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """GET returns the photo's number in its album, with a form to change it. POST moves the photo and redirects to its tile."""
    photo = _shown_photo_or_404(request, pk)
    if request.method != "POST":
        return _number(request, photo)
    try:
        target = _target(request.POST, photo.album, photo)
    except SelectionError as error:
        return responses.reject(request, error)
    return _move(request, photo, Selection((photo.pk,)), target)


@require_POST
def place_selection(request: HttpRequest) -> HttpResponse:
    """Moves the selected photos within the album of the target, and redirects to the tile of the first one."""
    try:
        selection = Selection.parse(request.POST)
        photos = selection.photos(request.user).select_related("album")
        places = TargetForm(request.POST)
        if places.is_valid() and (neighbour := places.cleaned_data["before"] or places.cleaned_data["after"]):
            photos = photos.filter(album__photos=neighbour)
        photo = photos.order_by("album", "position", "pk").first()
        if photo is None:
            raise SelectionError("nothing-selected", "The selected photos are not in this album any more.")
        album_or_404(request, photo.album_id)
        target = _target(request.POST, photo.album)
    except SelectionError as error:
        return responses.reject(request, error)
    return _move(request, photo, selection, target)


def _move(request: HttpRequest, photo: Photo, selection: Selection, target: Target) -> HttpResponse:
    """Moves the selection within the album of `photo`, which is the first of it. Asks before it ends another order."""
    album = photo.album
    if album.sorted_by in keys.KEYS and not request.POST.get("manual"):
        return _ask(request, album)
    target = _without_selected(target, album, selection.photos(request.user))
    where = {"photo": target.photo_id, "is_behind": target.is_behind}
    params = {"album": album.pk, "selection": selection.to_json(), **where}
    operation = operations.start(signed_in_user(request), "place", params)
    photo.refresh_from_db(fields=["position"])
    url = windows.url_of(photo)
    return _changes(request, operation, url) if _is_script(request) else responses.respond(request, operation, url)


def _target(fields: QueryDict, album: Album, photo: Photo | None = None) -> Target:
    """Returns the place that the form names. A number needs the photo that is moved. Raises SelectionError."""
    form = TargetForm(fields)
    if not form.is_valid():
        raise SelectionError("place-invalid", "Enter a position as a number, from 1.")
    data = form.cleaned_data
    if data["number"] and photo:
        return moving.nth(album, data["number"], photo)
    neighbour_id = data["before"] or data["after"]
    if neighbour_id and not album.photos.shown().filter(pk=neighbour_id).exists():
        raise SelectionError("place-gone", "The photo next to it is not in this album any more. Reload the page.")
    if not neighbour_id and not data["end"]:
        raise SelectionError("place-invalid", "Enter a position as a number, from 1.")
    return Target(neighbour_id, is_behind=not data["before"])


def _without_selected(target: Target, album: Album, selected: PhotoQuerySet) -> Target:
    """Returns the same place, next to a photo that is not moved itself."""
    neighbour = selected.filter(pk=target.photo_id).first() if target.photo_id else None
    if neighbour is None:
        return target
    following = (
        windows.PhotoList(album.photos.shown())
        .after(neighbour.position, neighbour.pk)
        .exclude(pk__in=selected.values("pk"))
    )
    return Target(following.values_list("pk", flat=True).first())


def _ask(request: HttpRequest, album: Album) -> HttpResponse:
    """Returns a page that repeats the form, with the switch to manual order."""
    fields = [(name, value) for name, values in request.POST.lists() for value in values if name not in NOT_REPEATED]
    context = {"album": album, "fields": fields, "order": actions.PHRASES[SortedBy(album.sorted_by)]}
    response = render(request, "order/confirm.html", context, status=HTTPStatus.CONFLICT)
    response["X-Error-Code"] = "album-is-sorted"
    return response


def _number(request: HttpRequest, photo: Photo) -> HttpResponse:
    number, count = moving.number_of(photo), photo.album.photos.shown().count()
    if _is_script(request):
        return JsonResponse({"number": number, "count": count})
    return render(
        request, "order/number.html", {"photo": photo, "album": photo.album, "number": number, "count": count}
    )


def _changes(request: HttpRequest, operation: Operation, url: str) -> HttpResponse:
    """Returns what the page's script needs to show the new order: the changed positions by id, the toast, and the URL."""
    changed = FormerPosition.objects.filter(operation=operation).values_list("photo_id", "position_after")
    positions = dict(changed[: MAX_POSITIONS + 1])
    if len(positions) > MAX_POSITIONS or operation.is_unfinished:
        positions = {}
    page = responses.next_url(request, url)
    toast = render_to_string("operation/_toast.html", responses.context(operation, page), request)
    return JsonResponse({"positions": positions, "toast": toast, "url": url})


def _shown_photo_or_404(request: HttpRequest, pk: int) -> Photo:
    """Returns the photo, or the one that is shown for it. Photos in the trash have no place to choose. Raises Http404."""
    photo = photo_or_404(request, pk)
    if photo.trashed_at:
        raise Http404
    return photo_or_404(request, photo.shown_as_id) if photo.shown_as_id else photo


def _is_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"
