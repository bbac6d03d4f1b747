"""Why there is no archive, with a stable code for clients and a message for users."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from albums.problem_json import problem


@dataclass(frozen=True, slots=True)
class Refusal:
    status: HTTPStatus
    code: str
    message: str
    template: str = "download/message.html"
    retry_seconds: int | None = None
    """The Retry-After of a temporary refusal, which `curl --retry` follows too."""

    def response(self, request: HttpRequest, **context: Any) -> HttpResponse:
        """Returns a page, or JSON for a client that does not accept HTML."""
        if request.accepts("text/html"):
            response = render(request, self.template, {"message": self.message, **context}, status=self.status)
        else:
            response = problem(self.status, self.code, self.message)
        if self.retry_seconds is not None:
            response["Retry-After"] = str(self.retry_seconds)
        return response


INVALID = Refusal(HTTPStatus.BAD_REQUEST, "invalid-download", "Choose what to download: size=original or size=2560.")
EMPTY = Refusal(HTTPStatus.CONFLICT, "no-photos", "There are no photos to download.")
DAMAGED = Refusal(
    HTTPStatus.CONFLICT,
    "files-damaged",
    "Files are damaged or missing in storage. Add skip_damaged=on to download the others.",
    "download/damaged.html",
)
MISSING = Refusal(
    HTTPStatus.CONFLICT,
    "file-missing",
    "A file is missing in storage. Ask your administrator to run manage.py verify.",
)
PREPARING = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "download-preparing",
    "This download is being prepared. Try again in a moment.",
    "download/wait.html",
    retry_seconds=3,
)
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "downloads-busy",
    "The server is sending as many downloads as it can. Try again in a moment.",
    retry_seconds=30,
)
