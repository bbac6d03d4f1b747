"""What is wrong with stored files, kept where people see it until it is right again: the queue's page and the admin."""

import logging
from collections.abc import Mapping

from django.db.models import Q

from albums.models import Photo
from processing.models import Finding

log = logging.getLogger(__name__)

Troubles = Mapping[str, Finding.Trouble]
"""By storage key."""


def note(photo: Photo, troubles: Troubles) -> None:
    """These are all the troubles that the photo has."""
    Finding.objects.filter(photo=photo).exclude(key__in=troubles).delete()
    for key, trouble in troubles.items():
        _note(key, trouble, photo.pk)


def settle(troubles: Troubles) -> None:
    """These are all the troubles that there are."""
    for key in Finding.objects.values_list("key", flat=True):
        if key not in troubles:
            _settle(key)
    for key, trouble in troubles.items():
        photo = Photo.objects.filter(Q(original_key=key) | Q(renditions__key=key)).values_list("pk", flat=True).first()
        _note(key, trouble, photo)


def _settle(key: str) -> None:
    """What was restored counts as verified when it has been read back, which is what the background check does next."""
    Photo.objects.filter(findings__key=key).update(checked_at=None)
    Finding.objects.filter(key=key).delete()


def _note(key: str, trouble: Finding.Trouble, photo: int | None) -> None:
    _, is_new = Finding.objects.update_or_create(key=key, defaults={"trouble": trouble, "photo_id": photo})
    if is_new:
        # What was right once is not any more; and when it is restored, it has to be read back first.
        Photo.objects.filter(findings__key=key).update(verified_at=None)
        log.error("Stored file %s is %s; manage.py verify --repair restores what can be restored", key, trouble.label)
