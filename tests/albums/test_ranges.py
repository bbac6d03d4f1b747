"""Resumable downloads by RFC 9110, sections 13 and 14, for every kind of stored file."""

import hashlib
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils.http import http_date, parse_http_date

from albums import ranges
from albums.models import Album, Companion, Photo, Rendition
from processing.models import ProcessingJob
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
LONG_AGO, IN_A_WHILE = http_date(1_000_000), http_date(4_000_000_000)


@pytest.mark.once
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=10-19", [(10, 20)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=90-1000", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-1000", [(0, 100)]),
        ("Bytes = 0-9", [(0, 10)]),
        ("bytes=0-9, ,-1", [(0, 10), (99, 100)]),
        ("bytes=0-9,200-300", [(0, 10)]),
        ("bytes=100-", []),
        ("bytes=-0", []),
        ("bytes=100-200,300-", []),
        ("bytes=9999999999999999999-", []),
        ("bytes=10-9", None),
        ("bytes=0-9,20-10", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0x0-9", None),
        ("bytes=\u0661-9", None),
        ("bytes=1 - 2", None),
        ("bytes=--1", None),
        ("bytes=0-" + "9" * 5000, None),
        ("chapters=1-2", None),
    ],
)
def test_a_range_header_is_parsed_as_the_rfc_defines_it(header, expected):
    result = ranges.parse(header, 100)

    assert result == (None if expected is None else [range(*bounds) for bounds in expected])


@pytest.mark.once
def test_an_empty_file_has_no_range():
    assert ranges.parse("bytes=0-", 0) == ranges.parse("bytes=-1", 0) == []


@pytest.fixture
def client(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def urls(album: Album) -> dict[str, str]:
    """Returns the URLs of one file of each kind, all with the same bytes."""
    sha256, job = ETAG.strip('"'), making.received(album, CONTENT)
    photo = making.photo(album, job)
    photo.original_sha256, photo.original_bytes = sha256, SIZE
    photo.save()
    key = f"renditions/ab/{'ab' * 16}/400.webp"
    rendition = Rendition.objects.create(
        photo=photo, edge=400, key=key, width=400, height=300, bytes=SIZE, sha256=sha256
    )
    companion = Companion.objects.create(
        album=album, photo=photo, kind="motion", name="a.mov", key="originals/ab/a.mov", bytes=SIZE, sha256=sha256
    )
    for stored_key in (photo.original_key, rendition.key, companion.key):
        default_storage.save(stored_key, ContentFile(CONTENT))
    ProcessingJob.objects.filter(pk=job.pk).update(
        state=JobState.FAILED, error_code="broken", error_message="It is damaged."
    )
    return {
        "original": f"/photos/{photo.pk}/original/",
        "rendition": rendition.get_absolute_url(),
        "companion": companion.get_absolute_url(),
        "raw": f"/jobs/{job.pk}/raw/",
    }


KINDS = ["original", "rendition", "companion", pytest.param("raw", marks=pytest.mark.embedded)]


def get(client: Client, url: str, method: str = "get", **headers: str) -> Any:
    """Returns the response with its body, which is read to the end so that the file is closed."""
    response: Any = getattr(client, method)(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response.body = b"".join(response.streaming_content) if response.streaming else response.content
    return response


@pytest.mark.parametrize("kind", KINDS)
def test_the_response_for_every_kind_of_file_has_an_etag_and_accepts_ranges(client, urls, kind):
    response = get(client, urls[kind])

    assert (response.status_code, response.body, response["Content-Length"]) == (200, CONTENT, str(SIZE))
    assert (response["ETag"], response["Accept-Ranges"]) == (ETAG, "bytes")
    assert parse_http_date(response["Last-Modified"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_download_is_resumed(client, urls, kind):
    response = get(client, urls[kind], range="bytes=1000-", if_range=ETAG)

    assert (response.status_code, response.body) == (206, CONTENT[1000:])
    assert response["Content-Range"] == f"bytes 1000-{SIZE - 1}/{SIZE}"
    assert (response["Content-Length"], response["ETag"]) == (str(SIZE - 1000), ETAG)
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("kind", KINDS)
def test_the_response_to_head_has_the_whole_size_and_no_body(client, urls, kind):
    response = get(client, urls[kind], "head", range="bytes=0-9")

    assert (response.status_code, response["Content-Length"], response.body) == (200, str(SIZE), b"")
    assert (response["ETag"], response["Accept-Ranges"]) == (ETAG, "bytes")


@pytest.mark.parametrize("kind", KINDS)
def test_the_response_to_a_range_past_the_end_has_the_size_and_is_not_cached(client, urls, kind):
    response = get(client, urls[kind], range=f"bytes={SIZE}-")

    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        ("bytes=0-0", 206, CONTENT[:1]),
        ("bytes=-500", 206, CONTENT[-500:]),
        (f"bytes={SIZE - 1}-{SIZE + 10}", 206, CONTENT[-1:]),
        ("bytes=0-", 206, CONTENT),
        ("bytes=0-9,20-29", 200, CONTENT),
        ("bytes=9-0", 200, CONTENT),
        ("lines=0-9", 200, CONTENT),
    ],
)
def test_the_response_contains_the_requested_range(client, urls, header, status, body):
    response = get(client, urls["original"], range=header)

    assert (response.status_code, response.body) == (status, body)


@pytest.mark.parametrize("condition", ['"other"', f"W/{ETAG}", LONG_AGO, IN_A_WHILE, "nonsense"])
def test_the_whole_file_is_sent_if_the_clients_part_is_outdated(client, urls, condition):
    response = get(client, urls["original"], range="bytes=0-9", if_range=condition)

    assert (response.status_code, response.body) == (200, CONTENT)


def test_the_exact_modification_date_validates_a_range_like_an_etag(client, urls):
    modified = get(client, urls["original"])["Last-Modified"]

    assert get(client, urls["original"], range="bytes=0-9", if_range=modified).body == CONTENT[:10]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": ETAG}, 304),
        ({"if_none_match": f'"a", W/{ETAG}'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"other"', "if_modified_since": IN_A_WHILE}, 200),
        ({"if_modified_since": IN_A_WHILE}, 304),
        ({"if_modified_since": LONG_AGO}, 200),
        ({"if_match": ETAG}, 200),
        ({"if_match": '"other"'}, 412),
        ({"if_match": f"W/{ETAG}"}, 412),
        ({"if_match": ETAG, "if_unmodified_since": LONG_AGO}, 200),
        ({"if_unmodified_since": LONG_AGO}, 412),
        ({"if_none_match": ETAG, "range": f"bytes={SIZE}-"}, 304),
        ({"if_match": ETAG, "range": "bytes=0-9"}, 206),
    ],
)
@pytest.mark.parametrize("kind", ["original", "rendition"])
def test_conditions_are_evaluated_before_ranges(client, urls, kind, headers, status):
    response = get(client, urls[kind], **headers)

    assert response.status_code == status
    assert response.body == {200: CONTENT, 206: CONTENT[:10]}.get(status, b"")
    if status == 304:
        assert response["ETag"] == ETAG
        assert not response.has_header("Content-Length")
        assert ("immutable" in response["Cache-Control"]) == (kind == "rendition")
    if status == 412:
        assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_range_of_a_missing_file_is_not_found(client, album, method):
    photo = making.photo(album, making.received(album))
    photo.save()

    assert get(client, f"/photos/{photo.pk}/original/", method, range="bytes=0-9").status_code == 404


def test_a_proxy_that_shares_the_disk_sends_the_range_with_our_etag(client, urls, settings):
    settings.X_ACCEL = "/files/"
    key = Photo.objects.get().original_key

    response = get(client, urls["original"], range="bytes=0-9", if_range=ETAG, if_none_match='"other"')

    assert (response.status_code, response.body) == (200, b"")
    assert (response["X-Accel-Redirect"], response["ETag"]) == (f"/files/{key}", ETAG)


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"if_none_match": ETAG}, 304, b""),
        ({"if_match": ETAG}, 200, CONTENT),
        ({"if_match": f'"other", {ETAG}', "range": "bytes=0-9"}, 206, CONTENT[:10]),
    ],
)
def test_a_condition_with_our_etag_is_evaluated_here_and_not_by_the_proxy(
    client, urls, settings, headers, status, body
):
    settings.X_ACCEL = "/files/"

    response = get(client, urls["original"], **headers)

    assert (response.status_code, response.body, "X-Accel-Redirect" in response) == (status, body, False)
