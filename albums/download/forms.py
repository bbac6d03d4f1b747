from django import forms

from albums.download import readiness
from albums.download.scope import Scope, Size
from albums.models import PhotoQuerySet


class DownloadForm(forms.Form):
    """What to download, in the query string of every URL of a download."""

    size = forms.ChoiceField(choices=Size.choices)
    companions = forms.BooleanField(required=False)
    """With sidecars and Live videos."""
    edits = forms.BooleanField(required=False)
    """With the edits of the originals as XMP sidecars."""
    skip_damaged = forms.BooleanField(required=False)
    """Without damaged and missing files."""

    def scope(self, photos: PhotoQuerySet) -> Scope:
        """Returns the scope of a valid form."""
        scope = Scope(photos, Size(self.cleaned_data["size"]), self.cleaned_data["companions"])
        return readiness.without_damaged(scope) if self.cleaned_data["skip_damaged"] else scope

    @property
    def with_edits(self) -> bool:
        """The smaller pictures are rotated already, and a sidecar would rotate them again."""
        return bool(self.cleaned_data["edits"]) and self.cleaned_data["size"] == Size.ORIGINAL
