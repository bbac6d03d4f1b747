"""The failure page as a user without JavaScript uses it."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from albums import album_trash
from albums.models import Album, Photo
from processing import jobs
from processing.models import Batch, Preview, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import album_report
from processing.uploads import lifecycle, rejections
from tests import stack
from tests.processing import making

pytestmark = pytest.mark.django_db

DESK, RETRY, DISMISS = "/failures/", "/failures/retry/", "/failures/dismiss/"


@pytest.fixture
def batch(album) -> Batch:
    upload = making.upload(album, name="keeps it open.jpg")
    lifecycle.cancel(upload, "cancelled", "It was cancelled.")
    return upload.batch


def fail(batch: Batch, code: str = "broken", name: str = "photo.jpg", content: bytes | None = None) -> ProcessingJob:
    job = making.received(batch.album, content, name=name, batch=batch)
    jobs.give_up(jobs.claim_next("tester"), code, f"It is {code}.")
    return ProcessingJob.objects.get(pk=job.pk)


def reject(batch: Batch, reason: rejections.RejectionReason = rejections.CUT_OFF, photo: Photo | None = None) -> Upload:
    upload = making.upload(batch.album, name="refused.jpg", batch=batch)
    lifecycle.reject(upload, reason, duplicate_of=photo)
    return upload


def states() -> dict[int, str]:
    return dict(ProcessingJob.objects.order_by("pk").values_list("pk", "state"))


def page(client: Client, query: str = "") -> str:
    response = client.get(DESK + query)
    assert response.status_code == 200
    return response.content.decode()


def messages_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_failure_page_says_what_failed_why_and_what_to_do(signed_in, batch):
    job = fail(batch, "truncated", name="IMG_1.JPG")
    Preview.objects.create(job=job, webp=b"RIFF")
    reject(batch)

    html = page(signed_in)

    for text in (
        *(
            "IMG_1.JPG",
            "It is truncated.",
            "the original on the card may be intact",
            f"upload {batch.pk}",
            "Summer",
            "<code>truncated</code>",
        ),
        *("1 attempt", "Attempt 1", f"/jobs/{job.pk}/preview/", f"/jobs/{job.pk}/raw/"),
        *("refused.jpg", "Connection lost", "Upload again"),
    ):
        assert text in html


@pytest.mark.parametrize(("code", "offers_replacement"), [("truncated", True), ("timeout", False)])
def test_a_replacement_is_offered_where_a_retry_cannot_help(signed_in, batch, code, offers_replacement):
    fail(batch, code)

    html = page(signed_in)

    assert ("Replace file" in html) is offers_replacement
    assert "Retry<span" in html


def test_without_failures_the_page_says_so(signed_in, batch):
    assert "No problems" in page(signed_in)


def test_filtering_by_a_reason_without_failures_says_so(signed_in, batch):
    fail(batch, "broken")

    assert "No problems of this kind" in page(signed_in, "?code=timeout")


def test_a_duplicate_is_not_a_failure(signed_in, batch):
    reject(batch, rejections.DUPLICATE)

    html = page(signed_in)

    assert "No problems" in html
    assert "Already in album" not in html
    assert "Already in album" in page(signed_in, "?code=duplicate")


def test_failures_of_another_user_are_not_shown(stranger, batch):
    fail(batch)
    reject(batch)
    client = Client()
    client.force_login(stranger)

    assert "No problems" in page(client)
    assert client.get(f"{DESK}?album={batch.album_id}").status_code == 404
    assert client.get(f"{DESK}?batch={batch.pk}").status_code == 404


@pytest.mark.parametrize("query", ["?album=4711", "?batch=4711", "?album=x", f"?batch={10**30}", "?album=-1"])
def test_filtering_by_an_unknown_album_or_batch_is_not_found(signed_in, batch, query):
    assert signed_in.get(DESK + query).status_code == 404


@pytest.mark.parametrize("query", ["?kind=x", "?until=2026-99-99T00:00Z", "?until=x", "?until=2026-01-01T00:00"])
def test_an_invalid_filter_is_not_found(signed_in, batch, query):
    assert signed_in.get(DESK + query).status_code == 404


@pytest.mark.parametrize("code", ["%00", "<script>", "broken%00"])
def test_filtering_by_an_unknown_code_shows_nothing(signed_in, batch, code):
    fail(batch)

    assert "No problems of this kind" in page(signed_in, f"?code={code}")


def test_the_queue_and_the_batch_of_an_album_link_to_the_failure_page(signed_in, batch):
    fail(batch)

    batch_page = f"/batches/{batch.pk}/"
    assert f'href="{batch_page}">Review' in signed_in.get(f"/albums/{batch.album_id}/").content.decode()
    assert f'href="{DESK}?batch={batch.pk}"' in signed_in.get(batch_page).content.decode()
    assert f'href="{DESK}"' in signed_in.get("/jobs/").content.decode()


def test_the_queue_counts_the_failures_that_the_failure_page_lists(admin, batch, stranger):
    fail(batch, name="listed.jpg")
    fail(batch, "restored", name="no mishap.jpg")
    in_trash = Album.objects.create(title="Deleted", owner=stranger)
    fail(making.upload(in_trash).batch, name="deleted.jpg")
    album_trash.move_to_trash(in_trash)
    client = Client()
    client.force_login(admin)

    queue = client.get("/jobs/").context["queue"]

    assert (queue.failures, [job.original_filename for job in queue.failed]) == (1, ["listed.jpg"])
    assert page(client).count('class="failure__name') == 1


def test_links_to_further_pages_keep_the_filter(signed_in, batch):
    for _ in range(51):
        reject(batch)

    html = page(signed_in, f"?batch={batch.pk}&code=cut-off")

    assert "Page 1 of 2" in html
    assert f'href="?batch={batch.pk}&amp;code=cut-off&amp;page=2"' in html


def test_one_failed_job_is_retried(signed_in, batch):
    first, second = fail(batch), fail(batch)

    response = signed_in.post(RETRY, {"pick": f"job:{first.pk}"})

    assert (response.status_code, response.url) == (302, DESK)
    assert states() == {first.pk: JobState.PENDING, second.pk: JobState.FAILED}
    assert messages_of(response) == ["1 file will be retried."]


def test_ticked_jobs_are_retried(signed_in, batch):
    first, second, third = fail(batch), fail(batch), fail(batch)

    signed_in.post(RETRY, {"pick": "ticked", "job": [first.pk, third.pk, 4711, "x"], "upload": ["x"]})

    assert states() == {first.pk: JobState.PENDING, second.pk: JobState.FAILED, third.pk: JobState.PENDING}


def test_all_jobs_of_one_reason_are_retried_also_those_on_other_pages(signed_in, batch):
    timed_out = [fail(batch, "timeout").pk for _ in range(52)]
    broken = fail(batch, "broken")

    response = signed_in.post(RETRY, {"pick": "failed:timeout", "page": "2"})

    assert states() == {**dict.fromkeys(timed_out, JobState.PENDING), broken.pk: JobState.FAILED}
    assert (messages_of(response), response.url) == (["52 files will be retried."], f"{DESK}?page=2")


def test_all_failures_of_the_filtered_album_are_retried(signed_in, batch, owner):
    job = fail(batch)
    other_job = fail(making.upload(Album.objects.create(title="Winter", owner=owner)).batch)

    response = signed_in.post(RETRY, {"pick": "all", "album": batch.album_id})

    assert states() == {job.pk: JobState.PENDING, other_job.pk: JobState.FAILED}
    assert response.url == f"{DESK}?album={batch.album_id}"


@pytest.mark.parametrize("form", [{}, {"pick": "ticked"}, {"pick": "failed:"}, {"pick": "nonsense"}, {"pick": "job:x"}])
@pytest.mark.parametrize("address", [RETRY, DISMISS])
def test_an_action_without_a_selection_does_nothing(signed_in, batch, address, form):
    job = fail(batch)

    assert messages_of(signed_in.post(address, form)) == ["Select at least one file."]
    assert states() == {job.pk: JobState.FAILED}


def test_rejected_files_cannot_be_retried_and_a_message_says_so(signed_in, batch):
    upload, job = reject(batch), fail(batch)

    response = signed_in.post(RETRY, {"pick": "ticked", "upload": [upload.pk], "job": [job.pk]})

    assert messages_of(response) == [
        "1 file will be retried.",
        "1 rejected file cannot be retried. Upload again.",
    ]


def test_dismissing_asks_first_and_says_how_many_raw_files_are_deleted(signed_in, batch, data_dir):
    job = fail(batch)
    fail(batch)
    reject(batch)

    response = signed_in.post(DISMISS, {"pick": "all"})

    assert (response.status_code, response.context["size"].failed, response.context["size"].total) == (200, 2, 3)
    assert "2 failed files will be deleted" in response.content.decode()
    assert states()[job.pk] == JobState.FAILED
    assert (data_dir / job.raw_path).exists()


def test_confirmed_failures_are_dismissed_with_their_raw_files(
    signed_in, batch, data_dir, django_capture_on_commit_callbacks
):
    job, other_job = fail(batch), fail(batch, "timeout")
    question = signed_in.post(DISMISS, {"pick": "failed:broken", "batch": batch.pk})

    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in.post(DISMISS, dict(question.context["carried"]) | {"confirmed": "yes"})

    assert states() == {job.pk: JobState.CANCELLED, other_job.pk: JobState.FAILED}
    assert [(data_dir / failed_job.raw_path).exists() for failed_job in (job, other_job)] == [False, True]
    assert (messages_of(response), response.url) == (["1 problem dismissed."], f"{DESK}?batch={batch.pk}")


def test_a_job_that_failed_after_the_question_is_not_dismissed(signed_in, batch):
    job = fail(batch)
    question = signed_in.post(DISMISS, {"pick": "all"})
    later_job = fail(batch)

    signed_in.post(DISMISS, dict(question.context["carried"]) | {"confirmed": "yes"})

    assert states() == {job.pk: JobState.CANCELLED, later_job.pk: JobState.FAILED}


def test_a_failure_without_a_raw_file_is_dismissed_without_a_question(signed_in, batch):
    rejected_upload, other_upload = reject(batch), reject(batch, rejections.DISK_FULL)

    response = signed_in.post(DISMISS, {"pick": f"upload:{rejected_upload.pk}"})

    assert messages_of(response) == ["1 problem dismissed."]
    assert list(Upload.objects.ended_badly()) == [other_upload]
    assert album_report.build(batch.album).rejected == 1
    assert Upload.objects.get(pk=rejected_upload.pk).dismissed_at is not None


def test_failures_of_another_user_are_not_changed(stranger, batch):
    job, upload = fail(batch), reject(batch)
    client = Client()
    client.force_login(stranger)

    for form in ({"pick": "all"}, {"pick": "failed:broken"}, {"job": [job.pk], "upload": [upload.pk]}):
        client.post(RETRY, form)
        client.post(DISMISS, form | {"confirmed": "yes"})

    assert states() == {job.pk: JobState.FAILED}
    assert Upload.objects.get(pk=upload.pk).dismissed_at is None


def test_a_duplicate_links_to_its_photo_and_offers_no_retry(signed_in, batch):
    job = fail(batch)
    photo = making.photo(batch.album, job)
    photo.save()
    reject(batch, rejections.DUPLICATE, photo)

    html = page(signed_in, "?code=duplicate")

    assert f'href="{photo.get_absolute_url()}"' in html
    assert "Upload again" not in html


def test_a_raw_file_is_served_as_a_download_of_type_octet_stream(signed_in, batch):
    content = b"<html><script>alert(1)</script>"
    job = fail(batch, name='a";filename="b.html', content=content)

    response = signed_in.get(f"/jobs/{job.pk}/raw/")

    body, headers = stack.delivered(response)
    assert (body, headers["Content-Type"]) == (content, "application/octet-stream")
    assert headers["Content-Disposition"].startswith("attachment; ")


@pytest.mark.embedded
def test_the_name_of_a_raw_file_is_quoted_in_its_header(signed_in, batch):
    job = fail(batch, name='a";filename="b.html')

    response = signed_in.get(f"/jobs/{job.pk}/raw/")
    response.close()

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'attachment; filename="a\\";filename=\\"b.html"'
    assert response["Content-Security-Policy"].startswith("sandbox")


def test_a_missing_raw_file_is_not_found(signed_in, batch, data_dir):
    job = fail(batch)
    (data_dir / job.raw_path).unlink()

    assert signed_in.get(f"/jobs/{job.pk}/raw/").status_code == 404


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.FAILED}))
def test_only_a_failed_job_serves_its_raw_file_and_preview(signed_in, album, state):
    job = making.job_in(album, state)
    Preview.objects.create(job=job, webp=b"RIFF")

    assert signed_in.get(f"/jobs/{job.pk}/raw/").status_code == 404
    assert signed_in.get(f"/jobs/{job.pk}/preview/").status_code == 404


def test_a_preview_is_a_privately_cached_image(signed_in, batch):
    job = fail(batch)
    Preview.objects.create(job=job, webp=b"RIFF")

    response = signed_in.get(f"/jobs/{job.pk}/preview/")

    assert (response.content, response["Content-Type"]) == (b"RIFF", "image/webp")
    assert response["Cache-Control"] == "private, max-age=600"
    assert response["Content-Security-Policy"].startswith("sandbox")


def test_file_names_that_contain_markup_are_escaped(signed_in, batch):
    fail(batch, name="<img src=x onerror=alert(1)>.jpg")

    html = page(signed_in)

    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in html
