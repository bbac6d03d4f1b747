"""The progress of uploads straight to the bucket: which of their parts are stored, and which are expected."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from processing.models import Part


@dataclass(frozen=True, slots=True)
class UploadParts:
    """The numbers of the parts."""

    stored: tuple[int, ...]
    expected: tuple[int, ...]

    @property
    def text(self) -> str:
        if Part.WHOLE in self.expected:
            return "uploading to the bucket in one piece"
        stored = f"{len(self.stored)} part{'s' * (len(self.stored) != 1)} in the bucket"
        if not self.expected:
            return stored
        numbers = ", ".join(map(str, self.expected))
        return f"{stored}, uploading part{'s' * (len(self.expected) > 1)} {numbers}"


def build(uploads: Iterable[UUID]) -> dict[UUID, UploadParts]:
    """Returns the parts by upload, for those of the uploads that have parts. One query."""
    numbers: defaultdict[UUID, dict[str, list[int]]] = defaultdict(lambda: {state: [] for state in Part.State.values})
    rows = Part.objects.filter(upload__in=set(uploads)).order_by("number")
    for upload, number, state in rows.values_list("upload_id", "number", "state"):
        numbers[upload][state].append(number)
    return {
        upload: UploadParts(tuple(by_state[Part.State.STORED]), tuple(by_state[Part.State.EXPECTED]))
        for upload, by_state in numbers.items()
    }
