"""What the failure page reads: reasons, pages, and the files that are left out."""

import pytest

from albums.models import Album
from processing import jobs
from processing.models import Batch, Preview, ProcessingJob, Upload
from processing.queries import failure_page
from processing.queries.failure_scope import FailureKind, FailureScope
from processing.uploads import lifecycle, rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(album) -> Batch:
    return making.upload(album).batch


def fail(batch: Batch, code: str = "broken", name: str = "photo.jpg") -> ProcessingJob:
    job = making.received(batch.album, name=name, batch=batch)
    jobs.give_up(jobs.claim_next("tester"), code, f"It is {code}.")
    return ProcessingJob.objects.get(pk=job.pk)


def reject(batch: Batch, reason: rejections.RejectionReason = rejections.CUT_OFF) -> Upload:
    upload = making.upload(batch.album, batch=batch)
    lifecycle.reject(upload, reason)
    return upload


def build_page(page: str | None = None, **filters) -> failure_page.FailurePage:
    return failure_page.build(FailureScope(Album.objects.all(), **filters), page)


def reasons(page: failure_page.FailurePage) -> list[tuple[FailureKind, str, int]]:
    return [(reason.kind, reason.code, reason.count) for reason in page.reasons]


def listed_ids(page: failure_page.FailurePage) -> list[tuple[str, list[str]]]:
    return [(section.reason.slug, [entry.id for entry in section.entries]) for section in page.sections]


def test_without_failures_the_page_is_empty(batch):
    making.received(batch.album, batch=batch)

    page = build_page()

    assert (page.total, page.shown, page.sections) == (0, 0, [])


def test_retryable_reasons_come_first_then_frequent_ones_without_duplicates(batch):
    reject(batch, rejections.DUPLICATE)
    reject(batch, rejections.DUPLICATE)
    reject(batch)
    fail(batch, "broken")
    fail(batch, "timeout")
    fail(batch, "timeout")

    assert reasons(build_page()) == [
        (FailureKind.FAILED, "timeout", 2),
        (FailureKind.FAILED, "broken", 1),
        (FailureKind.REJECTED, "cut-off", 1),
    ]
    assert build_page().total == 4


def test_duplicates_are_not_counted_as_failures_and_shown_on_request(batch):
    duplicate_upload, duplicate_job = reject(batch, rejections.DUPLICATE), fail(batch, "duplicate")
    job = fail(batch)

    page = build_page()

    assert (listed_ids(page), page.total, page.shown) == ([("failed-broken", [str(job.pk)])], 1, 1)
    assert listed_ids(build_page(code="duplicate")) == [
        ("failed-duplicate", [str(duplicate_job.pk)]),
        ("refused-duplicate", [str(duplicate_upload.pk)]),
    ]


def test_the_scope_all_selects_what_the_page_shows(batch):
    reject(batch, rejections.DUPLICATE)
    job, upload = fail(batch), reject(batch)

    scope = FailureScope(Album.objects.all()).all()

    assert (list(scope.jobs), list(scope.uploads)) == ([job], [upload])


def test_the_newest_file_of_a_reason_is_first(batch):
    first, second = fail(batch), fail(batch)
    rejected, later = reject(batch), reject(batch)

    assert listed_ids(build_page()) == [
        ("failed-broken", [str(second.pk), str(first.pk)]),
        ("refused-cut-off", [str(later.pk), str(rejected.pk)]),
    ]


def test_a_code_of_failed_and_rejected_files_is_two_reasons(batch):
    fail(batch, "disk-full")
    reject(batch, rejections.DISK_FULL)

    page = build_page(code="disk-full")

    assert [reason.advice.retry_may_help for reason in page.matching] == [True, False]
    assert (page.shown, page.retryable_count) == (2, 1)
    assert listed_ids(build_page(code="disk-full", kind=FailureKind.REJECTED))[0][0] == "refused-disk-full"


def test_filtering_by_a_reason_keeps_the_list_of_all_reasons(batch):
    job = fail(batch, "broken")
    fail(batch, "timeout")

    page = build_page(code="broken")

    assert listed_ids(page) == [("failed-broken", [str(job.pk)])]
    assert (len(page.reasons), page.total, page.shown) == (2, 2, 1)


def test_the_counts_of_the_chips_add_up_to_all(batch):
    reject(batch, rejections.DUPLICATE)
    fail(batch, "broken")
    fail(batch, "timeout")
    reject(batch)

    page = build_page()

    assert sum(chip.count for chip in page.reasons) == page.total == 3
    assert "duplicate" in [chip.code for chip in build_page(code="duplicate").reasons]


def test_retrying_is_emphasised_only_where_it_may_help(batch):
    fail(batch, "broken")
    reject(batch, rejections.DISK_FULL)
    assert not build_page().may_retry_help

    fail(batch, "timeout")

    assert build_page().may_retry_help
    assert not build_page(code="broken").may_retry_help


def test_the_page_can_be_filtered_by_album_and_by_batch(batch, owner):
    fail(batch)
    other_batch = making.upload(Album.objects.create(title="Winter", owner=owner)).batch
    job = fail(other_batch)

    assert listed_ids(build_page(album=other_batch.album)) == [("failed-broken", [str(job.pk)])]
    assert listed_ids(build_page(batch=other_batch)) == [("failed-broken", [str(job.pk)])]
    assert build_page().total == 2


def test_failures_in_albums_of_other_users_are_not_shown(batch, stranger):
    fail(batch)
    reject(batch)

    assert failure_page.build(FailureScope(Album.objects.visible_to(stranger))).total == 0


def test_an_entry_has_all_details_of_its_file(batch):
    job = fail(batch, name="IMG_1.CR2")
    Preview.objects.create(job=job, webp=b"RIFF")

    entry = build_page().sections[0].entries[0]

    assert (entry.name, entry.album, entry.batch, entry.size) == ("IMG_1.CR2", batch.album, batch.pk, job.upload.size)
    assert (entry.message, entry.at, entry.attempts) == ("It is broken.", job.finished_at, 1)
    assert [moment.title for moment in entry.history] == ["Uploaded", "Attempt 1"]
    assert (entry.has_preview, entry.ending) == (True, "CR2")


@pytest.mark.parametrize(("name", "ending"), [("IMG", ""), ("a.reallylong", ""), ("a.jpeg", "jpeg"), (".hidden", "")])
def test_the_extension_is_shown_for_a_picture_without_a_preview(batch, name, ending):
    fail(batch, name=name)

    assert build_page().sections[0].entries[0].ending == ending


def test_pages_continue_from_failed_to_rejected_files(batch, monkeypatch):
    monkeypatch.setattr(failure_page, "PAGE_SIZE", 3)
    failed_ids = [str(fail(batch).pk) for _ in range(4)]
    rejected_ids = [str(reject(batch).pk) for _ in range(3)]

    pages = [listed_ids(build_page(page=page)) for page in ("1", "2", "3")]

    assert pages == [
        [("failed-broken", failed_ids[:0:-1])],
        [("failed-broken", failed_ids[:1]), ("refused-cut-off", rejected_ids[:0:-1])],
        [("refused-cut-off", rejected_ids[:1])],
    ]
    assert [section.is_all for section in build_page(page="2").sections] == [False, False]


@pytest.mark.parametrize("page", ["0", "-1", "x", "99"])
def test_an_invalid_page_number_shows_an_existing_page(batch, page):
    fail(batch)

    assert build_page(page=page).shown == 1


def test_dismissed_failures_are_not_shown(batch):
    rejected, expired = reject(batch), reject(batch)
    Upload.objects.filter(pk=rejected.pk).update(dismissed_at=rejected.created_at)

    assert listed_ids(build_page()) == [("refused-cut-off", [str(expired.pk)])]
    Batch.objects.update(dismissed_at=rejected.created_at)
    assert build_page().total == 0


def test_a_page_costs_the_same_queries_for_any_number_of_failures(batch, django_assert_num_queries):
    fail(batch)
    reject(batch)
    with django_assert_num_queries(5):  # two counts, jobs, their events, uploads
        build_page()
    for code in ("broken", "timeout", "crashed"):
        for _ in range(5):
            fail(batch, code)
            reject(batch)

    with django_assert_num_queries(5):
        build_page()
