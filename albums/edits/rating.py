"""The rating that a user gives a photo by one key. It is shown in place of the rating in the file, which never changes."""

from django.db import transaction

from albums.edits import sorting
from albums.models import Photo


def rate(photo: Photo, stars: int) -> None:
    """Sets the photo's rating. 0 means unrated, also if the file has a rating."""
    with transaction.atomic():
        sorting.lock(Photo.objects.filter(pk=photo.pk), ["edited_rating"])
        Photo.objects.filter(pk=photo.pk).update(edited_rating=stars)
        sorting.place([photo], ["edited_rating"])
