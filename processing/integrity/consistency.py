"""Do rows and files agree? Looks at every row's file and every file's row, in constant memory, and changes nothing.

What is found while others are at work may be passing: a photo was deleted between two looks. So every finding is looked at once
more at the end, and told only if it still stands.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import product

from django.db.models import QuerySet, Sum

from albums.models import Companion, Leftover, Photo, Rendition
from processing.integrity import file_check
from processing.integrity.file_check import Passed, Wanted
from processing.lib import iteration
from processing.models import Finding, ProcessingJob
from processing.models.states import KEEPS_RAW
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.uploads import staging_keys

ROOMS = ("originals", "renditions", "incoming")


@dataclass(slots=True)
class Findings:
    """Storage keys. Missing and corrupt ones are wanted by rows; orphans are there and wanted by none."""

    photos: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def troubles(self) -> dict[str, Finding.Trouble]:
        """By key; orphans are none, for no row is without its file."""
        return dict.fromkeys(self.missing, Finding.Trouble.MISSING) | dict.fromkeys(
            self.corrupt, Finding.Trouble.CORRUPT
        )

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.corrupt or self.orphans)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verify(passed: Passed = lambda _: None) -> Findings:
    """`passed` is told of the bytes as they are read: of all of them, when all are there."""
    found = Findings()
    for photo in iteration.one_by_one(Photo.objects.prefetch_related("renditions")):
        found.photos += 1
        for wanted in file_check.of_photo(photo):
            _look(found, wanted, passed)
    for companion in iteration.one_by_one(Companion.objects.all()):
        for wanted in file_check.of(companion):
            _look(found, wanted, passed)
    for job in iteration.one_by_one(_with_raw_files()):
        _look(found, file_check.of_raw(job), passed)
    found.orphans = [key for keys in _all_keys() for key in unknown(keys)]
    return _still_standing(found)


def bytes_to_read() -> int:
    sums = (
        Photo.objects.aggregate(n=Sum("original_bytes")),
        Rendition.objects.aggregate(n=Sum("bytes")),
        Companion.objects.aggregate(n=Sum("bytes")),
        _with_raw_files().aggregate(n=Sum("upload__size")),
    )
    return sum(each["n"] or 0 for each in sums)


def unknown(keys: list[str]) -> list[str]:
    """Those of the keys that no row knows, and that are still there.

    Keys are listed first and asked after, or a new file would look like nobody's; and leftovers are asked for first, since a
    photo's keys are leftovers until the moment it is there.
    """
    known = set(Leftover.objects.filter(key__in=keys).values_list("key", flat=True)) | _wanted(keys)
    strange = (key for key in keys if key not in known and not staging_keys.is_on_loan(key))
    return [key for key in strange if store().exists(key)]


def _with_raw_files() -> QuerySet[ProcessingJob]:
    return ProcessingJob.objects.filter(state__in=KEEPS_RAW).select_related("upload")


def _look(found: Findings, wanted: Wanted, passed: Passed) -> None:
    trouble = file_check.trouble(wanted, passed)
    if trouble:
        (found.missing if trouble == Finding.Trouble.MISSING else found.corrupt).append(wanted.key)


def _wanted(keys: list[str]) -> set[str]:
    """Those of the keys that a photo, a rendition, a companion, an upload or a job wants."""
    raw = [key for key in keys if storage_keys.bare(key).startswith("incoming/")]
    owners = staging_keys.raw_in_use(raw)
    return {
        *Photo.objects.filter(original_key__in=keys).values_list("original_key", flat=True),
        *Rendition.objects.filter(key__in=keys).values_list("key", flat=True),
        *Companion.objects.filter(key__in=keys).values_list("key", flat=True),
        *(key for key in raw if staging_keys.owner(key) in owners),
    }


def _still_standing(found: Findings) -> Findings:
    wanted = {key for keys in iteration.chunks([*found.missing, *found.corrupt]) for key in _wanted(keys)}
    found.missing = [key for key in found.missing if key in wanted and not store().exists(key)]
    found.corrupt = [key for key in found.corrupt if key in wanted]
    found.orphans = [key for keys in iteration.chunks(found.orphans) for key in unknown(keys)]
    return found


def _all_keys() -> Iterator[list[str]]:
    for place, room in product(locations.in_use(), ROOMS):
        yield from iteration.chunks(store().keys(place + room))
