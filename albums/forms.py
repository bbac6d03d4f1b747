from django import forms

from albums.models import Album


class AlbumForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Album
        fields = ["title"]
        error_messages = {
            "title": {
                "required": "Enter a title.",
                "max_length": "Use at most 200 characters.",
            }
        }
