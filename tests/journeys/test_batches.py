"""The pages of batches: the list, one batch with its receipt, and its actions."""

import pytest

from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.integrity import post_write
from processing.models import Batch, JobEvent, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.rendering import worker
from processing.uploads import batches, lifecycle, rejections
from tests.journeys.batch_client import client_of, failed_batch, page, processed_batch, received_batch, verified_batch
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_safe_to_format_is_shown_only_when_all_files_are_verified(signed_in, album):
    batch = processed_batch(album, 2)
    assert "safe to format" not in page(signed_in, batch)
    assert "2 are still being verified" in page(signed_in, batch)

    while post_write.verify_next():
        pass

    assert "All 2 files are stored and verified: safe to format the card." in page(signed_in, batch)


def test_a_batch_page_is_polled_until_all_files_are_verified(signed_in, album):
    batch = processed_batch(album)
    assert 'hx-trigger="every 2s"' in page(signed_in, batch)
    assert '<noscript><meta http-equiv="refresh"' in page(signed_in, batch)

    post_write.verify_next()

    assert 'hx-trigger="every' not in page(signed_in, batch)
    assert "http-equiv" not in page(signed_in, batch)


def test_a_batch_page_says_that_no_worker_is_running(signed_in, album):
    assert "Processing is paused: no worker is running" in page(signed_in, processed_batch(album))


def test_files_are_listed_with_status_and_reason(signed_in, album):
    batch = verified_batch(album)
    making.received(album, b"no picture", name="notes.txt", batch=batch)
    worker.develop_next()
    partial = making.upload(album, "half.jpg", batch)
    Upload.objects.filter(pk=partial.pk).update(size=3 << 20, arrived=1 << 20)

    text = page(signed_in, batch)

    for phrase in ("Stored and verified", "Failed", "Uploading", "not-an-image", "1 attempt", "of 3.0\xa0MB uploaded"):
        assert phrase in text
    photo = Photo.objects.get()
    assert f'href="/photos/{photo.pk}/"' in text
    assert photo.renditions.get(edge=400).get_absolute_url() in text


def test_the_failure_page_is_linked_only_when_it_lists_something(signed_in, album):
    desk = '/failures/?batch={}"'
    failed = failed_batch(album)
    rejected = making.upload(album).batch
    lifecycle.reject(Upload.objects.get(batch=rejected), rejections.EMPTY)
    good = verified_batch(album)

    assert [desk.format(batch.pk) in page(signed_in, batch) for batch in (failed, rejected, good)] == [
        True,
        True,
        False,
    ]


def test_files_can_be_filtered_by_status(signed_in, album):
    batch = verified_batch(album, 2)
    making.received(album, b"no picture", name="notes.txt", batch=batch)
    worker.develop_next()

    def names(query: str) -> list[str]:
        context = signed_in.get(f"/batches/{batch.pk}/{query}").context
        return [row.name for row, *_ in [*context["files"], *context["verified"]]]

    assert names("?show=failed") == ["notes.txt"]
    assert names("?show=verified") == ["IMG_0.JPG", "IMG_1.JPG"]
    assert names("?show=nonsense") == ["notes.txt", "IMG_0.JPG", "IMG_1.JPG"]


def test_problems_come_first_and_verified_files_are_collapsed(signed_in, album):
    batch = verified_batch(album, 2)
    making.upload(album, name="half.jpg", batch=batch)
    lifecycle.reject(making.upload(album, name="empty.jpg", batch=batch), rejections.EMPTY)
    making.received(album, b"no picture", name="notes.txt", batch=batch)
    worker.develop_next()

    text = page(signed_in, batch)

    names = ["notes.txt</", "empty.jpg</", "half.jpg</", "2 verified files</summary>", "IMG_0.JPG</", "IMG_1.JPG</"]
    assert sorted(names, key=text.index) == names
    assert '<details class="disclosure verified" id="verified-files" >' in text
    assert '<details class="disclosure verified"' not in page(signed_in, batch, "?show=verified")


@pytest.mark.parametrize(("code", "is_emphasised"), [("timeout", True), ("truncated", False)])
def test_retrying_is_emphasised_only_if_it_may_help(signed_in, album, code, is_emphasised):
    batch = received_batch(album, 1)
    jobs.give_up(jobs.claim_next("tester"), code, "It failed.")

    text = page(signed_in, batch)

    assert ('<button class="button " type="submit" id="retry-failed"' in text) == is_emphasised


def test_cancelled_files_and_duplicates_are_counted_in_the_list_but_are_no_problems(signed_in, album):
    batch = making.upload(album).batch
    lifecycle.reject(batch.uploads.get(), rejections.DUPLICATE)
    making.upload(album, batch=batch)
    batches.cancel(batch, by="anna")

    content = signed_in.get("/batches/").content.decode()

    assert '<span class="badge">1 already in album</span>' in content
    assert '<span class="badge">1 cancelled</span>' in content
    assert "badge--bad" not in content
    assert "<li>1 already in this album</li>" in page(signed_in, batch)


def test_the_pages_of_a_large_batch_keep_the_filter(signed_in, album):
    batch = making.upload(album).batch
    for _ in range(100):
        making.upload(album, batch=batch)

    first = signed_in.get(f"/batches/{batch.pk}/?show=arriving")

    assert len(first.context["files"]) == 100
    assert "?show=arriving&amp;page=2" in first.content.decode()
    assert len(signed_in.get(f"/batches/{batch.pk}/?show=arriving&page=2").context["files"]) == 1


def test_a_batch_page_takes_the_same_number_of_queries_for_any_size(
    signed_in, album, django_assert_num_queries, django_assert_max_num_queries
):
    batch = verified_batch(album, 2)
    with django_assert_max_num_queries(14) as queries:
        page(signed_in, batch)
    for number in range(20):
        making.received(album, making.jpeg((500, 400)) if number % 2 else b"none", batch=batch)
    while worker.develop_next() or post_write.verify_next():
        pass

    with django_assert_num_queries(len(queries)):
        page(signed_in, batch)


def test_one_failed_job_or_all_are_retried(signed_in, album):
    batch, other_batch = failed_batch(album, 3), failed_batch(album, 1)
    first = batch.jobs.order_by("pk").first()

    response = signed_in.post(f"/batches/{batch.pk}/retry/", {"job": first.pk})
    assert (response.status_code, response.url) == (302, f"/batches/{batch.pk}/")
    assert batch.jobs.failed().count() == 2

    signed_in.post(f"/batches/{batch.pk}/retry/")
    assert batch.jobs.failed().count() == 0
    assert other_batch.jobs.failed().count() == 1


def test_a_job_of_another_batch_is_not_retried(signed_in, album):
    batch, other_batch = failed_batch(album), failed_batch(album)

    signed_in.post(f"/batches/{batch.pk}/retry/", {"job": other_batch.jobs.get().pk})

    assert ProcessingJob.objects.failed().count() == 2


def test_cancelling_stops_the_unfinished_files_of_this_batch_only(signed_in, album, owner):
    batch = processed_batch(album)
    making.received(album, batch=batch)
    making.upload(album, batch=batch)
    other_batch = received_batch(Album.objects.create(title="Other", owner=owner))

    response = signed_in.post(f"/batches/{batch.pk}/cancel/")

    assert (response.status_code, response.url) == (302, f"/batches/{batch.pk}/")
    assert sorted(batch.jobs.values_list("state", flat=True)) == [JobState.CANCELLED, JobState.COMPLETED]
    assert batch.uploads.filter(state=UploadState.CANCELLED).count() == 1
    assert other_batch.jobs.active().count() == 1
    assert album.photos.count() == 1


def test_deleting_a_batch_asks_first_and_keeps_only_its_photos(
    signed_in, album, data_dir, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        batch = processed_batch(album)
        making.received(album, b"no picture", batch=batch)
        worker.develop_next()
    raw = data_dir / batch.jobs.failed().get().raw_path
    assert raw.exists()

    assert "Delete this record?" in signed_in.get(f"/batches/{batch.pk}/delete/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in.post(f"/batches/{batch.pk}/delete/")

    assert (response.status_code, response.url) == (302, "/batches/")
    assert [model.objects.count() for model in (Batch, Upload, ProcessingJob, JobEvent, Leftover)] == [0] * 5
    assert not raw.exists()
    assert (data_dir / album.photos.get().original_key).exists()


def test_an_active_batch_cannot_be_deleted(signed_in, album):
    batch = failed_batch(album, 2)
    making.received(album, batch=batch)

    assert "upload is in progress" in signed_in.get(f"/batches/{batch.pk}/delete/").content.decode()
    response = signed_in.post(f"/batches/{batch.pk}/delete/")

    assert response.status_code == 409
    assert batch.jobs.failed().count() == 2
    assert Upload.objects.count() == 3


def test_a_name_that_contains_markup_is_escaped(signed_in, album):
    batch = making.upload(album, "<script>alert(1)<script>.jpg").batch

    assert "<script>alert" not in page(signed_in, batch)


def test_the_admin_links_to_the_batch_page(album, admin):
    batch = processed_batch(album)

    content = client_of(admin).get(f"/admin/processing/batch/{batch.pk}/change/").content.decode()

    assert f'href="/batches/{batch.pk}/"' in content
