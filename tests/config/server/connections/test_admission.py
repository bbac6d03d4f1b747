"""Which requests are refused by their heads, and that this fits the addresses and limits of the views."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from config.server.connections import admission
from config.server.connections.admission import RequestKind
from config.server.connections.request_head import Head
from processing.uploads import manifest

UUID = "0d9ff5b9-3f0f-4c0b-8a55-a05c0b3b1c2d"
UPLOADS = {
    "processing:receive": [7],
    "processing:create-upload": [7],
    "processing:upload": [UUID],
    "processing:probe": [],
}
FORM = b"application/x-www-form-urlencoded"


def asked(path: str, length: int | None = 100, content_type: bytes = FORM) -> Head:
    return Head(200, path.encode(), length, content_type)


@pytest.mark.parametrize("name", UPLOADS)
def test_views_that_take_files_read_their_bodies_themselves(name):
    path = reverse(name, args=UPLOADS[name])

    for length in (None, 1, 10**12):
        assert (admission.kind(asked(path, length)), admission.rejection(asked(path, length))) == (
            RequestKind.UPLOAD,
            None,
        )
    assert admission.kind(asked(path, 0)) is RequestKind.PAGE


@pytest.mark.parametrize("path", ["/albums/7/uploads/tus", f"/uploads/{UUID}"])
def test_they_do_so_without_the_slash_at_the_end_too(path):
    assert resolve(path)
    assert admission.kind(asked(path)) is RequestKind.UPLOAD


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
def test_nothing_else_is_taken_for_an_upload(path):
    assert admission.kind(asked(path)) is RequestKind.PAGE
    assert admission.kind(asked(path, None)) is RequestKind.PAGE


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/welcome/token/"])
def test_who_is_not_signed_in_sends_a_small_form_or_nothing(path):
    assert admission.rejection(asked(path, 16 << 10)) is None
    assert admission.rejection(asked(path, (16 << 10) + 1)) is admission.BODY_TOO_LARGE
    assert admission.rejection(asked(path, None)) is None  # it is counted while it is read
    assert admission.max_body_bytes(asked(path, None)) == 16 << 10
    for other in (b"multipart/form-data", b"application/json", b""):
        assert admission.rejection(asked(path, 100, other)) is admission.NOT_A_FORM
        assert admission.rejection(asked(path, None, other)) is admission.NOT_A_FORM
    assert admission.rejection(asked(path, 0, b"")) is None


def test_every_view_that_reads_a_body_from_anybody_has_the_small_limit():
    """It is not behind signing in, and not one that asks who sends before it reads anything."""
    asks_first = {*UPLOADS, "healthz"} | {name for name in open_views() if name.startswith("processing:direct-")}

    for name, path in open_views().items():
        assert name in asks_first or admission.SIGN_IN.fullmatch(path.encode()), path


def open_views() -> dict[str, str]:
    """Paths, with numbers in the place of what varies, by the name of the view that needs no signing in."""
    return dict(_open(get_resolver().url_patterns, "/", ""))


def _open(patterns, prefix: str, space: str):
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _open(pattern.url_patterns, path, f"{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern) and pattern.name and not getattr(pattern.callback, "login_required", True):
            yield f"{space}{pattern.name}", path


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/albums/new/", admission.MAX_PAGE_BYTES),
        ("/nowhere", admission.MAX_PAGE_BYTES),
        ("/albums/7/uploads/manifest/", admission.MAX_LIST_BYTES),
        (f"/albums/7/uploads/direct/pass/s3/multipart/{UUID}/complete", admission.MAX_LIST_BYTES),
    ],
)
def test_what_takes_no_files_has_a_limit(path, most):
    assert admission.rejection(asked(path, most)) is None
    assert admission.rejection(asked(path, most + 1)) is admission.BODY_TOO_LARGE


def test_the_limit_of_lists_is_that_of_the_manifest():
    assert admission.MAX_LIST_BYTES == manifest.MAX_BYTES


def test_who_asks_for_health_sends_no_body():
    assert admission.rejection(asked("/healthz", 0)) is None
    assert admission.rejection(asked("/healthz", 1)) is admission.BODY_TOO_LARGE
    assert admission.rejection(asked("/healthz", None)) is admission.BODY_TOO_LARGE
    assert admission.kind(asked("/healthz", 0)) is RequestKind.HEALTH


def test_a_refusal_is_told_in_the_form_that_the_client_speaks():
    text, json = admission.BODY_TOO_LARGE.response(), admission.BODY_TOO_LARGE.response(is_json=True)

    assert text.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n")
    assert b"Nothing was changed." in text
    assert b'{"error": "request-too-large", "message": "The request' in json
