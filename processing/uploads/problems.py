"""Errors of upload requests: an HTTP status, a stable code, and a message for the client."""

from dataclasses import dataclass
from http import HTTPStatus

from albums.access import AlbumInTrash
from processing.capacity.admission import CapacityProblem


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    message: str


class HttpProblem(Exception):
    """The request is rejected. `reason` is the response; `offset` is the current offset, None if it does not matter."""

    def __init__(self, problem: Problem, offset: int | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.offset = offset


SIGN_IN = Problem(HTTPStatus.UNAUTHORIZED, "sign-in", "Sign in first.")
CSRF_FAILED = Problem(HTTPStatus.FORBIDDEN, "csrf", "Send the CSRF token in the X-CSRFToken header.")
METHOD_NOT_ALLOWED = Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method", "Method not allowed.")
NO_SUCH_UPLOAD = Problem(HTTPStatus.NOT_FOUND, "not-found", "Upload not found.")
ALBUM_BUSY = Problem(
    HTTPStatus.CONFLICT, "album-busy", "Another upload to this album is in progress. Try again when it finishes."
)
ALBUM_IN_TRASH = Problem(HTTPStatus.GONE, AlbumInTrash.code, AlbumInTrash.message)
TOO_MANY_ROWS = Problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-many-files",
    "This upload lists the maximum number of files. Uploaded files are safe; start another upload.",
)
TOO_LARGE = Problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body exceeds the upload's length or the server's limit."
)
LENGTH_REQUIRED = Problem(HTTPStatus.LENGTH_REQUIRED, "length-required", "Send a Content-Length.")
MALFORMED_BODY = Problem(  # after 409 tus clients fetch the offset; after other 4xx they give up
    HTTPStatus.CONFLICT, "cut-off", "The connection broke. Resume from the current offset."
)
TOO_SLOW = Problem(  # 409 for the same reason: a client that only paused can resume
    HTTPStatus.CONFLICT,
    "too-slow",
    "The upload was too slow and was disconnected. Resume from the current offset.",
)
CUT_SHORT = (MALFORMED_BODY, TOO_SLOW)
"""Refusals of a body that ended early. The bytes that arrived are kept."""
GONE = Problem(HTTPStatus.GONE, "gone", "This upload has ended. Create a new one.")
FINISHED = Problem(HTTPStatus.FORBIDDEN, "finished", "This upload is finished and can no longer be changed.")


def shortage_error(shortage: CapacityProblem, offset: int | None = None) -> HttpProblem:
    """Returns the exception for a missing resource."""
    return HttpProblem(Problem(shortage.status, shortage.code, shortage.upload_message), offset)
