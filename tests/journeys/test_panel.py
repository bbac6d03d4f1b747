"""The upload panel: what it shows of a batch, and its actions."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from albums.models import Album, Photo
from processing import jobs
from processing.jobs import workers
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import upload_panel as panel_query
from processing.queries.album_report import Report
from processing.rendering import worker
from processing.uploads import lifecycle, preflight
from processing.uploads.manifest import Declared
from tests.pipeline import raws
from tests.processing import making
from tests.processing.jobs.test_grouping import TAKEN, jpeg, sidecar

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def panel(client: Client, album: Album, last_seen: int | str = 0):
    return client.get(f"/albums/{album.pk}/uploads/status/?seen={last_seen}").context["panel"]


def polled_photos(client: Client, album: Album, query: str) -> list[Photo]:
    """The photos that the next poll with this query returns."""
    return list(client.get(f"/albums/{album.pk}/uploads/status/?{query}").context["panel"].new_photos)


def fill(album: Album, count: int) -> Batch:
    batch = making.received(album).batch
    for _ in range(count - 1):
        making.received(album, batch=batch)
    return batch


def finish_one(album: Album) -> ProcessingJob:
    job = jobs.claim_next("tester")
    jobs.complete(job, making.photo(album, job), [])
    return job


def fail_one() -> ProcessingJob:
    job = jobs.claim_next("tester")
    jobs.give_up(job, "broken", "The file is damaged.")
    return job


def test_an_idle_album_shows_the_form_and_does_not_poll(signed_in, album):
    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    assert b'name="photos"' in response.content
    assert b"hx-trigger" not in response.content.split(b">")[0]


def test_a_busy_album_shows_progress_instead_of_the_form_and_polls(signed_in, album):
    fill(album, 20)
    for _ in range(5):
        finish_one(album)
    address = f"/albums/{album.pk}/uploads/status/"
    assert signed_in.get(address).context["panel"].progress.seconds_left is None  # too early for an estimate
    Batch.objects.update(opened_at=timezone.now() - timedelta(seconds=10))

    response = signed_in.get(address)

    assert b'name="photos"' not in response.content
    assert b"every 1s" in response.content
    progress = response.context["panel"].progress
    assert (progress.done, progress.total, progress.is_busy) == (5, 20, True)
    assert progress.seconds_left is not None


@pytest.mark.parametrize(("count", "interval"), [(3, b"every 500ms"), (4, b"every 1s")])
def test_the_panel_polls_more_often_for_the_last_few_photos(signed_in, album, count, interval):
    fill(album, count)

    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    assert interval in response.content


def test_the_panel_names_the_file_that_is_being_processed(signed_in, album):
    making.received(album, name="IMG_7.JPG")
    jobs.claim_next("tester")

    assert panel(signed_in, album).progress.current == "IMG_7.JPG"


def test_failures_do_not_lock_the_album_and_are_shown_on_the_linked_batch_page(signed_in, album):
    batch = fill(album, 2)
    finish_one(album)
    fail_one()

    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    report = response.context["panel"].report
    assert (report.added, report.failed, response.context["panel"].progress.is_busy) == (1, 1, False)
    assert b'name="photos"' in response.content
    assert f'href="/batches/{batch.pk}/">Review' in response.content.decode()
    assert b"The file is damaged." in signed_in.get(f"/batches/{batch.pk}/").content


def test_a_poll_returns_the_photos_that_are_new_since_the_last_one(signed_in, album):
    fill(album, 3)
    first_pk, second_pk = finish_one(album).photo_id, None
    first_pk = album.photos.get().pk
    finish_one(album)
    second_pk = album.photos.latest("pk").pk

    assert [photo.pk for photo in panel(signed_in, album, last_seen=first_pk).new_photos] == [second_pk]
    assert panel(signed_in, album, last_seen=second_pk).new_photos == ()


@pytest.mark.parametrize(("name", "title", "marks"), [("IMG_1.xmp", "Evening", []), ("IMG_1.DNG", "", ["RAW"])])
def test_a_poll_returns_a_photo_again_when_a_companion_is_added(signed_in, album, tmp_path, name, title, marks):
    batch = making.received(album, jpeg(TAKEN), name="IMG_1.JPG").batch
    worker.develop_next()
    photo = album.photos.get()
    ProcessingJob.objects.update(finished_at=timezone.now() - timedelta(minutes=1))
    poll_query = panel(signed_in, album, photo.pk).poll_query
    assert polled_photos(signed_in, album, poll_query) == []

    raw = raws.dng(tmp_path / "raw.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    making.received(album, {"IMG_1.xmp": sidecar(), "IMG_1.DNG": raw}[name], name=name, batch=batch)
    worker.develop_next()

    [polled_photo] = polled_photos(signed_in, album, poll_query)
    assert (polled_photo.pk, polled_photo.title, polled_photo.marks) == (photo.pk, title, marks)


def test_a_poll_returns_a_late_photo_although_newer_ones_were_returned(signed_in, album):
    fill(album, 2)
    for _ in range(2):
        finish_one(album)
    late_pk, last_seen = album.photos.order_by("pk").values_list("pk", flat=True)
    now = timezone.now()
    ProcessingJob.objects.update(finished_at=now - timedelta(seconds=1))

    assert late_pk in [
        photo.pk for photo in polled_photos(signed_in, album, f"seen={last_seen}&since={int(now.timestamp())}")
    ]


def test_a_poll_looks_back_for_a_limited_time_only(signed_in, album):
    fill(album, 1)
    finish_one(album)
    ProcessingJob.objects.update(finished_at=timezone.now() - panel_query.MAX_LOOKBACK - timedelta(seconds=1))
    last_seen = album.photos.get().pk

    assert polled_photos(signed_in, album, f"seen={last_seen}&since=0") == []
    assert len(polled_photos(signed_in, album, "seen=0&since=0")) == 1


@pytest.mark.parametrize("mark", ["", "x", "-1", "9" * 40, "\u0661"])
def test_an_invalid_mark_of_the_last_photo_is_ignored(signed_in, album, mark):
    assert panel(signed_in, album, mark).seen == 0


def test_the_panel_takes_the_same_number_of_queries_for_any_batch(
    signed_in, album, django_assert_num_queries, django_assert_max_num_queries
):
    fill(album, 3)
    fail_one()
    finish_one(album)
    with django_assert_max_num_queries(21) as queries:
        panel(signed_in, album)
    batch = Batch.objects.get()
    for _ in range(30):
        making.received(album, batch=batch)
    for _ in range(12):
        fail_one()
        finish_one(album)

    with django_assert_num_queries(len(queries)):
        panel(signed_in, album)


def test_all_failures_are_retried_at_once(signed_in, album):
    fill(album, 3)
    for _ in range(3):
        fail_one()

    response = signed_in.post(f"/albums/{album.pk}/uploads/retry/")

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")
    assert set(ProcessingJob.objects.values_list("state", flat=True)) == {JobState.PENDING}


def test_one_failure_is_retried_alone(signed_in, album):
    fill(album, 2)
    first, second = fail_one(), fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/retry/", {"job": first.pk}, headers=HTMX)

    assert list(ProcessingJob.objects.failed()) == [second]


def test_a_failure_of_another_album_is_not_retried(signed_in, album, owner):
    making.received(Album.objects.create(title="Winter", owner=owner))
    job = fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/retry/", {"job": job.pk})

    assert ProcessingJob.objects.get().state == JobState.FAILED


def test_a_dismissed_report_is_not_shown_again(signed_in, album):
    fill(album, 2)
    finish_one(album)
    fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/clear/")

    assert panel(signed_in, album).report == Report()
    assert ProcessingJob.objects.failed().count() == 0


def test_dismissing_a_report_keeps_the_failures_of_other_batches(signed_in, album):
    fill(album, 1)
    other = fail_one()
    batch = fill(album, 1)
    fail_one()
    clear = f"/albums/{album.pk}/uploads/clear/?batch={batch.pk}"

    question = signed_in.post(clear, {"ask": "yes"}).content.decode()
    signed_in.post(clear)

    assert "1 failed file" in question
    assert list(ProcessingJob.objects.failed()) == [other]
    assert panel(signed_in, album).report == Report()


def test_retrying_from_a_report_retries_its_batch_only(signed_in, album):
    fill(album, 1)
    other = fail_one()
    batch = fill(album, 1)
    fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/retry/?batch={batch.pk}")

    assert list(ProcessingJob.objects.failed()) == [other]


@pytest.mark.parametrize("action", ["clear", "retry"])
def test_a_batch_of_another_album_is_not_found(signed_in, album, owner, action):
    batch = fill(Album.objects.create(title="Winter", owner=owner), 1)
    fail_one()

    response = signed_in.post(f"/albums/{album.pk}/uploads/{action}/?batch={batch.pk}")

    assert (response.status_code, ProcessingJob.objects.failed().count()) == (404, 1)


def test_the_panel_measures_uploading_and_processing_separately(signed_in, album, owner):
    declared = preflight.declare(album, owner, [Declared(f"{n}.jpg", 100) for n in range(4)])
    for plan in declared.plans[:3]:
        lifecycle.finish(plan.upload, 100, f"{plan.upload.name:0>64}")
    finish_one(album)

    text = " ".join(strip_tags(signed_in.get(album.get_absolute_url()).content.decode()).split())

    assert "Uploaded 3 of 4 300 bytes of 400 bytes" in text
    assert "Processed 1 of 4" in text


def test_the_panel_has_the_numbers_that_the_browser_needs(signed_in, album):
    batch = fill(album, 3)
    finish_one(album)
    fail_one()

    content = signed_in.get(f"/albums/{album.pk}/uploads/status/").content.decode()

    for name, value in {
        "total": 3,
        "uploaded": 3,
        "processed": 2,
        "percent": 66,
        "problems": 1,
        "batch-id": batch.pk,
    }.items():
        assert f'data-{name}="{value}"' in content


def test_problems_so_far_are_shown_while_a_batch_is_in_progress(signed_in, album):
    fill(album, 2)
    fail_one()

    assert b"1 problem so far" in signed_in.get(f"/albums/{album.pk}/uploads/status/").content


def test_a_page_without_javascript_says_when_the_form_is_back(signed_in, album):
    fill(album, 1)

    content = signed_in.get(album.get_absolute_url()).content.decode()

    assert re.search(r'id="upload-form">The next upload to this album can start', content)


def test_cancelling_keeps_finished_photos_and_unlocks_the_album(signed_in, album):
    batch = fill(album, 3)
    making.upload(album, batch=batch)
    finish_one(album)
    jobs.claim_next("tester")

    response = signed_in.post(f"/albums/{album.pk}/uploads/cancel/", headers=HTMX)

    assert response.context["panel"].progress.is_busy is False
    assert album.photos.count() == 1
    assert ProcessingJob.objects.filter(state=JobState.CANCELLED).count() == 2


def test_without_javascript_a_page_asks_before_raw_files_are_deleted(signed_in, album):
    batch = fill(album, 3)
    finish_one(album)
    fail_one()
    Upload.objects.update(size=1 << 20)
    file_counts = {f"/albums/{album.pk}/uploads/cancel/": 1, f"/batches/{batch.pk}/cancel/": 1}

    for address, count in file_counts.items():
        page = signed_in.post(address, {"ask": "yes"}).content.decode()
        assert (f"{count} file will be deleted from the server." in page, 'name="ask"' in page) == (True, False)
    assert ProcessingJob.objects.active().count() == 1
    assert signed_in.post(f"/albums/{album.pk}/uploads/cancel/").status_code == 302
    assert ProcessingJob.objects.active().count() == 0

    clear = f"/albums/{album.pk}/uploads/clear/"
    assert "1 failed file (1.0\xa0MB) will be deleted" in signed_in.post(clear, {"ask": "yes"}).content.decode()
    assert ProcessingJob.objects.failed().count() == 1
    assert signed_in.post(clear).status_code == 302
    assert ProcessingJob.objects.failed().count() == 0
    assert signed_in.post(clear, {"ask": "yes"}).status_code == 302  # nothing would be deleted


def test_the_panel_says_that_no_worker_is_running(signed_in, album):
    making.received(album)
    status = f"/albums/{album.pk}/uploads/status/"

    assert b"Processing is paused: no worker is running" in signed_in.get(status).content
    workers.heartbeat("tester")
    assert b"Processing is paused: no worker is running" not in signed_in.get(status).content


def test_progress_stays_below_100_percent_while_work_remains(signed_in, album):
    fill(album, 2)
    finish_one(album)
    fail_one()
    making.upload(album, batch=Batch.objects.get())

    assert panel(signed_in, album).progress.percent < 100


def test_a_photo_that_is_finished_during_rendering_is_on_the_page(signed_in, album):
    making.received(album)
    counting_statements = []

    def finish_job_after_counting(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "COUNT(" in sql and "albums_photo" in sql and not counting_statements:
            counting_statements.append(sql)
            worker.develop_next()
        return result

    with connection.execute_wrapper(finish_job_after_counting):
        response = signed_in.get(album.get_absolute_url())

    panel = response.context["panel"]
    assert (panel.is_polled, panel.seen) == (False, Photo.objects.get().pk)
    assert [photo.pk for photo in response.context["window"].photos] == [panel.seen]
