"""The queues of requests that wait for a thread. They share the threads between clients, so that no client can occupy them all.

A client is a user, however many sessions and connections it has. The main thread cannot ask the database whose session a cookie
names. So the middleware reports the user of each request (config.accounts.sessions.activity), and the next requests with that
cookie count as the user's. Requests without a session, with an invented one, or with one that is not known yet count as those
of one client, ANONYMOUS.
"""

from collections import Counter, deque
from typing import Any, Protocol

ANONYMOUS = 0
MIN_PAGE_THREADS = 5
"""Two clients, such as a user with sessions that are not known yet, leave one of them to others."""
MAX_KNOWN_SESSIONS = 10_000


class Waiting(Protocol):
    """What a lane queues. `client_id` does not change while the request waits or runs."""

    client_id: int
    """A user's id, or ANONYMOUS."""
    is_pipelined: bool


class Sessions:
    """Remembers which user a session cookie belongs to. A session that has ended meanwhile still counts as that user's."""

    def __init__(self, most: int = MAX_KNOWN_SESSIONS) -> None:
        self._users: dict[bytes, int] = {}
        self._most = most

    def client(self, session: bytes) -> int:
        return self._users.get(session, ANONYMOUS)

    def remember(self, session: bytes, user_id: int) -> None:
        """May be called by any thread. Forgets the session that was remembered first if there are too many."""
        if session and self._users.get(session) != user_id:
            self._users[session] = user_id
            while len(self._users) > self._most:
                self._users.pop(next(iter(self._users)), None)


class Lane:
    """The queue of one kind of request: at most `limit` of them run at a time, at most `client_limit` of one client.

    Among the waiting clients, the one with the fewest running requests is next, then the one that has waited for longest.
    Pipelined requests wait behind all others; otherwise a few clients could fill the queue.
    """

    def __init__(self, limit: int, client_limit: int) -> None:
        self.limit, self._client_limit = limit, client_limit
        self._running: Counter[int] = Counter()
        self._waiting: dict[int, deque[Any]] = {}
        self._pipelined: dict[int, deque[Any]] = {}

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    def begin(self, conn: Waiting) -> bool:
        """Returns True if the request may run now, and counts it as running. Otherwise the request waits."""
        if self._running.total() < self.limit and self._running[conn.client_id] < self._client_limit:
            self._running[conn.client_id] += 1
            return True
        queue = self._pipelined if conn.is_pipelined else self._waiting
        queue.setdefault(conn.client_id, deque()).append(conn)
        return False

    def end(self, client: int) -> Any:
        """Counts a request of the client as ended. Returns the next one, which is counted as running, or None."""
        self._running[client] -= 1
        if not self._running[client]:
            del self._running[client]
        conn = self._take(self._waiting) or self._take(self._pipelined)
        if conn is not None:
            self._running[conn.client_id] += 1
        return conn

    def _take(self, queues: dict[int, deque[Any]]) -> Any:
        ready = (client for client in queues if self._running[client] < self._client_limit)
        client = min(ready, key=self._running.__getitem__, default=None)
        if client is None:
            return None
        queue = queues.pop(client)
        conn = queue.popleft()
        if queue:
            queues[client] = queue  # at the end: other clients are next
        return conn


def page_lane(threads: int) -> Lane:
    """Returns the lane of pages for WEB_THREADS.

    A client's share is larger than its downloads can be, which occupy threads too (albums/download/slots.py).
    """
    limit = max(MIN_PAGE_THREADS, threads // 2)
    return Lane(limit, max(2, limit // 8))


def upload_lane(threads: int) -> Lane:
    """Returns the lane of uploads for WEB_THREADS.

    It has more threads than there are upload slots (processing/uploads/body/upload_slots.py), which limit each user too: the
    threads without a slot tell their clients to wait.
    """
    return Lane(threads, threads)


def health_lane() -> Lane:
    return Lane(2, 2)
