"""Which requests are rejected by their heads, and that the rules match the addresses and limits of the views."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from config.server.connections import request_policy
from config.server.connections.request_head import Head
from config.server.connections.request_policy import RequestKind
from processing.uploads import manifest

UUID = "0d9ff5b9-3f0f-4c0b-8a55-a05c0b3b1c2d"
UPLOADS = {
    "processing:receive": [7],
    "processing:create-upload": [7],
    "processing:upload": [UUID],
    "processing:probe": [],
}
FORM = b"application/x-www-form-urlencoded"


def head(path: str, length: int | None = 100, content_type: bytes = FORM) -> Head:
    return Head(200, path.encode(), length, content_type)


@pytest.mark.parametrize("name", UPLOADS)
def test_views_that_accept_files_read_their_bodies_themselves(name):
    path = reverse(name, args=UPLOADS[name])

    for length in (None, 1, 10**12):
        assert (request_policy.kind(head(path, length)), request_policy.rejection(head(path, length))) == (
            RequestKind.UPLOAD,
            None,
        )
    assert request_policy.kind(head(path, 0)) is RequestKind.PAGE


@pytest.mark.parametrize("path", ["/albums/7/uploads/tus", f"/uploads/{UUID}"])
def test_upload_addresses_without_their_last_slash_are_recognised(path):
    assert resolve(path)
    assert request_policy.kind(head(path)) is RequestKind.UPLOAD


@pytest.mark.parametrize(
    "path",
    [
        "/albums/7/uploads/retry/",
        "/albums/7/uploads/manifest/",
        "/albums/new/#/uploads/x/",
        "/accounts/login/uploads/x/",
        "//uploads/x/",
        "/uploads/x/y/",
        "http://host/uploads/x/",
    ],
)
def test_other_addresses_are_not_treated_as_uploads(path):
    assert request_policy.kind(head(path)) is RequestKind.PAGE
    assert request_policy.kind(head(path, None)) is RequestKind.PAGE


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/welcome/token/"])
def test_an_anonymous_request_is_limited_to_a_small_form(path):
    assert request_policy.rejection(head(path, 16 << 10)) is None
    assert request_policy.rejection(head(path, (16 << 10) + 1)) is request_policy.BODY_TOO_LARGE
    assert request_policy.rejection(head(path, None)) is None  # its bytes are counted while it is read
    assert request_policy.max_body_bytes(head(path, None)) == 16 << 10
    for content_type in (b"multipart/form-data", b"application/json", b""):
        assert request_policy.rejection(head(path, 100, content_type)) is request_policy.NOT_A_FORM
        assert request_policy.rejection(head(path, None, content_type)) is request_policy.NOT_A_FORM
    assert request_policy.rejection(head(path, 0, b"")) is None


def test_every_view_that_reads_an_anonymous_body_has_the_small_limit():
    """Applies to views without sign-in, except those that check the sender before they read a body."""
    reads_no_body = {"healthz", "readyz", "metrics"}
    checks_sender_first = {*UPLOADS, *reads_no_body} | {
        name for name in open_views() if name.startswith("processing:direct-")
    }

    for name, path in open_views().items():
        assert name in checks_sender_first or request_policy.SIGN_IN.fullmatch(path.encode()), path


def open_views() -> dict[str, str]:
    """Paths of views that need no sign-in, by the name of the view."""
    return dict(_open_views(get_resolver().url_patterns, "/", ""))


def _open_views(patterns, prefix: str, space: str):
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _open_views(pattern.url_patterns, path, f"{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern) and pattern.name and not getattr(pattern.callback, "login_required", True):
            yield f"{space}{pattern.name}", path


@pytest.mark.parametrize(
    ("path", "max_bytes"),
    [
        ("/albums/new/", request_policy.MAX_PAGE_BYTES),
        ("/nowhere", request_policy.MAX_PAGE_BYTES),
        ("/albums/7/uploads/manifest/", request_policy.MAX_LIST_BYTES),
        (f"/albums/7/uploads/direct/pass/s3/multipart/{UUID}/complete", request_policy.MAX_LIST_BYTES),
    ],
)
def test_views_without_files_have_a_body_limit(path, max_bytes):
    assert request_policy.rejection(head(path, max_bytes)) is None
    assert request_policy.rejection(head(path, max_bytes + 1)) is request_policy.BODY_TOO_LARGE


def test_the_limit_of_lists_is_that_of_the_manifest():
    assert request_policy.MAX_LIST_BYTES == manifest.MAX_BYTES


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_health_check_may_not_have_a_body(path):
    assert request_policy.rejection(head(path, 0)) is None
    assert request_policy.rejection(head(path, 1)) is request_policy.BODY_TOO_LARGE
    assert request_policy.rejection(head(path, None)) is request_policy.BODY_TOO_LARGE
    assert request_policy.kind(head(path, 0)) is RequestKind.HEALTH


def test_a_rejection_is_text_or_json_as_the_client_accepts():
    text, json = request_policy.BODY_TOO_LARGE.response(), request_policy.BODY_TOO_LARGE.response(is_json=True)

    assert text.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n")
    assert b"Nothing was changed." in text
    assert b'{"error": "request-too-large", "message": "The request' in json
