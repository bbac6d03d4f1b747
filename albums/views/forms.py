from django import forms

from albums.album_list import AlbumOrder, AlbumShow
from albums.models import Album

MAX_DESCRIPTION = 5000


class AlbumForm(forms.ModelForm):  # type: ignore[type-arg]
    description = forms.CharField(
        required=False,
        max_length=MAX_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"max_length": f"Use at most {MAX_DESCRIPTION:,} characters."},
    )

    class Meta:
        model = Album
        fields = ["title", "description"]
        widgets = {"title": forms.TextInput(attrs={"autofocus": True})}
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
    show = forms.ChoiceField(label="Show", required=False, choices=AlbumShow.choices)
    inside = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    @property
    def has_changed_list(self) -> bool:
        """True if the list is not the one of all top-level albums."""
        return bool(self.text or self.parent_id or self.shown != AlbumShow.CURRENT)

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

    @property
    def shown(self) -> AlbumShow:
        self.is_valid()
        return AlbumShow(self.cleaned_data.get("show") or AlbumShow.CURRENT)

    @property
    def parent_id(self) -> int | None:
        """The album whose albums are listed; None for the top-level ones."""
        self.is_valid()
        return self.cleaned_data.get("inside")
