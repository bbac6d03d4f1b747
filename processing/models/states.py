"""The life cycles of jobs and uploads, as data.

    ProcessingJob   (create) ─► pending ──claim──► processing ──complete──► completed
                                  ▲ ▲ │               │  │
                                  │ │ └──cancel─► cancelled ◄─cancel
                                  │ └──retry (backoff), release ──┘
                                  └──requeue── failed ◄──give_up
                                                  └──dismiss──► cancelled
    Upload          receiving ─► received | refused | skipped | expired | cancelled

Only processing/jobs/transitions.py changes the state of a job, and only processing/uploads/lifecycle.py that of an upload.
"""

from dataclasses import dataclass

from django.db import models


class JobState(models.TextChoices):
    PENDING = "pending", "Queued"
    PROCESSING = "processing", "Processing"
    COMPLETED = "completed", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class UploadState(models.TextChoices):
    RECEIVING = "receiving", "Uploading"
    RECEIVED = "received", "Uploaded"
    REJECTED = "refused", "Rejected"
    SKIPPED = "skipped", "Skipped"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition of a job. Only the worker that holds the job's claim may make a `held` one."""

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

EVENTS = {
    "create": "Created",
    CLAIM.name: "Started",
    COMPLETE.name: "Completed",
    RETRY.name: "Retry scheduled",
    GIVE_UP.name: "Failed",
    RELEASE.name: "Released",
    CANCEL.name: "Cancelled",
    REQUEUE.name: "Retried",
    DISMISS.name: "Dismissed",
}
"""What the admin calls an event of a job, by the edge's name."""

ACTIVE = (JobState.PENDING, JobState.PROCESSING)
"""A job in one of these states locks its album."""

KEEPS_RAW = (*ACTIVE, JobState.FAILED)
"""A job in one of these states still needs its raw file."""

DUPLICATE = "duplicate"
"""The code of an upload or a job when the album already has the same bytes."""

IS_A_PHOTO = frozenset({DUPLICATE, "restored"})
"""Codes of uploads and jobs that ended because the album already has, or is receiving, the same bytes. They are no failures.

The only definition: pages, receipts, lists and commands use it.
"""

COMPANION_FILE = "companion-file"
"""The code of a skipped upload: a companion file that is not needed without its photo."""

CAN_BE_PUBLISHED = frozenset({"broken", "truncated"})
"""Codes of damaged files that a user may still publish, as far as they can be decoded."""

ENDED_BADLY = (UploadState.REJECTED, UploadState.EXPIRED)
"""Uploads in these states have no bytes any more: the file has to be sent again."""
