"""What a person may ask the list of batches for. A nonsense value asks for nothing."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from albums.models import Album
from processing.queries import batch_list
from processing.queries.batch_list import State, Wanted

LONGEST = 200


class BatchFilter(forms.Form):
    text = forms.CharField(label="Album or file name", required=False, max_length=LONGEST)
    album = forms.ModelChoiceField(Album.objects.none(), required=False, empty_label="All albums")
    state = forms.ChoiceField(choices=[("", "Any state"), *State.choices], required=False)
    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Sent by", empty_label="Anybody")

    def __init__(self, request: HttpRequest, albums: QuerySet[Album]) -> None:
        super().__init__(request.GET, label_suffix="")
        self._field("text").widget.input_type = "search"
        self._field("album").queryset = albums
        if request.user.has_perm("albums.change_album"):
            self._field("person").queryset = batch_list.openers(albums)
        else:
            del self.fields["person"]

    @property
    def wanted(self) -> Wanted:
        self.is_valid()
        asked: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        if state := asked.get("state"):
            asked["state"] = State(state)
        return Wanted(**asked)

    def _field(self, name: str) -> Any:
        return self.fields[name]
