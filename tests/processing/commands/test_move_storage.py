"""manage.py move_storage: between disk and bucket, and never a row without its whole file."""

import hashlib
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from albums.models import Album, Companion, Leftover, Photo, Rendition
from processing.integrity import consistency, file_check
from processing.maintenance import storage_migration
from processing.maintenance import sweep as recovery
from processing.rendering import worker
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.s3 import config as s3_config
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.embedded]


@pytest.fixture
def photo(album, settings, bucket, django_capture_on_commit_callbacks) -> Photo:
    """A real one on the disk, with two renditions; there is a bucket now."""
    settings.S3_BUCKET = ""
    photo = made(album, django_capture_on_commit_callbacks)
    settings.S3_BUCKET = bucket.bucket
    return photo


def made(album: Album, callbacks) -> Photo:
    making.received(album, making.jpeg((900, 600)))
    with callbacks(execute=True):
        worker.develop_next()
    return album.photos.latest("pk")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("move_storage", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def keys() -> set[str]:
    return {
        *Photo.objects.values_list("original_key", flat=True),
        *Rendition.objects.values_list("key", flat=True),
        *Companion.objects.values_list("key", flat=True),
    }


def stored() -> set[str]:
    rooms = [f"{place}{room}" for place in storage_keys.ALL for room in ("originals", "renditions")]
    return {key for room in rooms for key in store().keys(room)}


def a_lease_passes() -> None:
    past = timezone.now() - timedelta(days=1)
    Leftover.objects.update(created_at=past)
    recovery.sweep()


def test_everything_of_a_photo_moves_and_its_old_files_go_with_the_sweep(photo):
    assert run("--to", "bucket").startswith("1 moved (")

    assert len(keys()) == 4
    assert all(key.startswith("s3/") for key in keys())
    assert consistency.verify().is_clean
    a_lease_passes()
    assert stored() == keys()
    assert consistency.verify().is_clean


def test_there_and_back_again(photo):
    before = {wanted.sha256 for wanted in file_check.files(photo)}
    run("--to", "bucket")
    run("--to", "disk")

    assert not any(key.startswith("s3/") for key in keys())
    assert {wanted.sha256 for wanted in file_check.files(Photo.objects.get())} == before
    a_lease_passes()
    assert stored() == keys()
    assert consistency.verify().is_clean


def test_a_second_run_finds_nothing_to_do(photo):
    run("--to", "bucket")

    assert run("--to", "bucket").startswith("0 moved")


def test_old_files_stay_for_a_lease_for_whoever_is_reading_them(photo):
    old = keys()
    run("--to", "bucket")
    recovery.sweep()

    assert old <= stored()


def test_companions_move_too(photo, data_dir):
    content = b"<x:xmpmeta/>"
    key = "originals/00/" + "0" * 32 + ".xmp"
    store().move_in({key: written(data_dir / "incoming" / "sidecar", content)})
    Companion.objects.create(
        album=photo.album,
        photo=photo,
        kind="sidecar",
        name="a.xmp",
        key=key,
        bytes=len(content),
        sha256=sha256(content),
    )

    run("--to", "bucket")

    assert Companion.objects.get().key.startswith("s3/originals/")
    assert Companion.objects.get().key.endswith(".xmp")
    assert consistency.verify().is_clean


def test_only_the_album_that_is_asked_for(photo, owner, settings, bucket, django_capture_on_commit_callbacks):
    settings.S3_BUCKET = ""
    other = made(Album.objects.create(title="Other", owner=owner), django_capture_on_commit_callbacks)
    settings.S3_BUCKET = bucket.bucket

    run("--to", "bucket", "--album", str(other.album_id))

    assert Photo.objects.get(pk=photo.pk).original_key == photo.original_key
    assert Photo.objects.get(pk=other.pk).original_key.startswith("s3/")


def test_a_dry_run_counts_and_changes_nothing(photo):
    before = keys(), stored()

    assert run("--to", "bucket", "--dry-run").startswith("1 photo and 0 companions (")
    assert (keys(), stored()) == before


def test_a_damaged_original_stays_and_is_told(photo, data_dir):
    path = data_dir / photo.original_key
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(CommandError, match="1 could not be moved"):
        run("--to", "bucket")

    assert Photo.objects.get().original_key == photo.original_key
    assert all(store().exists(key) for key in keys())


def test_a_photo_that_is_deleted_meanwhile_leaves_nothing(photo, monkeypatch):
    """Its rows go between the copying and the changing of keys."""
    monkeypatch.setattr(storage_migration.failpoints, "reach", lambda point: Photo.objects.all().delete())

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    monkeypatch.undo()
    a_lease_passes()
    assert stored() == set()


def test_a_photo_that_is_rendered_again_meanwhile_keeps_what_is_new(photo, monkeypatch):
    def rendered(point) -> None:
        Rendition.objects.filter(key__endswith="/800.webp").update(key="renditions/00/other/800.webp")

    monkeypatch.setattr(storage_migration.failpoints, "reach", rendered)

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    assert Photo.objects.get().original_key == photo.original_key


def test_who_was_frozen_for_longer_than_a_lease_moves_nothing(photo, monkeypatch):
    """A sweep may have taken the copies."""

    def frozen(point) -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(hours=1))

    monkeypatch.setattr(storage_migration.failpoints, "reach", frozen)

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    assert Photo.objects.get().original_key == photo.original_key


def test_without_a_bucket_there_is_nothing_to_do(db):
    if s3_config.current() is None:
        with pytest.raises(CommandError, match="No bucket is configured"):
            run("--to", "bucket")


def test_moving_to_a_full_disk_is_refused(photo, settings):
    run("--to", "bucket")
    settings.MIN_FREE_BYTES = 1 << 60

    with pytest.raises(CommandError, match="disk is full"):
        run("--to", "disk")

    assert all(key.startswith("s3/") for key in keys())


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_object_that_is_damaged_in_the_bucket_stays_and_is_told(photo, bucket, moto):
    run("--to", "bucket")
    photo.refresh_from_db()
    name = bucket.name(storage_keys.bare(photo.original_key))
    moto.client().put_object(Bucket=bucket.bucket, Key=name, Body=b"other bytes", Metadata={"sha256": "0" * 64})

    with pytest.raises(CommandError, match="1 could not be moved"):
        run("--to", "disk")

    assert Photo.objects.get().original_key == photo.original_key
