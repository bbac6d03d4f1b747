"""The panel: what a person sees of a batch, and what they can do about it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from albums.models import Album, Photo
from processing import jobs
from processing.jobs import workers
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import upload_panel as panel_query
from processing.rendering import worker
from tests.pipeline import raws
from tests.processing import making
from tests.processing.jobs.test_grouping import TAKEN, jpeg, sidecar

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def panel(client: Client, album: Album, seen: int | str = 0):
    return client.get(f"/albums/{album.pk}/uploads/status/?seen={seen}").context["panel"]


def answer_to(client: Client, album: Album, mark: str) -> list[Photo]:
    """The photos that come with the next poll of a page that has what this mark says."""
    return list(client.get(f"/albums/{album.pk}/uploads/status/?{mark}").context["panel"].new_photos)


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


def test_a_quiet_album_shows_the_form_and_does_not_poll(signed_in, album):
    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    assert b'name="photos"' in response.content
    assert b"hx-trigger" not in response.content.split(b">")[0]


def test_a_busy_album_shows_progress_instead_of_the_form_and_polls(signed_in, album):
    fill(album, 20)
    for _ in range(5):
        finish_one(album)
    address = f"/albums/{album.pk}/uploads/status/"
    assert signed_in.get(address).context["panel"].progress.seconds_left is None  # too soon to guess
    Batch.objects.update(opened_at=timezone.now() - timedelta(seconds=10))

    response = signed_in.get(address)

    assert b'name="photos"' not in response.content
    assert b"every 1s" in response.content
    now = response.context["panel"].progress
    assert (now.done, now.total, now.is_busy) == (5, 20, True)
    assert now.seconds_left is not None


@pytest.mark.parametrize(("count", "interval"), [(3, b"every 500ms"), (4, b"every 1s")])
def test_the_last_few_photos_are_asked_for_more_often(signed_in, album, count, interval):
    fill(album, count)

    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    assert interval in response.content


def test_what_is_worked_on_is_named(signed_in, album):
    making.received(album, name="IMG_7.JPG")
    jobs.claim_next("tester")

    assert panel(signed_in, album).progress.current == "IMG_7.JPG"


def test_failures_do_not_lock_and_are_reported_with_their_reason(signed_in, album):
    fill(album, 2)
    finish_one(album)
    fail_one()

    response = signed_in.get(f"/albums/{album.pk}/uploads/status/")

    report = response.context["panel"].report
    assert (report.added, report.failed_count, response.context["panel"].progress.is_busy) == (1, 1, False)
    assert b"The file is damaged." in response.content
    assert b'name="photos"' in response.content


def test_photos_that_became_ready_come_with_the_poll(signed_in, album):
    fill(album, 3)
    first, second = finish_one(album).photo_id, None
    first = album.photos.get().pk
    finish_one(album)
    second = album.photos.latest("pk").pk

    assert [photo.pk for photo in panel(signed_in, album, seen=first).new_photos] == [second]
    assert panel(signed_in, album, seen=second).new_photos == ()


@pytest.mark.parametrize(("name", "title", "marks"), [("IMG_1.xmp", "Evening", []), ("IMG_1.DNG", "", ["RAW"])])
def test_a_photo_to_which_something_is_added_comes_again(signed_in, album, tmp_path, name, title, marks):
    batch = making.received(album, jpeg(TAKEN), name="IMG_1.JPG").batch
    worker.develop_next()
    photo = album.photos.get()
    ProcessingJob.objects.update(finished_at=timezone.now() - timedelta(minutes=1))
    has = panel(signed_in, album, photo.pk).poll_query
    assert answer_to(signed_in, album, has) == []

    raw = raws.dng(tmp_path / "raw.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    making.received(album, {"IMG_1.xmp": sidecar(), "IMG_1.DNG": raw}[name], name=name, batch=batch)
    worker.develop_next()

    [again] = answer_to(signed_in, album, has)
    assert (again.pk, again.title, again.marks) == (photo.pk, title, marks)


def test_a_photo_that_one_worker_was_late_with_comes_though_newer_ones_were_seen(signed_in, album):
    fill(album, 2)
    for _ in range(2):
        finish_one(album)
    late, seen = album.photos.order_by("pk").values_list("pk", flat=True)
    now = timezone.now()
    ProcessingJob.objects.update(finished_at=now - timedelta(seconds=1))

    assert late in [photo.pk for photo in answer_to(signed_in, album, f"seen={seen}&since={int(now.timestamp())}")]


def test_a_page_that_was_asleep_for_long_asks_for_no_years_of_jobs(signed_in, album):
    fill(album, 1)
    finish_one(album)
    ProcessingJob.objects.update(finished_at=timezone.now() - panel_query.MAX_LOOKBACK - timedelta(seconds=1))
    seen = album.photos.get().pk

    assert answer_to(signed_in, album, f"seen={seen}&since=0") == []
    assert len(answer_to(signed_in, album, "seen=0&since=0")) == 1


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 40, "\u0661"])
def test_a_nonsense_mark_of_what_was_seen_is_ignored(signed_in, album, seen):
    assert panel(signed_in, album, seen).seen == 0


def test_the_panel_costs_the_same_queries_however_large_the_batch(
    signed_in, album, django_assert_num_queries, django_assert_max_num_queries
):
    fill(album, 3)
    fail_one()
    finish_one(album)
    with django_assert_max_num_queries(21) as small:
        panel(signed_in, album)
    batch = Batch.objects.get()
    for _ in range(30):
        making.received(album, batch=batch)
    for _ in range(12):
        fail_one()
        finish_one(album)

    with django_assert_num_queries(len(small)):
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


def test_a_failure_of_another_album_is_not_retried_here(signed_in, album, owner):
    making.received(Album.objects.create(title="Winter", owner=owner))
    other = fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/retry/", {"job": other.pk})

    assert ProcessingJob.objects.get().state == JobState.FAILED


def test_a_report_that_was_put_away_stays_away(signed_in, album):
    fill(album, 2)
    finish_one(album)
    fail_one()

    signed_in.post(f"/albums/{album.pk}/uploads/clear/")

    assert panel(signed_in, album).report.is_there is False
    assert ProcessingJob.objects.failed().count() == 0


def test_cancelling_the_rest_keeps_what_is_ready_and_opens_the_album(signed_in, album):
    batch = fill(album, 3)
    making.upload(album, batch=batch)
    finish_one(album)
    jobs.claim_next("tester")

    response = signed_in.post(f"/albums/{album.pk}/uploads/cancel/", headers=HTMX)

    assert response.context["panel"].progress.is_busy is False
    assert album.photos.count() == 1
    assert ProcessingJob.objects.filter(state=JobState.CANCELLED).count() == 2


def test_without_a_script_a_page_asks_before_raw_files_are_deleted(signed_in, album):
    batch = fill(album, 3)
    finish_one(album)
    fail_one()
    Upload.objects.update(size=1 << 20)
    rest = {f"/albums/{album.pk}/uploads/cancel/": 1, f"/batches/{batch.pk}/cancel/": 1}

    for address, count in rest.items():
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


def test_work_without_a_worker_is_told(signed_in, album):
    making.received(album)
    status = f"/albums/{album.pk}/uploads/status/"

    assert b"Processing is paused: no worker is running" in signed_in.get(status).content
    workers.heartbeat("tester")
    assert b"Processing is paused: no worker is running" not in signed_in.get(status).content


def test_the_progress_never_says_all_done_while_work_is_left(signed_in, album):
    fill(album, 2)
    finish_one(album)
    fail_one()
    making.upload(album, batch=Batch.objects.get())

    assert panel(signed_in, album).progress.percent < 100


def test_a_photo_that_is_ready_while_the_page_is_made_is_on_it(signed_in, album):
    making.received(album)
    count = []

    def ready_then(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "COUNT(" in sql and "albums_photo" in sql and not count:
            count.append(sql)
            worker.develop_next()
        return answer

    with connection.execute_wrapper(ready_then):
        response = signed_in.get(album.get_absolute_url())

    panel = response.context["panel"]
    assert (panel.is_polled, panel.seen) == (False, Photo.objects.get().pk)
    assert [photo.pk for photo in response.context["page"]] == [panel.seen]
