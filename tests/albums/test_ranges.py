"""Downloads that are interrupted and go on: RFC 9110 sections 13 and 14, for every kind of stored file."""

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
    ("header", "found"),
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
def test_a_range_header_is_read_as_the_rfc_has_it(header, found):
    told = ranges.parse(header, 100)

    assert told == (None if found is None else [range(*each) for each in found])


@pytest.mark.once
def test_an_empty_file_has_no_range():
    assert ranges.parse("bytes=0-", 0) == ranges.parse("bytes=-1", 0) == []


@pytest.fixture
def client(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def addresses(album: Album) -> dict[str, str]:
    """Of one file of each kind, all with the same bytes."""
    sha256, job = ETAG.strip('"'), making.received(album, CONTENT)
    photo = making.photo(album, job)
    photo.original_sha256, photo.original_bytes = sha256, SIZE
    photo.save()
    key = f"renditions/ab/{'ab' * 16}/400.webp"
    rendition = Rendition.objects.create(
        photo=photo, edge=400, key=key, width=400, height=300, bytes=SIZE, sha256=sha256
    )
    kept = Companion.objects.create(
        album=album, photo=photo, kind="motion", name="a.mov", key="originals/ab/a.mov", bytes=SIZE, sha256=sha256
    )
    for each in (photo.original_key, rendition.key, kept.key):
        default_storage.save(each, ContentFile(CONTENT))
    ProcessingJob.objects.filter(pk=job.pk).update(
        state=JobState.FAILED, error_code="broken", error_message="It is damaged."
    )
    return {
        "original": f"/photos/{photo.pk}/original/",
        "rendition": rendition.get_absolute_url(),
        "companion": kept.get_absolute_url(),
        "raw": f"/jobs/{job.pk}/raw/",
    }


KINDS = ["original", "rendition", "companion", pytest.param("raw", marks=pytest.mark.embedded)]


def get(client: Client, address: str, method: str = "get", **headers: str) -> Any:
    """Read to the end, so that its file is closed."""
    answer: Any = getattr(client, method)(address, headers={name.replace("_", "-"): it for name, it in headers.items()})
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_says_what_it_is_and_that_it_comes_in_ranges(client, addresses, kind):
    answer = get(client, addresses[kind])

    assert (answer.status_code, answer.body, answer["Content-Length"]) == (200, CONTENT, str(SIZE))
    assert (answer["ETag"], answer["Accept-Ranges"]) == (ETAG, "bytes")
    assert parse_http_date(answer["Last-Modified"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_download_that_broke_goes_on(client, addresses, kind):
    answer = get(client, addresses[kind], range="bytes=1000-", if_range=ETAG)

    assert (answer.status_code, answer.body) == (206, CONTENT[1000:])
    assert answer["Content-Range"] == f"bytes 1000-{SIZE - 1}/{SIZE}"
    assert (answer["Content-Length"], answer["ETag"]) == (str(SIZE - 1000), ETAG)
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_tells_the_whole_size_and_has_no_body(client, addresses, kind):
    answer = get(client, addresses[kind], "head", range="bytes=0-9")

    assert (answer.status_code, answer["Content-Length"], answer.body) == (200, str(SIZE), b"")
    assert (answer["ETag"], answer["Accept-Ranges"]) == (ETAG, "bytes")


@pytest.mark.parametrize("kind", KINDS)
def test_a_range_behind_the_end_is_told_the_size_and_kept_by_no_cache(client, addresses, kind):
    answer = get(client, addresses[kind], range=f"bytes={SIZE}-")

    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert "no-store" in answer["Cache-Control"]


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
def test_what_is_asked_for_is_what_comes(client, addresses, header, status, body):
    answer = get(client, addresses["original"], range=header)

    assert (answer.status_code, answer.body) == (status, body)


@pytest.mark.parametrize("condition", ['"other"', f"W/{ETAG}", LONG_AGO, IN_A_WHILE, "nonsense"])
def test_who_has_a_part_of_other_bytes_gets_the_whole_file(client, addresses, condition):
    answer = get(client, addresses["original"], range="bytes=0-9", if_range=condition)

    assert (answer.status_code, answer.body) == (200, CONTENT)


def test_a_date_that_is_the_very_one_is_as_good_as_an_etag(client, addresses):
    modified = get(client, addresses["original"])["Last-Modified"]

    assert get(client, addresses["original"], range="bytes=0-9", if_range=modified).body == CONTENT[:10]


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
def test_conditions_come_before_ranges(client, addresses, kind, headers, status):
    answer = get(client, addresses[kind], **headers)

    assert answer.status_code == status
    assert answer.body == {200: CONTENT, 206: CONTENT[:10]}.get(status, b"")
    if status == 304:
        assert answer["ETag"] == ETAG
        assert not answer.has_header("Content-Length")
        assert ("immutable" in answer["Cache-Control"]) == (kind == "rendition")
    if status == 412:
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_file_that_is_missing_is_no_file_of_any_range(client, album, method):
    photo = making.photo(album, making.received(album))
    photo.save()

    assert get(client, f"/photos/{photo.pk}/original/", method, range="bytes=0-9").status_code == 404


def test_a_proxy_that_shares_the_disk_sends_the_range_and_gets_our_etag(client, addresses, settings):
    settings.X_ACCEL = "/files/"
    key = Photo.objects.get().original_key

    answer = get(client, addresses["original"], range="bytes=0-9", if_range=ETAG, if_none_match='"other"')

    assert (answer.status_code, answer.body) == (200, b"")
    assert (answer["X-Accel-Redirect"], answer["ETag"]) == (f"/files/{key}", ETAG)


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"if_none_match": ETAG}, 304, b""),
        ({"if_match": ETAG}, 200, CONTENT),
        ({"if_match": f'"other", {ETAG}', "range": "bytes=0-9"}, 206, CONTENT[:10]),
    ],
)
def test_a_condition_with_our_etag_is_judged_here_for_proxies_know_another(
    client, addresses, settings, headers, status, body
):
    settings.X_ACCEL = "/files/"

    answer = get(client, addresses["original"], **headers)

    assert (answer.status_code, answer.body, "X-Accel-Redirect" in answer) == (status, body, False)
