"""Findings: rows for damaged or missing files, shown on the queue page and in the admin until the files are repaired."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from albums import key_columns
from albums.models import Companion, Photo
from processing.models import Finding

log = logging.getLogger(__name__)

Problems = Mapping[str, Finding.Problem]
"""By storage key."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Ids of the photo or companion that owns a file. A raw file has neither."""

    photo: int | None = None
    companion: int | None = None

    @classmethod
    def of(cls, item: Photo | Companion | None) -> "Owner":
        return cls(item.pk if isinstance(item, Photo) else None, item.pk if isinstance(item, Companion) else None)


def record(item: Photo | Companion, problems: Problems) -> None:
    """Replaces the findings of a photo or companion."""
    owner = Owner.of(item)
    Finding.objects.filter(photo=owner.photo, companion=owner.companion).exclude(key__in=problems).delete()
    for key, problem in problems.items():
        _note(key, problem, owner)


def settle(problems: Problems) -> None:
    """Replaces the findings of all files."""
    for key in Finding.objects.values_list("key", flat=True):
        if key not in problems:
            _settle(key)
    for key, problem in problems.items():
        _note(key, problem, Owner.of(key_columns.item(key)))


def _settle(key: str) -> None:
    """Deletes a finding, and makes the background check read the item back first: only then does it count as verified again."""
    for rows in (Photo.objects, Companion.objects):
        rows.filter(findings__key=key).update(checked_at=None)
    Finding.objects.filter(key=key).delete()


def _note(key: str, problem: Finding.Problem, owner: Owner) -> None:
    fields = {"problem": problem, "photo_id": owner.photo, "companion_id": owner.companion}
    _, is_new = Finding.objects.update_or_create(key=key, defaults=fields)
    if is_new:
        # The item is no longer verified. After a repair it has to be read back first.
        for rows in (Photo.objects, Companion.objects):
            rows.filter(findings__key=key).update(verified_at=None)
        log.error("Stored file %s is %s. To repair it, run manage.py verify --repair", key, problem.label)
