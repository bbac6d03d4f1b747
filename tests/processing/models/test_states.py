"""Every edge from every state: it moves from where it may, and changes nothing anywhere else."""

import pytest

from processing import jobs
from processing.models import ProcessingJob, states
from processing.models.states import EDGES, JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


def fire(edge: states.Edge, job: ProcessingJob) -> bool:
    match edge.name:
        case "claim":
            claimed = jobs.claim_next("another")
            return claimed is not None and claimed.pk == job.pk
        case "complete":
            try:
                jobs.complete(job, making.photo(job.album, job), [])
            except jobs.ClaimLost:
                return False
            return True
        case "retry" | "give_up":
            return getattr(jobs, edge.name)(job, "storage", "The disk did not answer.")
        case _:
            return getattr(jobs, edge.name)(job)


def row(job: ProcessingJob) -> dict[str, object]:
    return {**ProcessingJob.objects.values().get(pk=job.pk)}


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name)
def test_every_move_from_every_state(album, edge, state):
    job = making.job_in(album, state)
    before, photos, events = row(job), album.photos.count(), job.events.count()

    moved = fire(edge, job)

    assert moved == (state in edge.sources)
    if moved:
        assert row(job)["state"] == edge.target
        assert job.events.count() == events + (edge is not states.RENEW)
    else:
        assert (row(job), album.photos.count(), job.events.count()) == (before, photos, events)


@pytest.mark.parametrize("edge", [edge for edge in EDGES if edge.held], ids=lambda edge: edge.name)
def test_a_held_edge_does_nothing_for_a_worker_that_lost_its_claim(album, edge):
    job = making.job_in(album, JobState.PROCESSING)
    jobs.release(job)
    jobs.claim_next("another")
    before = row(job)

    assert fire(edge, job) is False
    assert (row(job), album.photos.count()) == (before, 0)


def test_every_state_but_the_first_can_be_reached():
    assert {edge.target for edge in EDGES} == set(JobState)


def test_no_edge_leaves_a_state_that_is_final():
    left = {source for edge in EDGES for source in edge.sources}
    assert set(JobState) - left == {JobState.COMPLETED, JobState.CANCELLED}
