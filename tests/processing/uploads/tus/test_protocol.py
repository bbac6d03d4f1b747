import base64
import hashlib
from dataclasses import replace

import pytest

from processing.uploads.problems import HttpProblem
from processing.uploads.tus import protocol
from processing.uploads.tus.protocol import Checksum, Creation, PartHeaders

OCTETS = {"Content-Type": "application/offset+octet-stream"}


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def problem(parse, headers) -> tuple[int, str]:
    with pytest.raises(HttpProblem) as caught:
        parse(headers)
    return caught.value.problem.status, caught.value.problem.code


@pytest.mark.parametrize(
    ("headers", "creation"),
    [
        ({"Upload-Length": "5"}, Creation(5, "")),
        ({"Upload-Length": "0", "Upload-Metadata": ""}, Creation(0, "")),
        ({"Upload-Defer-Length": "1", "Upload-Metadata": f"filename {b64('ä.jpg'.encode())}"}, Creation(None, "ä.jpg")),
        (
            {"Upload-Length": "5", "Upload-Metadata": f"is_private,name {b64(b'x')}, filetype {b64(b'y')}"},
            Creation(5, "x"),
        ),
        ({"Upload-Length": "5", "Upload-Metadata": f"filename {b64(bytes([255]))}"}, Creation(5, "\ufffd")),
    ],
)
def test_the_headers_of_a_creation_are_parsed(headers, creation):
    assert protocol.creation(headers) == replace(creation, metadata=headers.get("Upload-Metadata", ""))


@pytest.mark.parametrize(
    ("headers", "expected_code"),
    [
        ({}, "bad-length"),
        ({"Upload-Length": "5", "Upload-Defer-Length": "1"}, "bad-length"),
        ({"Upload-Defer-Length": "2"}, "bad-length"),
        ({"Upload-Length": "-1"}, "bad-number"),
        ({"Upload-Length": "1e3"}, "bad-number"),
        ({"Upload-Length": "٣"}, "bad-number"),
        ({"Upload-Length": "9" * 30}, "bad-number"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename ***"}, "bad-metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": "a eA==,a eA=="}, "bad-metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": ","}, "bad-metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": "n\u00e4me eA=="}, "bad-metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": "na\tme eA=="}, "bad-metadata"),
    ],
)  # fmt: skip
def test_invalid_headers_of_a_creation_are_rejected(headers, expected_code):
    assert problem(protocol.creation, headers) == (400, expected_code)


def test_the_headers_of_a_part_are_parsed():
    digest = hashlib.sha1(b"x", usedforsecurity=False).digest()
    headers = OCTETS | {"Upload-Offset": "7", "Upload-Length": "9", "Upload-Checksum": f"sha1 {b64(digest)}"}

    assert protocol.part(headers) == PartHeaders(7, 9, Checksum("sha1", digest))


@pytest.mark.parametrize(
    ("headers", "expected_problem"),
    [
        ({"Upload-Offset": "0"}, (415, "content-type")),
        ({"Content-Type": "image/jpeg", "Upload-Offset": "0"}, (415, "content-type")),
        (OCTETS, (400, "no-offset")),
        (OCTETS | {"Upload-Offset": "x"}, (400, "bad-number")),
        (OCTETS | {"Upload-Offset": "0", "Upload-Checksum": "crc32 AAAA"}, (400, "bad-checksum")),
        (OCTETS | {"Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, (400, "bad-checksum")),
        (OCTETS | {"Upload-Offset": "0", "Upload-Checksum": "sha1"}, (400, "bad-checksum")),
    ],
)
def test_invalid_headers_of_a_part_are_rejected(headers, expected_problem):
    assert problem(protocol.part, headers) == expected_problem


@pytest.mark.parametrize("version", ["", "0.2.2", "2.0.0", "1.0.0 "])
def test_another_tus_version_is_rejected(version):
    assert problem(protocol.check_version, {"Tus-Resumable": version}) == (412, "tus-version")


def test_a_request_without_a_tus_version_is_rejected():
    assert problem(protocol.check_version, {}) == (412, "tus-version")
