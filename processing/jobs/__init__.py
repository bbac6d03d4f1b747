"""Jobs. Only `transitions` changes the state of a job; its functions are called through this package: `jobs.cancel(job)`."""

from processing.jobs.transitions import (
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
    make_due,
    postpone,
    release,
    renew,
    requeue,
    retry,
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
    "make_due",
    "postpone",
    "release",
    "renew",
    "requeue",
    "retry",
]
