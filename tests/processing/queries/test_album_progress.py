"""One progress for receiving and developing: exact, honest, and never done before the work is."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.queries import album_progress
from processing.uploads import lifecycle as uploads
from processing.uploads import preflight, rejections
from processing.uploads.manifest import Declared
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def declared(album, owner):
    """Four files of 100 bytes each, declared and on their way."""
    files = [Declared(f"{n}.jpg", 100) for n in range(4)]
    return [answer.upload for answer in preflight.declare(album, owner, files).plans]


def arrive(upload: Upload) -> ProcessingJob:
    job = uploads.finish(upload, 100, f"{upload.name:0>64}")
    assert job
    return job


def develop(album) -> None:
    job = jobs.claim_next("tester")
    jobs.complete(job, making.photo(album, job), [])


def test_files_and_bytes_are_known_from_the_start(album, declared):
    now = album_progress.build(album)

    assert (now.total, now.receiving, now.received, now.percent) == (4, 4, 0, 0)
    assert (now.bytes_total, now.bytes_arrived, now.is_measured) == (400, 0, True)


def test_bytes_on_their_way_count(album, declared):
    arrive(declared[0])
    uploads.touch(declared[1], 50)

    now = album_progress.build(album)

    assert (now.receiving, now.received, now.active) == (3, 1, 1)
    assert (now.bytes_total, now.bytes_arrived) == (400, 150)
    assert now.percent == 18  # half of 150 of 400


def test_developing_is_the_other_half(album, declared):
    for upload in declared[:2]:
        arrive(upload)
    develop(album)

    assert album_progress.build(album).percent == 37  # half of 200 of 400, and half of one of four


def test_a_hundred_percent_is_never_shown_while_work_is_left(album, declared):
    for upload in declared:
        arrive(upload)
    for _ in range(3):
        develop(album)
    Upload.objects.filter(pk=declared[0].pk).update(size=10**12)

    assert album_progress.build(album).percent < 100
    assert album_progress.build(album).is_busy


def test_a_file_that_is_received_while_it_is_counted_keeps_the_album_busy(album, owner, monkeypatch):
    [answer] = preflight.declare(album, owner, [Declared("sea.jpg", 100)]).plans
    waiting = [answer.upload]

    def arriving_after(count):
        def counted(*told):
            found = count(*told)
            if waiting:
                arrive(waiting.pop())
            return found

        return counted

    for name in ("_count_jobs", "_count_uploads"):
        monkeypatch.setattr(album_progress, name, arriving_after(getattr(album_progress, name)))

    assert (meanwhile := album_progress.build(album)).is_busy
    assert meanwhile.total == album_progress.build(album).total == 1


def test_what_was_cancelled_is_no_part_of_the_total(album, declared):
    jobs.cancel(arrive(declared[0]))

    assert album_progress.build(album).total == 3


def test_a_form_tells_no_sizes_and_its_progress_none_of_bytes(album):
    making.upload(album)

    assert album_progress.build(album).is_measured is False


def test_the_estimate_is_that_of_the_slower_of_receiving_and_developing(album, declared):
    start = timezone.now() - timedelta(seconds=60)
    Batch.objects.update(opened_at=start)
    for upload in declared[:2]:
        arrive(upload)
        develop(album)
    ProcessingJob.objects.update(started_at=timezone.now() - timedelta(seconds=2), finished_at=timezone.now())

    # 200 bytes came within a minute, so 200 more take as long; developing takes a second a photo.
    assert album_progress.build(album).seconds_left == 60


def test_there_is_no_estimate_while_nothing_arrives(album, declared, monkeypatch):
    clock = timezone.now()
    monkeypatch.setattr(album_progress, "timezone", SimpleNamespace(now=lambda: clock))
    for upload in declared[:2]:
        arrive(upload)
        develop(album)
    Upload.objects.receiving().update(expires_at=clock + timedelta(seconds=1800 - 300))

    now = album_progress.build(album)

    assert now.seconds_left is None
    assert (now.is_quiet, now.quiet_seconds, now.expires_in) == (True, 300, 1500)


def test_a_batch_whose_bytes_move_counts_down_nothing(album, declared):
    assert album_progress.build(album).is_quiet is False


def test_an_album_at_rest_expires_nothing(album):
    assert (album_progress.build(album).expires_in, album_progress.build(album).is_quiet) == (None, False)


def test_the_report_counts_files_that_the_album_has_apart_from_rejected_ones(album):
    first = making.upload(album)
    uploads.refuse(first, rejections.CUT_OFF)
    uploads.refuse(making.upload(album, batch=first.batch), rejections.TWICE.filled(name="IMG_1.JPG"))

    report = album_progress.report(album)

    assert (report.refused_count, report.duplicate_count) == (1, 1)
