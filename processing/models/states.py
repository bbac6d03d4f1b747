"""Both life cycles, as data.

    ProcessingJob   (create) ─► pending ──claim──► processing ──complete──► completed
                                  ▲ ▲ │               │  │
                                  │ │ └──cancel─► cancelled ◄─cancel
                                  │ └──retry (backoff), release ──┘
                                  └──requeue── failed ◄──give_up
                                                  └──dismiss──► cancelled
    Upload          receiving ─► received | refused | skipped | expired | cancelled

Only processing/jobs/lifecycle.py moves a job along these edges, only processing/uploads/lifecycle.py an upload.
"""

from dataclasses import dataclass

from django.db import models


class JobState(models.TextChoices):
    PENDING = "pending", "Waiting"
    PROCESSING = "processing", "Developing"
    COMPLETED = "completed", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class UploadState(models.TextChoices):
    RECEIVING = "receiving", "On its way"
    RECEIVED = "received", "Received"
    REFUSED = "refused", "Refused"
    SKIPPED = "skipped", "Skipped"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


@dataclass(frozen=True, slots=True)
class Edge:
    """A move that a job can make. A held edge may be fired by the holder of the job's claim alone."""

    name: str
    sources: frozenset[JobState]
    target: JobState
    held: bool = False


CLAIM = Edge("claim", frozenset({JobState.PENDING}), JobState.PROCESSING)
RENEW = Edge("renew", frozenset({JobState.PROCESSING}), JobState.PROCESSING, held=True)
COMPLETE = Edge("complete", frozenset({JobState.PROCESSING}), JobState.COMPLETED, held=True)
RETRY = Edge("retry", frozenset({JobState.PROCESSING}), JobState.PENDING, held=True)
GIVE_UP = Edge("give_up", frozenset({JobState.PROCESSING}), JobState.FAILED, held=True)
RELEASE = Edge("release", frozenset({JobState.PROCESSING}), JobState.PENDING, held=True)
CANCEL = Edge("cancel", frozenset({JobState.PENDING, JobState.PROCESSING}), JobState.CANCELLED)
REQUEUE = Edge("requeue", frozenset({JobState.FAILED}), JobState.PENDING)
DISMISS = Edge("dismiss", frozenset({JobState.FAILED}), JobState.CANCELLED)

EDGES = (CLAIM, RENEW, COMPLETE, RETRY, GIVE_UP, RELEASE, CANCEL, REQUEUE, DISMISS)

ACTIVE = (JobState.PENDING, JobState.PROCESSING)
"""A job in one of these locks its album."""

KEEPS_RAW = (*ACTIVE, JobState.FAILED)
"""A job in one of these still needs its raw file."""

DUPLICATE = "duplicate"
"""The code of an upload or a job whose bytes its album has already."""

IS_A_PHOTO = frozenset({DUPLICATE, "restored"})
"""Codes of uploads and jobs that ended because their album has, or is getting, their bytes already: nothing went wrong.

The only definition: pages, receipts, lists and commands all go by it.
"""

COMPANION_FILE = "companion-file"
"""The code of a skipped upload that is a companion without a picture of its own: nobody misses it."""

CAN_BE_PUBLISHED = frozenset({"broken", "truncated"})
"""Codes of damage: who wants the photo all the same can have what is left of it."""

ENDED_BADLY = (UploadState.REFUSED, UploadState.EXPIRED)
"""Such an upload has no bytes any more: its file has to be sent again."""
