"""How the threads of the web server are shared between clients."""

from dataclasses import dataclass
from typing import Any

import pytest

from albums.download import slots
from config.server.connections import lanes, request_head
from config.server.connections.lanes import ANONYMOUS, Lane, Sessions

pytestmark = pytest.mark.once


@dataclass
class Request:
    client_id: int
    is_pipelined: bool = False


def begun(lane: Lane, *requests: Request) -> list[bool]:
    return [lane.begin(request) for request in requests]


def clients(lane: Lane, *ended: int) -> list[Any]:
    """Ends requests of these clients and returns the clients whose requests run next."""
    following = [lane.end(client) for client in ended]
    return [request and request.client_id for request in following]


def test_a_client_leaves_threads_to_others_and_has_its_own_requests_later():
    lane = Lane(4, 2)

    assert begun(lane, *[Request(7)] * 5, Request(8), Request(9)) == [True, True, False, False, False, True, True]
    assert clients(lane, 8, 9, 7, 7, 7, 7, 7) == [None, None, 7, 7, 7, None, None]
    assert begun(lane, *[Request(8)] * 3) == [True, True, False]


def test_the_client_with_the_fewest_running_requests_is_next_and_equals_take_turns():
    lane = Lane(2, 2)
    begun(lane, *[Request(7)] * 6, *[Request(8)] * 2, *[Request(9)] * 2)

    assert clients(lane, 7, 7, 8, 9, 7, 8) == [8, 7, 9, 8, 7, 9]


def test_pipelined_requests_wait_behind_all_others():
    lane = Lane(1, 1)
    begun(lane, Request(7), Request(8, is_pipelined=True), Request(9))

    assert clients(lane, 7, 9, 8) == [9, 8, None]


def test_unknown_sessions_are_one_client_and_known_ones_their_user():
    sessions = Sessions(most=2)
    for session in (b"one", b"two"):
        sessions.remember(session, 7)
    sessions.remember(b"", 9)

    known = [sessions.client(session) for session in (b"one", b"two", b"invented", b"")]
    sessions.remember(b"three", 8)

    assert known == [7, 7, ANONYMOUS, ANONYMOUS]
    assert [sessions.client(session) for session in (b"one", b"two", b"three")] == [ANONYMOUS, 7, 8]


@pytest.mark.parametrize(
    ("cookies", "session"),
    [
        ("csrftoken=a; sessionid=b; x=c", b"b"),
        ("__Host-sessionid=b", b"b"),
        ("xsessionid=b", b""),
        ("x=sessionid", b""),
    ],
)
def test_the_session_is_read_from_the_head(cookies, session):
    head = request_head.read(bytearray(f"GET / HTTP/1.1\r\nCookie: {cookies}\r\n\r\n".encode()))

    assert head
    assert head.session == session


def test_the_names_of_the_cookie_are_those_of_the_settings(settings):
    assert settings.SESSION_COOKIE_NAME == "sessionid"


@pytest.mark.parametrize("threads", [2, 3, 8, 12, 16, 64, 200])
def test_downloads_leave_threads_for_the_pages_of_their_user_and_these_leave_some_for_others(settings, threads):
    settings.WEB_THREADS = threads
    lane = lanes.page_lane(threads)
    share = sum(begun(lane, *[Request(7)] * threads))

    assert slots.user_slots() < share
    assert 2 * share < lane.limit
