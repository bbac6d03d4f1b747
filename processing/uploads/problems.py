"""What can be wrong with a request that sends a file: a status, a stable code, and words for its sender."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    message: str


class Refused(Exception):
    """The request cannot be done. `refusal` says how to answer; `offset` is where the upload stands, if that helps."""

    def __init__(self, refusal: Refusal, offset: int | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.offset = offset


TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "That is more than the upload's length, or than is taken."
)
LENGTH_REQUIRED = Refusal(HTTPStatus.LENGTH_REQUIRED, "length-required", "Say the length of the body.")
BROKEN = Refusal(  # a conflict, which clients ask the offset for; after any other refusal of this kind they give up
    HTTPStatus.CONFLICT, "cut-off", "The connection broke. What arrived is kept; go on from the offset."
)
TOO_SLOW = Refusal(  # the same: who has only paused goes on
    HTTPStatus.CONFLICT,
    "too-slow",
    "The upload was so slow that its connection was ended. What arrived is kept; go on from the offset.",
)
CUT_SHORT = (BROKEN, TOO_SLOW)
"""The body ended early, and what arrived of it is kept."""
GONE = Refusal(HTTPStatus.GONE, "gone", "This upload has ended. Start anew.")
FINISHED = Refusal(HTTPStatus.FORBIDDEN, "finished", "This upload is finished; its photo is no upload any more.")
