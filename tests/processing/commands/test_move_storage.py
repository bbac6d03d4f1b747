"""manage.py move_storage: files move between disk and bucket, and every row always has its complete file."""

import hashlib
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from albums.models import Album, Companion, Leftover, Photo, Rendition
from processing.integrity import consistency, file_check
from processing.maintenance import storage_migration, sweep
from processing.rendering import worker
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.s3 import config as s3_config
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.embedded]


@pytest.fixture
def photo(album, settings, bucket, django_capture_on_commit_callbacks) -> Photo:
    """A real photo on the disk, with renditions. A bucket was configured afterwards."""
    settings.S3_BUCKET = ""
    photo = develop_photo(album, django_capture_on_commit_callbacks)
    settings.S3_BUCKET = bucket.bucket
    return photo


def develop_photo(album: Album, callbacks) -> Photo:
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


def stored_keys() -> set[str]:
    prefixes = [f"{location}{folder}" for location in storage_keys.ALL for folder in ("originals", "renditions")]
    return {key for prefix in prefixes for key in store().keys(prefix)}


def sweep_after_lease() -> None:
    past = timezone.now() - timedelta(days=1)
    Leftover.objects.update(created_at=past)
    sweep.sweep()


def test_all_files_of_a_photo_move_and_the_sweep_deletes_the_old_ones(photo):
    assert run("--to", "bucket").startswith("1 moved (")

    assert len(keys()) == 4
    assert all(key.startswith("s3/") for key in keys())
    assert consistency.verify().is_clean
    sweep_after_lease()
    assert stored_keys() == keys()
    assert consistency.verify().is_clean


def test_a_photo_can_be_moved_to_the_bucket_and_back(photo):
    before = {file.sha256 for file in file_check.files(photo)}
    run("--to", "bucket")
    run("--to", "disk")

    assert not any(key.startswith("s3/") for key in keys())
    assert {file.sha256 for file in file_check.files(Photo.objects.get())} == before
    sweep_after_lease()
    assert stored_keys() == keys()
    assert consistency.verify().is_clean


def test_a_second_run_moves_nothing(photo):
    run("--to", "bucket")

    assert run("--to", "bucket").startswith("0 moved")


def test_old_files_are_kept_for_a_lease_for_their_readers(photo):
    old_keys = keys()
    run("--to", "bucket")
    sweep.sweep()

    assert old_keys <= stored_keys()


def test_companions_are_moved_too(photo, data_dir):
    content = b"<x:xmpmeta/>"
    key = "originals/00/" + "0" * 32 + ".xmp"
    store().move_in({key: write_file(data_dir / "incoming" / "sidecar", content)})
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


def test_only_the_given_album_is_moved(photo, owner, settings, bucket, django_capture_on_commit_callbacks):
    settings.S3_BUCKET = ""
    other_photo = develop_photo(Album.objects.create(title="Other", owner=owner), django_capture_on_commit_callbacks)
    settings.S3_BUCKET = bucket.bucket

    run("--to", "bucket", "--album", str(other_photo.album_id))

    assert Photo.objects.get(pk=photo.pk).original_key == photo.original_key
    assert Photo.objects.get(pk=other_photo.pk).original_key.startswith("s3/")


def test_a_dry_run_counts_and_changes_nothing(photo):
    before = keys(), stored_keys()

    assert run("--to", "bucket", "--dry-run").startswith("1 photo and 0 companions (")
    assert (keys(), stored_keys()) == before


def test_a_damaged_original_is_reported_and_not_moved(photo, data_dir):
    path = data_dir / photo.original_key
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(CommandError, match="1 could not be moved"):
        run("--to", "bucket")

    assert Photo.objects.get().original_key == photo.original_key
    assert all(store().exists(key) for key in keys())


def test_a_photo_that_is_deleted_during_the_move_leaves_no_files(photo, monkeypatch):
    """Its rows are deleted after the files are copied and before the keys are changed."""
    monkeypatch.setattr(storage_migration.failpoints, "reach", lambda point: Photo.objects.all().delete())

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    monkeypatch.undo()
    sweep_after_lease()
    assert stored_keys() == set()


def test_a_photo_that_is_rerendered_during_the_move_keeps_its_new_files(photo, monkeypatch):
    def change_key(point) -> None:
        Rendition.objects.filter(key__endswith="/800.webp").update(key="renditions/00/other/800.webp")

    monkeypatch.setattr(storage_migration.failpoints, "reach", change_key)

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    assert Photo.objects.get().original_key == photo.original_key


def test_a_process_that_paused_for_longer_than_a_lease_moves_nothing(photo, monkeypatch):
    """A sweep may have deleted the copies."""

    def let_lease_expire(point) -> None:
        Leftover.objects.exclude(hold=None).update(created_at=timezone.now() - timedelta(hours=1))

    monkeypatch.setattr(storage_migration.failpoints, "reach", let_lease_expire)

    with pytest.raises(storage_migration.ItemChanged):
        storage_migration.move(photo, storage_keys.BUCKET)

    assert Photo.objects.get().original_key == photo.original_key


def test_without_a_bucket_the_command_is_rejected(db):
    if s3_config.current() is None:
        with pytest.raises(CommandError, match="No bucket is configured"):
            run("--to", "bucket")


def test_moving_to_a_full_disk_is_rejected(photo, settings):
    run("--to", "bucket")
    settings.MIN_FREE_BYTES = 1 << 60

    with pytest.raises(CommandError, match="disk is full"):
        run("--to", "disk")

    assert all(key.startswith("s3/") for key in keys())


def write_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_object_that_is_damaged_in_the_bucket_is_reported_and_not_moved(photo, bucket, moto):
    run("--to", "bucket")
    photo.refresh_from_db()
    name = bucket.name(storage_keys.bare(photo.original_key))
    moto.client().put_object(Bucket=bucket.bucket, Key=name, Body=b"other bytes", Metadata={"sha256": "0" * 64})

    with pytest.raises(CommandError, match="1 could not be moved"):
        run("--to", "disk")

    assert Photo.objects.get().original_key == photo.original_key
