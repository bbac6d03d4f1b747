from django import forms

from albums.album_list import AlbumOrder
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


class AlbumListForm(forms.Form):
    """The filter and the order of the album list. Invalid values count as empty."""

    q = forms.CharField(label="Search albums", required=False, max_length=200)
    sort = forms.ChoiceField(label="Sort", required=False, choices=AlbumOrder.choices)

    orders = AlbumOrder.choices
    """Value and label of each order. Templates can't read them from a member of the enumeration."""

    @property
    def text(self) -> str:
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))

    @property
    def order(self) -> AlbumOrder:
        self.is_valid()
        return AlbumOrder(self.cleaned_data.get("sort") or AlbumOrder.RECENT)
