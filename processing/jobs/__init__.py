"""Jobs. `lifecycle` alone changes the state of a job; its verbs are called by this package's name: `jobs.cancel(job)`."""

from processing.jobs.lifecycle import (
    QUARANTINED,
    Stale,
    cancel,
    claim_next,
    complete,
    create,
    dismiss,
    fail,
    give_up,
    keep,
    postpone,
    release,
    renew,
    requeue,
    retry,
    settle_double,
)

__all__ = [
    "QUARANTINED",
    "Stale",
    "cancel",
    "claim_next",
    "complete",
    "create",
    "dismiss",
    "fail",
    "give_up",
    "keep",
    "postpone",
    "release",
    "renew",
    "requeue",
    "retry",
    "settle_double",
]
