"""What happened to a job, in words: its events without those that only say that an attempt began."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from processing.models import JobEvent, states

ENDS = (states.RETRY.name, states.GIVE_UP.name, states.RELEASE.name)
SHUT_DOWN = "The worker was shut down; this one does not count."


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    title: str
    words: str


def of(events: Iterable[JobEvent]) -> tuple[Moment, ...]:
    """The events of one job, in their order. Old ones may have been forgotten by the sweep."""
    return tuple(_moments(events))


def _moments(events: Iterable[JobEvent]) -> Iterator[Moment]:
    attempt = 0
    for event in events:
        if event.edge == states.CLAIM.name:
            attempt = event.attempt  # the event that ends it may tell one less: not every attempt counts
        elif event.edge in ENDS:
            yield Moment(event.at, f"Attempt {attempt or event.attempt}", event.detail or SHUT_DOWN)
        elif event.edge == states.REQUEUE.name:
            yield Moment(event.at, "Retried", f"by {event.by}" if event.by else "")
        elif event.edge == "create":
            yield Moment(event.at, "Received", "")
