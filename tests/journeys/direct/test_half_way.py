"""Failures of the database or the bucket in the middle of a direct upload."""

from datetime import timedelta

import pytest
from django.utils import timezone

from albums import removal
from albums.models import Leftover
from processing.maintenance import sweep
from processing.models import Part, Upload
from processing.models.states import UploadState
from processing.storage.s3 import s3_multipart
from processing.uploads import batches
from tests.journeys.direct.companion import (
    CONTENT,
    PARTS,
    bucket_away,
    database_failing_at,
    ensure_received,
    fail_to_acknowledge,
    make_stale,
)
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)

SAVING_MULTIPART_ID = 'UPDATE "processing_upload" SET "multipart_id"'


@after_commit
def test_the_sweep_hands_over_a_file_whose_completion_failed_in_the_database(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, *PARTS)
    fail_to_acknowledge(companion, upload)
    assert (moto.names(bucket.bucket), moto.multiparts(bucket.bucket)) == ([f"incoming/{upload}"], [])
    assert Upload.objects.get().state == UploadState.RECEIVING
    make_stale()

    assert sweep.sweep().handed_over == 1

    ensure_received(CONTENT)


@after_commit
def test_completing_again_after_a_database_error_succeeds(companion):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


@after_commit
def test_listing_parts_after_a_database_error_returns_all_parts(companion):
    upload = companion.create(size=len(CONTENT))
    companion.send(upload, *PARTS)
    fail_to_acknowledge(companion, upload)

    assert companion.listed(upload) == [(1, len(PARTS[0])), (2, len(PARTS[1]))]
    assert companion.complete(upload).status_code == 200
    ensure_received(CONTENT)


def test_the_sweep_hands_over_a_file_whose_completion_failed_in_the_bucket(companion, settings):
    upload = companion.create(size=len(CONTENT))
    companion.send(upload, *PARTS)
    with bucket_away(settings):
        assert companion.complete(upload).status_code == 503
    make_stale()

    assert sweep.sweep().handed_over == 1

    ensure_received(CONTENT)


@after_commit
def test_an_unreachable_bucket_expires_no_upload(companion, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with bucket_away(settings):
        assert sweep.sweep().expired == 0
    make_stale()

    assert sweep.sweep().handed_over == 1
    ensure_received(b"small")


@after_commit
def test_a_database_error_after_the_multipart_upload_began_leaves_no_orphan(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    with database_failing_at(SAVING_MULTIPART_ID):
        response = companion.post("/multipart", {"filename": "IMG_1.JPG"})
    assert response.status_code == 503
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert sweep.sweep().aborted == 1

    assert moto.multiparts(bucket.bucket) == []


@after_commit
def test_a_bucket_error_after_a_cancellation_leaves_no_orphan(companion, moto, bucket, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    with bucket_away(settings):
        assert batches.cancel(companion.album, "owner") == 1
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert sweep.sweep().aborted == 1

    assert (moto.multiparts(bucket.bucket), Leftover.objects.count(), Part.objects.count()) == ([], 0, 0)


@pytest.mark.parametrize(("arrived", "is_kept"), [(10, True), (9, False)])
def test_the_sweep_keeps_a_multipart_upload_that_the_server_itself_sends(
    album, moto, bucket, settings, arrived, is_kept
):
    settings.ORPHAN_GRACE_SECONDS = 0
    upload = making.upload(album)
    Upload.objects.filter(pk=upload.pk).update(size=10, arrived=arrived)
    s3_multipart.begin(upload.key)

    assert sweep.sweep().aborted == (not is_kept)
    assert bool(moto.multiparts(bucket.bucket)) == is_kept


def test_the_sweep_leaves_a_direct_upload_in_progress_alone(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    upload = companion.create()
    companion.send(upload, PARTS[0])
    make_stale()

    result = sweep.sweep()

    assert (result.handed_over, result.aborted, result.strays) == (0, 0, 0)
    assert moto.multiparts(bucket.bucket) == [f"incoming/{upload}"]
    companion.put(upload, 2, PARTS[1])
    assert companion.complete(upload).status_code == 200
    ensure_received(CONTENT)


def test_the_sweep_joins_complete_parts_when_the_client_does_not_return(companion):
    upload = companion.create(size=len(CONTENT))
    companion.send(upload, *PARTS)
    make_stale()

    assert sweep.sweep().handed_over == 1
    ensure_received(CONTENT)


@after_commit
def test_an_abandoned_upload_expires_with_its_parts(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")
    companion.listed(upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert sweep.sweep().expired == 1

    assert moto.multiparts(bucket.bucket) == []
    assert companion.complete(upload).status_code == 410


def test_deleting_the_album_aborts_its_multipart_uploads(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    companion.send(companion.create(), b"small")

    removal.delete_album(companion.album)
    sweep.sweep()

    assert moto.multiparts(bucket.bucket) == []
