"""Errors of upload requests: an HTTP status, a stable code, and a message for the client."""

from dataclasses import dataclass
from http import HTTPStatus

from albums.views.access import AlbumInTrash
from processing.capacity.admission import Shortage


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    message: str


class Refused(Exception):
    """The request is refused. `refusal` is the response; `offset` is the current offset, None if it does not matter."""

    def __init__(self, refusal: Refusal, offset: int | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.offset = offset


SIGN_IN = Refusal(HTTPStatus.UNAUTHORIZED, "sign-in", "Sign in first.")
CSRF_FAILED = Refusal(HTTPStatus.FORBIDDEN, "csrf", "Send the CSRF token in the X-CSRFToken header.")
METHOD_NOT_ALLOWED = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method", "That cannot be done here.")
NO_SUCH_UPLOAD = Refusal(HTTPStatus.NOT_FOUND, "not-found", "There is no such upload.")
ALBUM_BUSY = Refusal(
    HTTPStatus.CONFLICT, "album-busy", "This album is busy with another batch. Try again when it is done."
)
ALBUM_IN_TRASH = Refusal(HTTPStatus.GONE, AlbumInTrash.code, AlbumInTrash.message)
TOO_MANY_ROWS = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-many-files",
    "So many files are listed in this upload that no more fit in. What was uploaded is safe; go on with the next.",
)
TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "That is more than the upload's length, or than is taken."
)
LENGTH_REQUIRED = Refusal(HTTPStatus.LENGTH_REQUIRED, "length-required", "Say the length of the body.")
BROKEN = Refusal(  # after 409 tus clients fetch the offset; after other 4xx they give up
    HTTPStatus.CONFLICT, "cut-off", "The connection broke. What arrived is kept; go on from the offset."
)
TOO_SLOW = Refusal(  # 409 for the same reason: a client that only paused can resume
    HTTPStatus.CONFLICT,
    "too-slow",
    "The upload was so slow that its connection was ended. What arrived is kept; go on from the offset.",
)
CUT_SHORT = (BROKEN, TOO_SLOW)
"""Refusals of a body that ended early. The bytes that arrived are kept."""
GONE = Refusal(HTTPStatus.GONE, "gone", "This upload has ended. Start anew.")
FINISHED = Refusal(HTTPStatus.FORBIDDEN, "finished", "This upload is finished; its photo is no upload any more.")


def shortage_refusal(shortage: Shortage, offset: int | None = None) -> Refused:
    """Returns the exception for a missing resource."""
    return Refused(Refusal(shortage.status, shortage.code, shortage.intake), offset)
