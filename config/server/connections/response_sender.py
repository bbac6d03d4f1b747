"""Sends responses to slow clients without a thread for each: the unsent rest is kept in memory or as a range of an open file.

A client that reads nothing for the idle time, or less than MIN_RATE over RATE_SECONDS, is cut off. Bytes count as read when the
client's side has acknowledged them, not when the kernel has accepted them.
"""

import fcntl
import os
import select
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MIN_RATE = 1024
"""Bytes a second: a tenth of what a phone gets where there is hardly a signal."""
RATE_SECONDS = 60.0
MAX_RESPONSE_BYTES = 4 << 20
"""Limit for one response; pages are smaller. A view that streams more than this waits for its client."""
MAX_TOTAL_BYTES = 32 << 20
"""Limit for all waiting responses. Above it, the one that has waited longest is cut off."""
CHUNK_BYTES = 512 << 10
MAX_UNSENT_BYTES = 128 << 10
"""Unsent bytes of one response that the kernel buffers. Without this limit it buffers megabytes for each client."""
SIOCOUTQ = 0x5411
"""The ioctl for the number of unacknowledged bytes (Linux, sockios.h)."""
NO_LINGER = b"\x01\0\0\0\0\0\0\0"
"""Value for SO_LINGER: close() discards unsent bytes."""
TICK_SECONDS = 1.0


@dataclass(slots=True)
class FileRange:
    """The unsent range of a file, with its own descriptor."""

    descriptor: int
    offset: int
    remaining: int

    def send(self, socket_descriptor: int) -> int:
        """Returns how many bytes the kernel accepted. Raises OSError."""
        if not self.remaining:
            return 0
        count = os.sendfile(socket_descriptor, self.descriptor, self.offset, min(self.remaining, CHUNK_BYTES))
        if not count:
            raise ConnectionAbortedError("The file was truncated while it was sent")
        self.offset, self.remaining = self.offset + count, self.remaining - count
        return count

    def close(self) -> None:
        os.close(self.descriptor)


class ReadRate:
    """Measures how quickly a client reads. `read` is the number of bytes read since the connection began."""

    def __init__(self, read: int, now: float, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._last, self._last_at = read, now
        self._mark, self._mark_at = read, now

    def is_too_slow(self, read: int, now: float) -> bool:
        if read > self._last:
            self._last, self._last_at = read, now
        if now - self._last_at > self._idle_seconds:
            return True
        if now - self._mark_at >= RATE_SECONDS:
            if read - self._mark < MIN_RATE * (now - self._mark_at):
                return True
            self._mark, self._mark_at = read, now
        return False


class ClientSocket(socket.socket):
    """A client's socket. Sending keeps unsent data for a Sender instead of waiting for the client.

    `setblocking(True)`, which is used to read a body, sets the idle timeout.
    """

    def __init__(self, accepted: socket.socket, idle_seconds: float) -> None:
        """Takes over the descriptor of `accepted`."""
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._idle_seconds = idle_seconds
        self._kept: deque[memoryview | FileRange] = deque()
        self._sent = 0
        self._is_ended = False
        with suppress(OSError):  # Unix sockets do not have these options
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
        self.setblocking(False)

    def setblocking(self, flag: bool) -> None:
        self.settimeout(self._idle_seconds if flag else 0.0)

    def shutdown(self, how: int) -> None:
        """Ignores SHUT_RD: the client of an abandoned body must still be able to read the response.

        After SHUT_RD the kernel responds to further bytes with a reset, and the client loses the response.
        """
        if how != socket.SHUT_RD:
            super().shutdown(how)
            self._is_ended = True

    def interrupt(self) -> None:
        """Ends a read that another thread is waiting in: it returns as if the client had closed."""
        with suppress(OSError):  # already disconnected
            super().shutdown(socket.SHUT_RD)

    @property
    def has_kept(self) -> bool:
        """True if unsent data is kept."""
        return bool(self._kept)

    @property
    def kept_bytes(self) -> int:
        """The size of the unsent data in memory."""
        return sum(len(item) for item in self._kept if isinstance(item, memoryview))

    @property
    def is_read(self) -> bool:
        """True if the client's side has acknowledged all sent bytes."""
        return self.read_by_client() >= self._sent

    def read_by_client(self) -> int:
        """Returns the bytes that the client's side has acknowledged since the connection began."""
        unacknowledged: int = struct.unpack("i", fcntl.ioctl(self.fileno(), SIOCOUTQ, b"\0\0\0\0"))[0]
        return self._sent - max(0, unacknowledged - self._is_ended)  # FIN counts as a byte

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Sends or keeps the data. Raises OSError if the client has disconnected, or reads a streamed response too slowly."""
        self._kept.append(memoryview(data))
        self.flush()
        if self.kept_bytes > MAX_RESPONSE_BYTES:
            self._wait_for_room()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Sends or keeps a range of the file, and returns its size. The caller may close the file afterwards."""
        descriptor = os.dup(file.fileno())
        count = os.fstat(descriptor).st_size - offset if count is None else count
        self._kept.append(FileRange(descriptor, offset, count))
        self.flush()
        return count

    def flush(self) -> None:
        """Sends what the kernel accepts without waiting. Raises OSError if the client has disconnected."""
        with suppress(BlockingIOError):
            while self._kept:
                self._send_first()

    def _send_first(self) -> None:
        """Sends from the first kept item with plain system calls: Python's send() would wait on a socket with a timeout."""
        first = self._kept[0]
        if isinstance(first, FileRange):
            count = first.send(self.fileno())
            is_complete = not first.remaining
        else:
            count = os.write(self.fileno(), first) if first else 0
            self._kept[0] = first[count:]
            is_complete = count == len(first)
        self._sent += count
        if is_complete:
            self._drop_first()

    def _drop_first(self) -> None:
        first = self._kept.popleft()
        if isinstance(first, FileRange):
            first.close()

    def _wait_for_room(self) -> None:
        pace, poll = ReadRate(self.read_by_client(), time.monotonic(), self._idle_seconds), select.poll()
        poll.register(self, select.POLLOUT)
        while self.kept_bytes > MAX_RESPONSE_BYTES:
            poll.poll(TICK_SECONDS * 1000)
            self.flush()
            if pace.is_too_slow(self.read_by_client(), time.monotonic()):
                raise ConnectionAbortedError("The client reads too slowly")

    def close(self) -> None:
        """Closes the socket. The kernel discards unread bytes, which it would otherwise keep for minutes for each client."""
        while self._kept:
            self._drop_first()
        # ValueError: gunicorn has closed it, because a view failed in the middle of its response.
        with suppress(OSError, ValueError):
            if not self.is_read:
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        super().close()


@dataclass(slots=True)
class _Waiting:
    sock: ClientSocket
    pace: ReadRate
    on_end: Callable[[bool], None]


class Sender:
    """A thread that sends the kept data of sockets."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[int, _Waiting] = {}
        self._new: deque[_Waiting] = deque()
        self._must_cut = False
        self._wakeup_reader, self._wakeup_writer = socket.socketpair()
        for sock in (self._wakeup_writer, self._wakeup_reader):
            sock.setblocking(False)
        self._selector.register(self._wakeup_reader, selectors.EVENT_READ)
        threading.Thread(target=self._run, name="sender", daemon=True).start()

    def send(self, sock: ClientSocket, on_end: Callable[[bool], None]) -> None:
        """Sends the kept data of the socket. The sender thread calls `on_end`: with True if all data was sent, else False."""
        sock.setblocking(False)
        self._new.append(_Waiting(sock, ReadRate(sock.read_by_client(), time.monotonic(), self._idle_seconds), on_end))
        self._wake()

    def cut_longest(self) -> bool:
        """Makes the thread cut off the client that has been sent to for longest. Returns False if there is none."""
        if not (self._waiting or self._new):
            return False
        self._must_cut = True
        self._wake()
        return True

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # the buffer is full, so the thread is awake
            self._wakeup_writer.send(b"\0")

    def _run(self) -> None:
        checked_at = time.monotonic()
        while True:
            for key, _ in self._selector.select(TICK_SECONDS):
                self._handle_event(key.fd)
            self._add_new()
            if time.monotonic() - checked_at >= TICK_SECONDS:
                checked_at = time.monotonic()
                self._check()

    def _handle_event(self, descriptor: int) -> None:
        if descriptor == self._wakeup_reader.fileno():
            with suppress(BlockingIOError):
                self._wakeup_reader.recv(4096)
        elif waiting := self._waiting.get(descriptor):
            try:
                waiting.sock.flush()
            except OSError:
                self._end(descriptor, False)
            else:
                if not waiting.sock.has_kept:
                    self._end(descriptor, True)

    def _add_new(self) -> None:
        while self._new:
            waiting = self._new.popleft()
            self._waiting[waiting.sock.fileno()] = waiting
            self._selector.register(waiting.sock, selectors.EVENT_WRITE)
        if self._must_cut and self._waiting:
            self._end(next(iter(self._waiting)), False)
        self._must_cut = False
        while sum(waiting.sock.kept_bytes for waiting in self._waiting.values()) > MAX_TOTAL_BYTES:
            self._end(next(fd for fd, waiting in self._waiting.items() if waiting.sock.kept_bytes), False)

    def _check(self) -> None:
        now = time.monotonic()
        for descriptor, waiting in list(self._waiting.items()):
            if self._is_too_slow(waiting, now):
                self._end(descriptor, False)

    def _is_too_slow(self, waiting: _Waiting, now: float) -> bool:
        try:
            return waiting.pace.is_too_slow(waiting.sock.read_by_client(), now)
        except OSError:
            return True

    def _end(self, descriptor: int, is_sent: bool) -> None:
        waiting = self._waiting.pop(descriptor)
        self._selector.unregister(waiting.sock)
        waiting.on_end(is_sent)
