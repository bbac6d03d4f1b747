"""manage.py drain."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from processing import jobs
from processing.jobs import workers as jobs_workers
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def live_workers():
    for name in ("one:1", "one:2", "two:1"):
        jobs_workers.heartbeat(name)


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("drain", *arguments, stdout=out)
    return out.getvalue().splitlines()


def drained() -> list[str]:
    return [name for name in ("one:1", "one:2", "two:1") if jobs_workers.is_drained(name)]


def test_named_workers_are_drained_until_they_are_resumed():
    assert run("one:2") == ["Workers pausing: 1."]
    assert drained() == ["one:2"]

    assert run("one:2", "--resume") == ["Workers resumed: 1."]
    assert drained() == []


def test_all_workers_of_a_host_or_all_workers_can_be_drained():
    run("--host", "one")
    assert drained() == ["one:1", "one:2"]

    assert run("--all") == ["Workers pausing: 3."]


def test_an_unknown_worker_is_an_error_and_no_worker_is_drained():
    with pytest.raises(CommandError, match="Not running: three:1"):
        run("one:1", "three:1")

    assert drained() == []


def test_a_call_without_workers_is_rejected():
    with pytest.raises(CommandError, match="Name the workers"):
        run()


def test_waiting_ends_when_no_job_is_running(album):
    making.received(album)
    job = jobs.claim_next("one:1")
    with pytest.raises(CommandError, match="Some jobs are still running"):
        run("one:1", "--wait", "--timeout", "0")

    jobs.release(job)

    assert run("one:1", "--wait") == ["Workers pausing: 1.", "All jobs finished."]


def test_a_worker_that_is_restarted_is_not_drained():
    run("one:1")

    jobs_workers.register("one:1")

    assert drained() == []
