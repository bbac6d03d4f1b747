"""What is wrong with stored files, kept where people see it until it is right again: the queue's page and the admin."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q

from albums.models import Companion, Photo
from processing.models import Finding

log = logging.getLogger(__name__)

Troubles = Mapping[str, Finding.Trouble]
"""By storage key."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose file it is, by id. A raw file is neither's."""

    photo: int | None = None
    companion: int | None = None


def note(kept: Photo | Companion, troubles: Troubles) -> None:
    """These are all the troubles that the photo, or the companion, has."""
    owner = Owner(photo=kept.pk) if isinstance(kept, Photo) else Owner(companion=kept.pk)
    Finding.objects.filter(photo=owner.photo, companion=owner.companion).exclude(key__in=troubles).delete()
    for key, trouble in troubles.items():
        _note(key, trouble, owner)


def settle(troubles: Troubles) -> None:
    """These are all the troubles that there are."""
    for key in Finding.objects.values_list("key", flat=True):
        if key not in troubles:
            _settle(key)
    for key, trouble in troubles.items():
        photos = Photo.objects.filter(Q(original_key=key) | Q(renditions__key=key))
        companions = Companion.objects.filter(key=key)
        _note(key, trouble, Owner(*(rows.values_list("pk", flat=True).first() for rows in (photos, companions))))


def _settle(key: str) -> None:
    """What was restored counts as verified when it has been read back, which is what the background check does next."""
    for rows in (Photo.objects, Companion.objects):
        rows.filter(findings__key=key).update(checked_at=None)
    Finding.objects.filter(key=key).delete()


def _note(key: str, trouble: Finding.Trouble, owner: Owner) -> None:
    told = {"trouble": trouble, "photo_id": owner.photo, "companion_id": owner.companion}
    _, is_new = Finding.objects.update_or_create(key=key, defaults=told)
    if is_new:
        # What was right once is not any more; and when it is restored, it has to be read back first.
        for rows in (Photo.objects, Companion.objects):
            rows.filter(findings__key=key).update(verified_at=None)
        log.error("Stored file %s is %s; manage.py verify --repair restores what can be restored", key, trouble.label)
