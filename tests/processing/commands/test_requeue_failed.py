"""manage.py requeue_failed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from albums.models import Album
from processing import jobs
from processing.models import JobEvent, ProcessingJob
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(album, owner) -> list[ProcessingJob]:
    """Failed jobs: two in one album, one of them with another code, and one in another album."""
    other_album = Album.objects.create(title="Winter", owner=owner)
    failed_jobs = [making.job_in(album, JobState.FAILED), making.job_in(other_album, JobState.FAILED)]
    job = making.received(album)
    jobs.give_up(jobs.claim_next("tester"), "timeout", "It took too long.")
    return [*failed_jobs, job]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("requeue_failed", *arguments, stdout=out)
    return out.getvalue()


def pending() -> set[int]:
    return set(ProcessingJob.objects.filter(state=JobState.PENDING).values_list("pk", flat=True))


def test_all_failed_jobs_are_requeued(failed):
    assert run() == "3 jobs retried.\n"

    assert pending() == {job.pk for job in failed}
    assert set(JobEvent.objects.filter(edge="requeue").values_list("by", flat=True)) == {"requeue_failed"}


def test_jobs_can_be_selected_by_album(album, failed):
    assert run("--album", str(album.pk)) == "2 jobs retried.\n"

    assert pending() == {failed[0].pk, failed[2].pk}


def test_jobs_can_be_selected_by_id(failed):
    run("--job", str(failed[0].pk), "--job", str(failed[1].pk))

    assert pending() == {failed[0].pk, failed[1].pk}


def test_jobs_can_be_selected_by_error_code(failed):
    run("--code", "timeout")

    assert pending() == {failed[2].pk}


def test_selections_can_be_combined(album, failed):
    assert run("--album", str(album.pk), "--code", "broken") == "1 job retried.\n"


def test_a_dry_run_lists_the_jobs_and_changes_nothing(failed):
    out = run("--dry-run", "--code", "timeout")

    assert out == f"{failed[2].pk}: photo.jpg (timeout)\n1 job would be retried.\n"
    assert pending() == set()


def test_an_unknown_album_is_rejected(failed):
    with pytest.raises(CommandError, match="No album 4711"):
        run("--album", "4711")


def test_a_job_that_has_not_failed_is_rejected_and_no_job_is_requeued(album, failed):
    pending_job = making.received(album)

    with pytest.raises(CommandError, match=f": {pending_job.pk}"):
        run("--job", str(pending_job.pk), "--job", str(failed[0].pk))

    assert pending() == {pending_job.pk}


def test_a_call_without_failed_jobs_is_no_error(album):
    assert run() == "0 jobs retried.\n"


def test_the_help_describes_the_options(capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--help")

    assert "--dry-run" in capsys.readouterr().out
