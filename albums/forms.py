from django import forms

from albums.models import Album


class AlbumForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Album
        fields = ["title"]
        error_messages = {
            "title": {
                "required": "Give the album a title.",
                "max_length": "A title has at most 200 characters.",
            }
        }
