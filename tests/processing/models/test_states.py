"""Every transition is tried from every state: it moves jobs from its source states, and changes nothing in any other."""

import pytest

from processing import jobs
from processing.models import ProcessingJob, states
from processing.models.states import EDGES, JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


def attempt(edge: states.Edge, job: ProcessingJob) -> bool:
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
def test_a_transition_moves_a_job_only_from_its_source_states(album, edge, state):
    job = making.job_in(album, state)
    before, photos, events = row(job), album.photos.count(), job.events.count()

    moved = attempt(edge, job)

    assert moved == (state in edge.sources)
    if moved:
        assert row(job)["state"] == edge.target
        assert job.events.count() == events + (edge is not states.RENEW)
    else:
        assert (row(job), album.photos.count(), job.events.count()) == (before, photos, events)


@pytest.mark.parametrize("edge", [edge for edge in EDGES if edge.held], ids=lambda edge: edge.name)
def test_a_transition_that_needs_the_claim_does_nothing_for_a_worker_that_lost_it(album, edge):
    job = making.job_in(album, JobState.PROCESSING)
    jobs.release(job)
    jobs.claim_next("another")
    before = row(job)

    assert attempt(edge, job) is False
    assert (row(job), album.photos.count()) == (before, 0)


def test_every_state_but_the_first_can_be_reached():
    assert {edge.target for edge in EDGES} == set(JobState)


def test_no_transition_leaves_a_final_state():
    sources = {source for edge in EDGES for source in edge.sources}
    assert set(JobState) - sources == {JobState.COMPLETED, JobState.CANCELLED}
