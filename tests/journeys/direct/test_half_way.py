"""When the database or the bucket fails in between."""

from datetime import timedelta

import pytest
from django.utils import timezone

from albums import removal
from albums.models import Leftover
from processing.maintenance import sweep as recovery
from processing.models import Part, Upload
from processing.models.states import UploadState
from processing.storage.s3 import s3_multipart
from processing.uploads import batches
from tests.journeys.direct.companion import (
    PIECES,
    WHOLE,
    bucket_away,
    database_failing_at,
    ensure_received,
    fail_to_acknowledge,
    forgotten,
)
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)

BEGINNING = 'UPDATE "processing_upload" SET "multipart_id"'


@after_commit
def test_a_database_that_fails_after_the_bucket_joined_the_parts_loses_nothing(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, *PIECES)
    fail_to_acknowledge(companion, upload)
    assert (moto.names(bucket.bucket), moto.multiparts(bucket.bucket)) == ([f"incoming/{upload}"], [])
    assert Upload.objects.get().state == UploadState.RECEIVING
    forgotten()

    assert recovery.sweep().handed_over == 1

    ensure_received(WHOLE)


@after_commit
def test_a_sender_who_asks_again_after_that_is_acknowledged(companion):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


@after_commit
def test_a_sender_who_asks_for_the_parts_after_that_is_told_of_all_and_sends_none_again(companion):
    upload = companion.create(size=len(WHOLE))
    companion.send(upload, *PIECES)
    fail_to_acknowledge(companion, upload)

    assert companion.listed(upload) == [(1, len(PIECES[0])), (2, len(PIECES[1]))]
    assert companion.complete(upload).status_code == 200
    ensure_received(WHOLE)


def test_a_bucket_that_fails_after_the_database_said_so_loses_nothing(companion, settings):
    upload = companion.create(size=len(WHOLE))
    companion.send(upload, *PIECES)
    with bucket_away(settings):
        assert companion.complete(upload).status_code == 503
    forgotten()

    assert recovery.sweep().handed_over == 1

    ensure_received(WHOLE)


@after_commit
def test_a_bucket_that_cannot_be_asked_expires_nothing(companion, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with bucket_away(settings):
        assert recovery.sweep().expired == 0
    forgotten()

    assert recovery.sweep().handed_over == 1
    ensure_received(b"small")


@after_commit
def test_a_database_that_fails_after_the_bucket_began_leaves_no_orphan(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    with database_failing_at(BEGINNING):
        response = companion.post("/multipart", {"filename": "IMG_1.JPG"})
    assert response.status_code == 503
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert recovery.sweep().aborted == 1

    assert moto.multiparts(bucket.bucket) == []


@after_commit
def test_a_bucket_that_fails_after_an_upload_was_cancelled_leaves_no_orphan(companion, moto, bucket, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    with bucket_away(settings):
        assert batches.cancel(companion.album, "owner") == 1
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert recovery.sweep().aborted == 1

    assert (moto.multiparts(bucket.bucket), Leftover.objects.count(), Part.objects.count()) == ([], 0, 0)


@pytest.mark.parametrize(("arrived", "is_left"), [(10, True), (9, False)])
def test_the_sweep_leaves_what_the_server_itself_sends_on(album, moto, bucket, settings, arrived, is_left):
    settings.ORPHAN_GRACE_SECONDS = 0
    upload = making.upload(album)
    Upload.objects.filter(pk=upload.pk).update(size=10, arrived=arrived)
    s3_multipart.begin(upload.key)

    assert recovery.sweep().aborted == (not is_left)
    assert bool(moto.multiparts(bucket.bucket)) == is_left


def test_the_sweep_leaves_what_is_on_its_way(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    upload = companion.create()
    companion.send(upload, PIECES[0])
    forgotten()

    swept = recovery.sweep()

    assert (swept.handed_over, swept.aborted, swept.strays) == (0, 0, 0)
    assert moto.multiparts(bucket.bucket) == [f"incoming/{upload}"]
    companion.put(upload, 2, PIECES[1])
    assert companion.complete(upload).status_code == 200
    ensure_received(WHOLE)


def test_parts_that_are_all_there_are_joined_though_nobody_comes_back(companion):
    upload = companion.create(size=len(WHOLE))
    companion.send(upload, *PIECES)
    forgotten()

    assert recovery.sweep().handed_over == 1
    ensure_received(WHOLE)


@after_commit
def test_an_upload_of_which_nothing_comes_expires_with_its_parts(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")
    companion.listed(upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert recovery.sweep().expired == 1

    assert moto.multiparts(bucket.bucket) == []
    assert companion.complete(upload).status_code == 410


def test_an_album_deleted_meanwhile_leaves_nothing(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    companion.send(companion.create(), b"small")

    removal.delete_album(companion.album)
    recovery.sweep()

    assert moto.multiparts(bucket.bucket) == []
