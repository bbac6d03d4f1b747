"""The failure desk's read side: reasons, pages, and what is left out."""

import pytest

from albums.models import Album
from processing import jobs
from processing.models import Batch, Preview, ProcessingJob, Upload
from processing.queries import failure_page
from processing.queries.failure_scope import FailureKind, FailureScope
from processing.uploads import lifecycle as uploads
from processing.uploads import rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(album) -> Batch:
    return making.upload(album).batch


def fail(batch: Batch, code: str = "broken", name: str = "photo.jpg") -> ProcessingJob:
    job = making.received(batch.album, name=name, batch=batch)
    jobs.give_up(jobs.claim_next("tester"), code, f"It is {code}.")
    return ProcessingJob.objects.get(pk=job.pk)


def refuse(batch: Batch, refusal: rejections.RejectionReason = rejections.CUT_OFF) -> Upload:
    upload = making.upload(batch.album, batch=batch)
    uploads.refuse(upload, refusal)
    return upload


def desk(page: str | None = None, **narrowed) -> failure_page.FailurePage:
    return failure_page.build(FailureScope(Album.objects.all(), **narrowed), page)


def reasons(found: failure_page.FailurePage) -> list[tuple[FailureKind, str, int]]:
    return [(reason.kind, reason.code, reason.count) for reason in found.reasons]


def listed(found: failure_page.FailurePage) -> list[tuple[str, list[str]]]:
    return [(section.reason.slug, [entry.id for entry in section.entries]) for section in found.sections]


def test_where_nothing_failed_there_is_nothing(batch):
    making.received(batch.album, batch=batch)

    found = desk()

    assert (found.total, found.shown, found.sections) == (0, 0, [])


def test_what_can_be_retried_comes_first_then_the_most_frequent_and_duplicates_last(batch):
    refuse(batch, rejections.DUPLICATE)
    refuse(batch, rejections.DUPLICATE)
    refuse(batch)
    fail(batch, "broken")
    fail(batch, "timeout")
    fail(batch, "timeout")

    assert reasons(desk()) == [
        (FailureKind.FAILED, "timeout", 2),
        (FailureKind.FAILED, "broken", 1),
        (FailureKind.REFUSED, "cut-off", 1),
        (FailureKind.REFUSED, "duplicate", 2),
    ]


def test_what_is_where_it_should_be_is_counted_apart_and_shown_when_asked_for(batch):
    twin, photo = refuse(batch, rejections.DUPLICATE), fail(batch, "duplicate")
    job = fail(batch)

    found = desk()

    assert (listed(found), found.total, found.shown) == ([("failed-broken", [str(job.pk)])], 1, 1)
    assert listed(desk(code="duplicate")) == [
        ("failed-duplicate", [str(photo.pk)]),
        ("refused-duplicate", [str(twin.pk)]),
    ]


def test_all_means_what_the_desk_shows(batch):
    refuse(batch, rejections.DUPLICATE)
    job, upload = fail(batch), refuse(batch)

    picked = FailureScope(Album.objects.all()).all()

    assert (list(picked.jobs), list(picked.uploads)) == ([job], [upload])


def test_the_newest_of_a_reason_is_first(batch):
    first, second = fail(batch), fail(batch)
    refused, later = refuse(batch), refuse(batch)

    assert listed(desk()) == [
        ("failed-broken", [str(second.pk), str(first.pk)]),
        ("refused-cut-off", [str(later.pk), str(refused.pk)]),
    ]


def test_a_code_of_both_kinds_is_two_reasons(batch):
    fail(batch, "disk-full")
    refuse(batch, rejections.DISK_FULL)

    found = desk(code="disk-full")

    assert [reason.advice.retry_may_help for reason in found.matching] == [True, False]
    assert (found.shown, found.retryable_count) == (2, 1)
    assert listed(desk(code="disk-full", kind=FailureKind.REFUSED))[0][0] == "refused-disk-full"


def test_one_reason_is_looked_at_while_the_others_are_named(batch):
    job = fail(batch, "broken")
    fail(batch, "timeout")

    found = desk(code="broken")

    assert listed(found) == [("failed-broken", [str(job.pk)])]
    assert (len(found.reasons), found.total, found.shown) == (2, 2, 1)


def test_it_is_narrowed_to_an_album_and_to_a_batch(batch, owner):
    fail(batch)
    other = making.upload(Album.objects.create(title="Winter", owner=owner)).batch
    job = fail(other)

    assert listed(desk(album=other.album)) == [("failed-broken", [str(job.pk)])]
    assert listed(desk(batch=other)) == [("failed-broken", [str(job.pk)])]
    assert desk().total == 2


def test_albums_that_are_not_meant_are_not_told_of(batch, stranger):
    fail(batch)
    refuse(batch)

    assert failure_page.build(FailureScope(Album.objects.visible_to(stranger))).total == 0


def test_an_entry_says_what_is_known_of_its_file(batch):
    job = fail(batch, name="IMG_1.CR2")
    Preview.objects.create(job=job, webp=b"RIFF")

    entry = desk().sections[0].entries[0]

    assert (entry.name, entry.album, entry.batch, entry.size) == ("IMG_1.CR2", batch.album, batch.pk, job.upload.size)
    assert (entry.message, entry.at, entry.attempts) == ("It is broken.", job.finished_at, 1)
    assert [moment.title for moment in entry.history] == ["Uploaded", "Attempt 1"]
    assert (entry.has_preview, entry.ending) == (True, "CR2")


@pytest.mark.parametrize(("name", "ending"), [("IMG", ""), ("a.reallylong", ""), ("a.jpeg", "jpeg"), (".hidden", "")])
def test_the_ending_stands_for_a_picture_that_cannot_be_seen(batch, name, ending):
    fail(batch, name=name)

    assert desk().sections[0].entries[0].ending == ending


def test_pages_run_on_from_what_failed_to_what_was_refused(batch, monkeypatch):
    monkeypatch.setattr(failure_page, "PAGE_SIZE", 3)
    kept = [str(fail(batch).pk) for _ in range(4)]
    gone = [str(refuse(batch).pk) for _ in range(3)]

    pages = [listed(desk(page=page)) for page in ("1", "2", "3")]

    assert pages == [
        [("failed-broken", kept[:0:-1])],
        [("failed-broken", kept[:1]), ("refused-cut-off", gone[:0:-1])],
        [("refused-cut-off", gone[:1])],
    ]
    assert [section.is_all for section in desk(page="2").sections] == [False, False]


@pytest.mark.parametrize("page", ["0", "-1", "x", "99"])
def test_a_page_that_is_not_there_is_another(batch, page):
    fail(batch)

    assert desk(page=page).shown == 1


def test_what_was_dismissed_is_gone(batch):
    refused, expired = refuse(batch), refuse(batch)
    Upload.objects.filter(pk=refused.pk).update(dismissed_at=refused.created_at)

    assert listed(desk()) == [("refused-cut-off", [str(expired.pk)])]
    Batch.objects.update(dismissed_at=refused.created_at)
    assert desk().total == 0


def test_a_page_costs_the_same_queries_however_much_failed(batch, django_assert_num_queries):
    fail(batch)
    refuse(batch)
    with django_assert_num_queries(5):  # two counts, jobs, their events, uploads
        desk()
    for code in ("broken", "timeout", "crashed"):
        for _ in range(5):
            fail(batch, code)
            refuse(batch)

    with django_assert_num_queries(5):
        desk()
