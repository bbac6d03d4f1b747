"""Rejected requests leave lines in the server's log, but no traceback: any client could fill the disk with tracebacks."""

import pytest
import requests

from tests import polling
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.embedded, pytest.mark.once]

UPLOAD = "/uploads/0d9ff5b9-3f0f-4c0b-8a55-a05c0b3b1c2d/"
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
BROKEN_FORM = b"--x\r\nContent-Disposition: form-data; name=photos; filename=a\r\n\r\nbytes"

WITH_TOKEN = {"Content-Type": FORM, "Cookie": f"csrftoken={'a' * 32}"}


def in_chunks():
    yield b"hello"


REJECTED_REQUESTS = {
    "another host": ("GET", "/", {"Host": "elsewhere.example"}, None, 400),
    "not signed in": ("POST", "/limits/probe/", {}, b"bytes", 401),
    "a form without a session": ("POST", "/albums/1/uploads/", {"Content-Type": MULTIPART}, BROKEN_FORM, 302),
    "a form that is no sign-in": ("POST", "/accounts/login/", {"Content-Type": MULTIPART}, BROKEN_FORM, 415),
    "a sign-in without a token": ("POST", "/accounts/login/", {"Content-Type": FORM}, b"a=b", 403),
    "a large sign-in": ("POST", "/accounts/login/", {"Content-Type": FORM}, b"a" * 20_000, 413),
    "too many fields": ("POST", "/accounts/login/", WITH_TOKEN, b"&".join([b"a=b"] * 2000), 400),
    "a large page": ("POST", "/albums/new/", {"Content-Type": FORM}, b"a" * (2 << 20), 413),
    "without a length": ("POST", "/albums/1/uploads/", {"Content-Type": MULTIPART}, in_chunks, 302),
    "without tus": ("PATCH", UPLOAD, {}, b"bytes", 412),
    "tus without a session": ("PATCH", UPLOAD, {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}, b"bytes", 401),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    with Installation(tmp_path_factory.mktemp("refused")) as installation:
        installation.start("serve")
        yield installation


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"), REJECTED_REQUESTS.values(), ids=REJECTED_REQUESTS
)
def test_a_rejected_request_logs_no_traceback(installation, request, method, path, headers, body, status):
    data = body() if callable(body) else body
    response = requests.request(
        method, installation.url + path, headers=headers, data=data, timeout=240, allow_redirects=False
    )

    assert response.status_code == status
    # The log is written in order: everything before this line is complete.
    marker = f"/{request.node.callspec.id.replace(' ', '-')}/"
    assert requests.get(installation.url + marker, timeout=240).status_code == 404
    polling.until(lambda: f"Not Found: {marker}" in installation.log.read_text())
    assert "Traceback" not in installation.log.read_text()
