from django import forms

from albums.download import readiness
from albums.download.selection import Selection, Size
from albums.models import PhotoQuerySet


class DownloadForm(forms.Form):
    """What to download, in the query string of every URL of a download."""

    size = forms.ChoiceField(choices=Size.choices)
    companions = forms.BooleanField(required=False)
    """With sidecars and Live videos."""
    edits = forms.BooleanField(required=False)
    """With XMP sidecars of the edits made in Darkroom."""
    skip_damaged = forms.BooleanField(required=False)
    """Without damaged and missing files."""

    def selection(self, photos: PhotoQuerySet) -> Selection:
        """Returns the selection of a valid form."""
        selection = Selection(photos, Size(self.cleaned_data["size"]), self.cleaned_data["companions"])
        return readiness.without_damaged(selection) if self.cleaned_data["skip_damaged"] else selection
