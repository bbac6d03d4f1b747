"""Jobs. Only `transitions` changes the state of a job; its functions are called through this package: `jobs.cancel(job)`."""

from processing.jobs.transitions import (
    QUARANTINED,
    ClaimLost,
    cancel,
    claim_next,
    complete,
    complete_companion,
    create,
    dismiss,
    fail,
    give_up,
    make_due,
    postpone,
    release,
    renew,
    requeue,
    retry,
)

__all__ = [
    "QUARANTINED",
    "ClaimLost",
    "cancel",
    "claim_next",
    "complete",
    "complete_companion",
    "create",
    "dismiss",
    "fail",
    "give_up",
    "make_due",
    "postpone",
    "release",
    "renew",
    "requeue",
    "retry",
]
