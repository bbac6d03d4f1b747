"""Requests that edit, rate and rotate photos."""

from copy import copy

from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from albums.attachments import attachment
from albums.edits import editing, mixed, orientation, overrides, rotation, xmp
from albums.edits.bulk_form import SelectionEditForm
from albums.edits.forms import PhotoEditForm, RatingForm
from albums.edits.mixed import MixedValues
from albums.edits.overrides import RESET, Changes
from albums.models import Photo
from albums.operations import responses
from albums.search import origin
from albums.selection import Selection, SelectionError
from albums.views.access import photo_or_404


@require_POST
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    """Sets the rating, from 0 to 5 stars, and redirects to the photo. A photo in the trash keeps its rating.

    A RAW that is shown with a JPEG is rated as that JPEG.
    """
    photo = photo_or_404(request, pk)
    form = RatingForm(request.POST)
    if not form.is_valid():
        raise BadRequest("A rating is a number from 0 to 5.")
    url = _photo_url(request, photo.shown_as or photo)
    if photo.trashed_at:
        return redirect(url)
    changes: Changes = {"rating": {"set": form.cleaned_data["rating"]}}
    try:
        return _save(request, Selection(ids=(photo.shown_as_id or photo.pk,)), changes, url)
    except SelectionError as error:  # another user has deleted it meanwhile
        return responses.reject(request, error)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_photo(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the form. POST saves the touched fields and redirects to the photo; `reset-all` removes all edits.

    A photo in the trash is not edited, and a RAW that is shown with a JPEG is edited as that JPEG.
    """
    photo = photo_or_404(request, pk)
    if photo.trashed_at:
        return redirect(photo)
    if photo.shown_as_id:
        return redirect("albums:edit-photo", photo.shown_as_id)
    is_sent = request.method == "POST" and "reset-all" not in request.POST
    form = PhotoEditForm(photo, request.POST if is_sent else None)
    if request.method == "POST" and (not is_sent or form.is_valid()):
        changes = form.changes() if is_sent else dict.fromkeys(overrides.COLUMNS, RESET)
        try:
            return _save(request, Selection(ids=(photo.pk,)), changes, _photo_url(request, photo))
        except SelectionError as error:  # another user has deleted it meanwhile
            return responses.reject(request, error)
    status = 422 if form.errors else 200
    context = {
        "photo": photo,
        "photo_url": _photo_url(request, photo),
        "form": form,
        "is_edited": bool(overrides.edited_fields(photo)),
    }
    return render(request, "photo/edit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_selection(request: HttpRequest) -> HttpResponse:
    """Shows the form for the selection in the query or the form's fields. A POST with `save` saves it.

    A POST with `preview` shows the form again, with what a change of the dates does to the first and the last photo.
    """
    fields = request.POST if request.method == "POST" else request.GET
    try:
        selection = Selection.parse(fields)
        values = mixed.read(selection.photos(request.user))
        if not values.total:
            raise SelectionError("nothing-selected", "The selected photos do not exist any more.")
        is_sent = request.method == "POST" and bool({"save", "preview"} & fields.keys())
        form = SelectionEditForm(values, request.POST if is_sent else None)
        if is_sent and "save" in fields and form.is_valid():
            return _save(request, selection, form.changes(), _page_of(selection))
    except SelectionError as error:
        return responses.reject(request, error)
    context = {
        "form": form,
        "mixed": values,
        "selection": selection,
        "next": responses.next_url(request, _page_of(selection)),
        "preview": _preview(form, values) if is_sent and form.is_valid() else [],
    }
    return render(request, "selection/edit.html", context, status=422 if form.errors else 200)


@require_POST
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Rotates or flips a photo and redirects to it. A photo in the trash stays as it is."""
    photo = photo_or_404(request, pk)
    turn = _turn(request)
    if photo.trashed_at:
        return redirect(photo)
    selection = Selection(ids=(photo.shown_as_id or photo.pk,))
    try:
        return _rotate(request, selection, turn, _photo_url(request, photo))
    except SelectionError as error:
        return responses.reject(request, error)


@require_POST
def rotate_selection(request: HttpRequest) -> HttpResponse:
    """Rotates or flips the selected photos."""
    try:
        selection = Selection.parse(request.POST)
        return _rotate(request, selection, _turn(request), _page_of(selection))
    except SelectionError as error:
        return responses.reject(request, error)


@require_safe
def sidecar(request: HttpRequest, pk: int) -> HttpResponse:
    """Returns the photo's edits as an XMP sidecar. 404 without edits."""
    file = xmp.sidecar(photo_or_404(request, pk))
    if file is None:
        raise Http404
    name, content = file
    response = HttpResponse(content, content_type="application/rdf+xml")
    response["Content-Disposition"] = attachment(name)
    return response


def _save(request: HttpRequest, selection: Selection, changes: Changes, to: object) -> HttpResponse:
    assert isinstance(request.user, User)
    operation = editing.edit(request.user, selection, changes)
    return responses.respond(request, operation, to) if operation else redirect(responses.next_url(request, to))


def _rotate(request: HttpRequest, selection: Selection, turn: str, to: object) -> HttpResponse:
    assert isinstance(request.user, User)
    return responses.respond(request, rotation.rotate(request.user, selection, turn), to)


def _photo_url(request: HttpRequest, photo: Photo) -> str:
    """The photo's page, among the photos of the search from which the user came."""
    return f"{photo.get_absolute_url()}{origin.parameters(request)}"


def _page_of(selection: Selection) -> str:
    """The page that contains the selected photos, unless the request names another."""
    return reverse("albums:detail", args=[selection.album_id]) if selection.album_id else reverse("albums:list")


def _turn(request: HttpRequest) -> str:
    turn = request.POST.get("turn", "")
    if turn not in orientation.TURNS:
        raise BadRequest("A turn is left, right, 180 or flip.")
    return turn


def _preview(form: SelectionEditForm, values: MixedValues) -> list[tuple[Photo, Photo]]:
    """Returns the first and the last photo, each before and after a change of the dates."""
    changes = form.changes()
    ends = [photo for photo in (values.first, values.last) if photo]
    if "date" not in changes:
        return []
    pairs = []
    for photo in ends:
        after = copy(photo)
        for column, value in overrides.changed_columns(photo, {"date": changes["date"]}).items():
            setattr(after, column, value)
        pairs.append((photo, after))
    return pairs
