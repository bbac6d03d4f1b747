"""The format of storage keys."""

import uuid

import pytest

from processing.storage import keys as storage_keys

CLAIM, OTHER = uuid.UUID(int=0xAB << 120), uuid.UUID(int=0xCD << 120)

pytestmark = pytest.mark.once


def test_a_key_contains_its_location_its_directory_and_its_claim():
    assert storage_keys.received("", CLAIM) == f"incoming/{CLAIM}"
    assert storage_keys.original("s3/", CLAIM, ".jpg") == f"s3/originals/ab/{CLAIM.hex}.jpg"
    assert storage_keys.rendition("", CLAIM, "800.webp") == f"renditions/ab/{CLAIM.hex}/800.webp"


@pytest.mark.parametrize("location", storage_keys.ALL)
def test_a_moved_file_gets_a_key_of_the_same_form(location):
    original = storage_keys.original(storage_keys.DISK, CLAIM, ".jpg")
    rendition = storage_keys.rendition(storage_keys.DISK, CLAIM, "800.webp")

    assert storage_keys.relocated(original, location, OTHER) == storage_keys.original(location, OTHER, ".jpg")
    assert storage_keys.relocated(rendition, location, OTHER) == storage_keys.rendition(location, OTHER, "800.webp")


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        (storage_keys.received("", CLAIM), CLAIM),
        (storage_keys.received("s3/", CLAIM), CLAIM),
        (storage_keys.draft(storage_keys.received("s3/", CLAIM)), CLAIM),
        (f"{storage_keys.scratch(CLAIM.hex)}/out/800.webp", CLAIM),
        (f"{storage_keys.scratch('doctor-1')}/rate", None),
        ("incoming", None),
        (storage_keys.original("", CLAIM, ""), None),
        (storage_keys.quarantined(storage_keys.received("", CLAIM)), None),
    ],
)
def test_a_key_in_incoming_belongs_to_an_upload_or_a_claim(key, owner):
    assert storage_keys.owner(key) == owner


def test_only_files_in_the_directory_of_a_claim_are_scratch_files():
    assert storage_keys.is_scratch(f"{storage_keys.scratch(CLAIM.hex)}/800.webp")
    assert not storage_keys.is_scratch(f"{storage_keys.scratch('doctor-1')}/rate")
    assert not storage_keys.is_scratch(storage_keys.received("", CLAIM))


def test_a_quarantined_file_stays_at_the_same_location():
    assert storage_keys.quarantined("s3/originals/ab/a.jpg") == "s3/quarantine/originals/ab/a.jpg"
