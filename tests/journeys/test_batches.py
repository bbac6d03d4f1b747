"""The pages of batches: the list, one batch with its receipt, and its actions."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.integrity import post_write
from processing.models import Batch, JobEvent, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.queries import batch_list
from processing.rendering import worker
from processing.uploads import batches, lifecycle, rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def received_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = making.received(album, making.jpeg((500, 400)), name=name.format(0)).batch
    for number in range(1, count):
        making.received(album, making.jpeg((500, 400)), name=name.format(number), batch=batch)
    return batch


def processed_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = received_batch(album, count, name)
    while worker.develop_next():
        pass
    return batch


def verified_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = processed_batch(album, count, name)
    while post_write.verify_next():
        pass
    return batch


def failed_batch(album: Album, count: int = 1) -> Batch:
    batch = received_batch(album, count)
    for _ in range(count):
        jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    return batch


def page(client: Client, batch: Batch, query: str = "") -> str:
    return client.get(f"/batches/{batch.pk}/{query}").content.decode()


def listed(client: Client, query: str = "") -> list[int]:
    return [entry.batch.pk for entry in client.get(f"/batches/{query}").context["entries"]]


def receipt_csv(client: Client, batch: Batch) -> list[dict[str, str]]:
    content = client.get(f"/batches/{batch.pk}/receipt.csv").getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def receipt_json(client: Client, batch: Batch) -> dict[str, Any]:
    return json.loads(client.get(f"/batches/{batch.pk}/receipt.json").getvalue())


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


def test_the_batch_list_takes_the_same_number_of_queries_for_any_length(
    signed_in, album, django_assert_num_queries, django_assert_max_num_queries
):
    processed_batch(album)
    with django_assert_max_num_queries(8) as queries:
        listed(signed_in)
    for _ in range(10):
        processed_batch(album)

    with django_assert_num_queries(len(queries)):
        assert len(listed(signed_in)) == 11


def test_a_user_sees_the_batches_of_their_own_albums(album, owner, stranger, admin):
    batch = processed_batch(album)

    assert listed(client_of(owner)) == [batch.pk]
    assert listed(client_of(stranger)) == []
    assert listed(client_of(admin)) == [batch.pk]


def test_the_list_counts_the_files_of_each_batch_by_outcome(signed_in, album):
    batch = processed_batch(album, 2)
    making.received(album, b"no picture", batch=batch)
    worker.develop_next()
    lifecycle.reject(making.upload(album, batch=batch), rejections.EMPTY)
    content = making.jpeg((500, 400))
    making.received(album, content, batch=batch)
    making.received(album, content, batch=batch)
    worker.develop_next()
    making.received(album, batch=batch)

    (entry,) = signed_in.get("/batches/").context["entries"]

    counts = (entry.files, entry.photos, entry.failed, entry.rejected, entry.active)
    assert counts == (7, 3, 1, 1, 1)
    assert (entry.is_busy, entry.settled) == (True, 6)
    assert b'hx-trigger="every 2s"' in signed_in.get("/batches/").content


def test_a_list_without_active_batches_is_not_polled(signed_in, album):
    processed_batch(album)

    assert b'hx-trigger="every' not in signed_in.get("/batches/").content


def test_the_list_is_filtered_by_state_album_person_and_text(album, owner, stranger, admin):
    winter = Album.objects.create(title="Winter", owner=stranger)
    completed = processed_batch(album, name="DONE_{}.JPG")
    failed = failed_batch(album)
    rejected = making.upload(album).batch
    lifecycle.reject(Upload.objects.get(batch=rejected), rejections.EMPTY)
    duplicate = making.upload(album).batch
    lifecycle.reject(Upload.objects.get(batch=duplicate), rejections.DUPLICATE)
    active = received_batch(winter, name="BUSY_{}.JPG")

    expected = {
        "": [active, duplicate, rejected, failed, completed],
        "?state=at-work": [active],
        "?state=failures": [rejected, failed],
        "?state=done": [duplicate, completed],
        f"?album={winter.pk}": [active],
        f"?person={owner.pk}": [duplicate, rejected, failed, completed],
        "?text=wint": [active],
        "?text=done_0": [completed],
        f"?text=img&state=failures&album={album.pk}&person={owner.pk}": [failed],
        "?text=100%25": [],
        "?state=nonsense&album=x&person=9999999&page=-1": [active, duplicate, rejected, failed, completed],
    }

    assert {query: listed(client_of(admin), query) for query in expected} == {
        query: [batch.pk for batch in batches] for query, batches in expected.items()
    }


def test_the_person_filter_is_only_for_users_who_see_all_albums(album, owner, admin):
    processed_batch(album)

    assert "person" not in client_of(owner).get("/batches/").context["form"].fields
    assert list(client_of(admin).get("/batches/").context["form"].fields["person"].queryset) == [owner]
    assert f'<option value="{album.pk}">' in client_of(owner).get("/batches/").content.decode()


def test_filtering_by_another_users_album_shows_nothing(album, stranger):
    processed_batch(album)

    response = client_of(stranger).get(f"/batches/?album={album.pk}")

    assert response.context["entries"] == []
    assert album.title not in response.content.decode()


def test_a_page_of_the_list_has_fifty_batches(signed_in, album):
    Batch.objects.bulk_create(Batch(album=album, source=Batch.Source.FORM) for _ in range(51))

    assert len(listed(signed_in)) == 50
    assert len(listed(signed_in, "?page=2")) == 1


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


def test_the_csv_receipt_lists_every_file(signed_in, album):
    batch = verified_batch(album)
    making.received(album, b"no picture", name="notes.txt", batch=batch)
    worker.develop_next()
    photo = Photo.objects.get()

    first, second = receipt_csv(signed_in, batch)

    assert first == {
        "name": "IMG_0.JPG",
        "bytes": str(photo.original_bytes),
        "sha256": photo.original_sha256,
        "received": f"{Upload.objects.get(name='IMG_0.JPG').ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "verified": f"{photo.verified_at:%Y-%m-%dT%H:%M:%SZ}",
        "state": "verified",
        "photo": f"http://testserver/photos/{photo.pk}/",
        "code": "",
        "reason": "",
    }
    assert (second["state"], second["code"], second["photo"]) == ("failed", "not-an-image", "")
    assert second["reason"] == batch.jobs.failed().get().error_message


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1.jpg", "-1.jpg", "@SUM(A1).jpg", " =1.jpg", "\uff1d1.jpg"])
def test_names_that_look_like_formulas_are_quoted_in_the_csv(signed_in, album, name):
    batch = making.upload(album).batch
    Upload.objects.update(name=name)

    assert [row["name"] for row in receipt_csv(signed_in, batch)] == [f"'{name}"]
    assert [file["name"] for file in receipt_json(signed_in, batch)["files"]] == [name]


@pytest.mark.parametrize("name", ['Zürich, "See".jpg', "写真.jpg", "a=b.jpg", "IMG-1;2.jpg", "Оля.jpg", "🏔.jpg"])
def test_receipts_list_names_as_they_were_sent(signed_in, album, name):
    batch = making.upload(album, name).batch

    assert [row["name"] for row in receipt_csv(signed_in, batch)] == [name]
    assert [file["name"] for file in receipt_json(signed_in, batch)["files"]] == [name]


def test_the_csv_receipt_begins_with_a_byte_order_mark_for_excel(signed_in, album):
    response = signed_in.get(f"/batches/{making.upload(album).batch.pk}/receipt.csv")

    assert response.streaming
    assert response.getvalue().startswith(b"\xef\xbb\xbfname,bytes,")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment; ")


def test_the_json_receipt_has_the_rows_of_the_csv_and_a_summary(signed_in, album):
    batch = verified_batch(album, 2)

    receipt = receipt_json(signed_in, batch)

    assert (receipt["count"], receipt["verified"], receipt["safe"]) == (2, 2, True)
    assert receipt["summary"] == "All 2 files are stored and verified: safe to format the card."
    assert (receipt["album"], receipt["sent_by"]) == ({"id": album.pk, "title": "Summer"}, "owner")
    rows = receipt_csv(signed_in, batch)
    assert [{key: str(value or "") for key, value in file.items()} for file in receipt["files"]] == rows


def test_an_empty_batch_is_not_safe_to_format(signed_in, album):
    batch = Batch.objects.create(album=album, source=Batch.Source.TUS)

    assert receipt_csv(signed_in, batch) == []
    assert receipt_json(signed_in, batch)["safe"] is False
    assert "safe to format" not in page(signed_in, batch)


def test_a_name_that_contains_markup_is_escaped(signed_in, album):
    batch = making.upload(album, "<script>alert(1)<script>.jpg").batch

    assert "<script>alert" not in page(signed_in, batch)


def test_the_admin_links_to_the_batch_page(album, admin):
    batch = processed_batch(album)

    content = client_of(admin).get(f"/admin/processing/batch/{batch.pk}/change/").content.decode()

    assert f'href="/batches/{batch.pk}/"' in content


def test_the_counts_of_a_batch_without_files_are_zero(album):
    batch = Batch.objects.create(album=album, source=Batch.Source.TUS)

    assert batch_list.entries([batch]) == [batch_list.BatchRow(batch)]
