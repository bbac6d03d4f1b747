import pytest

from config.server.connections import request_head
from config.server.connections.request_head import Head


def test_a_head_is_read_when_it_is_complete():
    text = b"POST /albums/new/?a=/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length:  12 \r\nContent-Type: Text/Plain; a=b\r\n\r\n"

    assert request_head.read(bytearray(text + b"title=")) == Head(len(text), b"/albums/new/", 12, b"text/plain")


@pytest.mark.parametrize(
    "target",
    [
        b"/accounts/login/",
        b"/%61ccounts/l%6Fgin/?next=/",
        b"http://photos.example/accounts/login/",
        b"HTTPS://h:1/accounts/login/",
    ],
)
def test_the_path_is_the_one_that_the_application_sees(target):
    head = request_head.read(bytearray(b"POST " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert head is not None
    assert head.path == b"/accounts/login/"


@pytest.mark.parametrize("searched", [0, 1, 19, 20, 21])
def test_the_end_of_the_head_is_found_wherever_the_last_search_stopped(searched):
    text = bytearray(b"GET / HTTP/1.1\r\nA: b\r\n\r\n")

    assert request_head.read(text[:-1], searched) is None
    assert request_head.read(text, len(text) - 1) == request_head.read(text) == Head(len(text), b"/")


def test_one_empty_line_before_the_request_is_ignored():
    text = bytearray(b"\r\nGET /healthz HTTP/1.1\r\n\r\n")

    assert request_head.read(text) == Head(len(text), b"/healthz")


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n", b"\nGET"])
def test_a_head_with_a_bare_line_feed_counts_as_complete(text):
    assert request_head.read(bytearray(text)) == Head(len(text))


def test_a_line_feed_in_the_body_is_not_part_of_the_head():
    text = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n"

    assert request_head.read(bytearray(text + b"a\nb")) == Head(len(text), b"/", 3)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("Content-Length: 0", 0),
        ("Content-Length: -1", 0),
        ("Content-Length: 1e9", 0),
        ("Content-Length: " + "9" * 30, 0),
        ("Transfer-Encoding: chunked", None),
        ("Transfer-Encoding: x\r\nContent-Length: 5", None),
        ("X: y", 0),
    ],
)
def test_the_length_is_none_for_chunks_and_0_where_gunicorn_rejects_it(header, length):
    assert request_head.read(bytearray(f"POST / HTTP/1.1\r\n{header}\r\n\r\n".encode())).length == length


def test_only_a_client_of_http_1_1_expects_100_continue():
    text = "POST / HTTP/{}\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"

    assert request_head.read(bytearray(text.format("1.1").encode())).expects_continue
    assert not request_head.read(bytearray(text.format("1.0").encode())).expects_continue
