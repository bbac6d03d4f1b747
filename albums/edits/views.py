"""Requests that edit a photo."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from albums.edits import rating
from albums.search import origin
from albums.views.access import photo_or_404


@require_POST
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    """Sets the rating, from 0 to 5 stars, and redirects to the photo. A photo in the trash keeps its rating."""
    photo = photo_or_404(request, pk)
    form = rating.RatingForm(request.POST)
    if not form.is_valid():
        raise BadRequest("A rating is a number from 0 to 5.")
    if not photo.trashed_at:
        rating.rate(photo, form.cleaned_data["rating"])
    return redirect(f"{photo.get_absolute_url()}{origin.parameters(request)}")
