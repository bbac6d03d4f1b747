"""The rating that a user gives a photo. It is shown in place of the rating in the file, which never changes."""

from django import forms

from albums.models import Photo

MAX_STARS = 5


class RatingForm(forms.Form):
    rating = forms.IntegerField(min_value=0, max_value=MAX_STARS)


def rate(photo: Photo, stars: int) -> None:
    """Sets the photo's rating. 0 means unrated, also if the file has a rating."""
    Photo.objects.filter(pk=photo.pk).update(edited_rating=stars)
