"""Consistency check between rows and stored files, in both directions and in constant memory. It changes nothing.

While other processes are at work, an inconsistency may be temporary: a photo may be deleted between two queries. So every
inconsistency is checked again at the end, and reported only if it still exists.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import product

from django.db.models import Sum

from albums import key_columns
from albums.key_columns import Kind
from albums.models import Leftover, Photo
from processing.integrity import file_check
from processing.integrity.file_check import ExpectedFile, OnBytesRead
from processing.lib import iteration
from processing.models import Finding
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.uploads import staging_keys

FILES = (Kind.STORED, Kind.RENDERED, Kind.RAW)


@dataclass(slots=True)
class Findings:
    """Storage keys. Missing and corrupt files are referenced by rows; orphans exist in storage but are referenced by no row."""

    photos: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def problems(self) -> dict[str, Finding.Problem]:
        """Missing and corrupt files by key. Orphans are not included, because they belong to no row."""
        return dict.fromkeys(self.missing, Finding.Problem.MISSING) | dict.fromkeys(
            self.corrupt, Finding.Problem.CORRUPT
        )

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.corrupt or self.orphans)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verify(passed: OnBytesRead = lambda _: None) -> Findings:
    """Checks all files and rows. `passed` is called with the size of each chunk read; the total is total_bytes() unless files
    are missing or have the wrong size.
    """
    findings = Findings(photos=Photo.objects.count())
    for column in key_columns.columns(*FILES):
        for _, *file in iteration.one_by_one(column.rows().values_list("pk", *column.file_lookups, named=True)):
            _check(findings, ExpectedFile(*file), passed)
    findings.orphans = [key for keys in _all_keys() for key in orphans(keys)]
    return _recheck(findings)


def total_bytes() -> int:
    return sum(column.rows().aggregate(n=Sum(column.size))["n"] or 0 for column in key_columns.columns(*FILES))


def orphans(keys: list[str]) -> list[str]:
    """Returns the keys that no row references and that still exist in storage.

    The caller lists the keys before this reads rows: in the opposite order, a new file would look like an orphan. Leftover rows
    are read first, because the keys of a photo are leftovers until it is published.
    """
    known_keys = set(Leftover.objects.filter(key__in=keys).values_list("key", flat=True)) | _referenced(keys)
    unknown_keys = (key for key in keys if key not in known_keys and not staging_keys.is_local_copy(key))
    return [key for key in unknown_keys if store().exists(key)]


def _check(findings: Findings, file: ExpectedFile, passed: OnBytesRead) -> None:
    problem = file_check.problem(file, passed)
    if problem:
        (findings.missing if problem == Finding.Problem.MISSING else findings.corrupt).append(file.key)


def _referenced(keys: list[str]) -> set[str]:
    """Returns the keys that a photo, a rendition, a companion, an upload or a job references."""
    raw_keys = [key for key in keys if storage_keys.directory(key) == storage_keys.INCOMING]
    owners_in_use = staging_keys.raw_in_use(raw_keys)
    return {
        *(key for column in key_columns.published() for key in column.holding(keys).values_list(column.key, flat=True)),
        *(key for key in raw_keys if storage_keys.owner(key) in owners_in_use),
    }


def _recheck(findings: Findings) -> Findings:
    referenced = {key for keys in iteration.chunks([*findings.missing, *findings.corrupt]) for key in _referenced(keys)}
    findings.missing = [key for key in findings.missing if key in referenced and not store().exists(key)]
    findings.corrupt = [key for key in findings.corrupt if key in referenced]
    findings.orphans = [key for keys in iteration.chunks(findings.orphans) for key in orphans(keys)]
    return findings


def _all_keys() -> Iterator[list[str]]:
    for place, directory in product(locations.in_use(), storage_keys.DIRECTORIES):
        yield from iteration.chunks(store().keys(place + directory))
