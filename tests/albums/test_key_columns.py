"""The registry of columns that hold storage keys: all code that handles files covers all of its columns."""

import hashlib

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import CharField, Q, TextField

from albums import key_columns
from albums.key_columns import KeyColumn, Kind
from albums.models import Album, Leftover, Photo
from processing.backups import database_dump, snapshot_manifest
from processing.backups.snapshot_manifest import ManifestEntry
from processing.integrity import consistency, file_check, findings, repair
from processing.maintenance import storage_migration
from processing.models import BucketConnection, Finding
from processing.queries import storage_usage
from processing.storage import keys as storage_keys
from processing.storage import store

pytestmark = pytest.mark.django_db

NOT_OF_STORED_FILES = {(Album, "path"), (Leftover, "key"), (BucketConnection, "access_key")}
KEY, CONTENT = "originals/00/second.jpg", b"a second file of the photo"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def second_file(photo, data_dir, monkeypatch) -> KeyColumn:
    """Registers a column of storage keys, for which other columns of a photo are used, with a file of one photo."""
    column = KeyColumn(Kind.STORED, Photo, "creator", "iso", "copyright", is_needed=~Q(creator=""))
    monkeypatch.setattr(key_columns, "_columns", [*key_columns._columns, column])
    path = data_dir / "second"
    path.write_bytes(CONTENT)
    store().move_in({KEY: path})
    Photo.objects.filter(pk=photo.pk).update(creator=KEY, iso=len(CONTENT), copyright=SHA256)
    return column


def test_every_column_that_is_named_like_a_key_is_registered():
    named_fields = {
        (model, field.name)
        for app in ("albums", "processing")
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, (CharField, TextField)) and field.name.endswith(("key", "path"))
    }

    assert {(column.model, column.key) for column in key_columns.columns(*Kind)} == named_fields - NOT_OF_STORED_FILES


def test_a_file_in_a_new_column_is_no_orphan(second_file):
    assert consistency.verify().is_clean


def test_a_missing_file_in_a_new_column_is_found_and_belongs_to_its_photo(second_file, photo):
    store().delete(KEY)

    result = consistency.verify()
    findings.settle(result.problems)

    assert result.missing == [KEY]
    assert Finding.objects.get().photo == photo


def test_a_lost_file_in_a_new_column_is_restored_from_a_copy(second_file, data_dir):
    store().move(KEY, storage_keys.quarantined(KEY))

    report = repair.repair(consistency.verify(), lambda _: None)

    assert report.is_clean
    assert (data_dir / KEY).read_bytes() == CONTENT


def test_a_file_in_a_new_column_is_backed_up(second_file):
    assert ManifestEntry(SHA256, len(CONTENT), KEY) in [
        *snapshot_manifest.referenced_files("default", renditions=False)
    ]
    assert snapshot_manifest.is_referenced(KEY, renditions=False)


def test_a_file_in_a_new_column_counts_as_stored(second_file, photo):
    files = [photo.original_bytes, *photo.renditions.values_list("bytes", flat=True), len(CONTENT)]

    usage = storage_usage.current()

    assert (usage.disk.files + usage.bucket.files, usage.disk.bytes + usage.bucket.bytes) == (len(files), sum(files))


def test_a_file_in_a_new_column_is_moved_to_another_storage_like_the_others(second_file, photo):
    Photo.objects.update(creator=f"{storage_keys.BUCKET}{KEY}", original_key=storage_keys.bare(photo.original_key))
    photo.renditions.all().delete()

    assert [*storage_migration.misplaced(storage_keys.DISK).photos] == [photo]


def test_the_keys_of_a_new_column_are_rewritten_when_a_backup_is_restored_to_the_disk(second_file):
    Photo.objects.update(creator=f"{storage_keys.BUCKET}{KEY}")

    with connection.cursor() as cursor:
        for statement in database_dump._move_keys_to_disk():
            cursor.execute(statement)

    assert Photo.objects.get().creator == KEY


def test_a_photo_without_a_file_in_the_new_column_has_no_missing_file(second_file, photo):
    store().delete(KEY)
    Photo.objects.update(creator="")

    assert consistency.verify().is_clean
    assert "" not in {file.key for file in file_check.files(Photo.objects.get())}


def test_a_photo_without_a_file_in_the_new_column_has_no_file_to_be_moved(second_file, photo):
    key = f"{storage_keys.BUCKET}{storage_keys.bare(photo.original_key)}"
    Photo.objects.update(creator="", original_key=key)
    photo.renditions.all().delete()

    assert not storage_migration.misplaced(storage_keys.BUCKET).photos.exists()


def test_a_file_in_a_new_column_is_deleted_with_its_row(second_file, photo, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        photo.refresh_from_db()
        photo.delete()

    assert not store().exists(KEY)
