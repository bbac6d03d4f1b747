"""Answers that clients read slowly: they wait in memory, or as a range of an open file, and cost no thread.

A client that reads nothing for the idle time, or less than LEAST_RATE over RATE_SECONDS, is cut off. What counts is what its side
has acknowledged, not what the kernel took.
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

LEAST_RATE = 1024
"""Bytes a second: a tenth of what a phone gets where there is hardly a signal."""
RATE_SECONDS = 60.0
IN_MEMORY = 4 << 20
"""Of one answer: no page is as large. A view that makes more, piece by piece, waits for its client."""
TOGETHER = 32 << 20
"""Of all answers that wait: beyond, the one that has waited longest is cut off."""
PIECE = 512 << 10
UNSENT = 128 << 10
"""Bytes that the kernel holds of one answer before they are on their way. Without a limit it takes megabytes for each client."""
SIOCOUTQ = 0x5411
"""Linux, sockios.h: bytes that are not acknowledged yet."""
NOW = b"\x01\0\0\0\0\0\0\0"
"""SO_LINGER: closing forgets what was not sent."""
TICK_SECONDS = 1.0


@dataclass(slots=True)
class FileRange:
    """A part of a file that is still to be sent, and a descriptor of its own for it."""

    descriptor: int
    offset: int
    left: int

    def send(self, line: int) -> int:
        """Returns how many bytes the kernel took. Raises OSError."""
        if not self.left:
            return 0
        count = os.sendfile(line, self.descriptor, self.offset, min(self.left, PIECE))
        if not count:
            raise ConnectionAbortedError("The file became shorter while it was sent")
        self.offset, self.left = self.offset + count, self.left - count
        return count

    def close(self) -> None:
        os.close(self.descriptor)


class Pace:
    """How quickly a client reads. Its numbers are those of bytes read since the connection began."""

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
            if read - self._mark < LEAST_RATE * (now - self._mark_at):
                return True
            self._mark, self._mark_at = read, now
        return False


class ClientSocket(socket.socket):
    """A client's socket. Sending never waits for the client: what does not go out at once is kept, for a Sender.

    Where it blocks, to read a body, it has an idle limit: `setblocking(True)` means that.
    """

    def __init__(self, accepted: socket.socket, idle_seconds: float) -> None:
        """Takes the descriptor over."""
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._idle_seconds = idle_seconds
        self._kept: deque[memoryview | FileRange] = deque()
        self._sent = 0
        self._is_ended = False
        with suppress(OSError):  # a Unix socket has none of it
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self.setblocking(False)

    def setblocking(self, flag: bool) -> None:
        self.settimeout(self._idle_seconds if flag else 0.0)

    def shutdown(self, how: int) -> None:
        """SHUT_RD does nothing: the worker closes the connection of a body that is read no more, but lets the answer arrive.

        The kernel would answer what still comes with a reset, and the client would never see the answer.
        """
        if how != socket.SHUT_RD:
            super().shutdown(how)
            self._is_ended = True

    def interrupt(self) -> None:
        """Let whoever waits for the client's next bytes, in another thread, find that there are none."""
        with suppress(OSError):  # it is gone already
            super().shutdown(socket.SHUT_RD)

    @property
    def has_kept(self) -> bool:
        """Is there anything to send still?"""
        return bool(self._kept)

    @property
    def kept_bytes(self) -> int:
        """In memory, of what is still to be sent."""
        return sum(len(each) for each in self._kept if isinstance(each, memoryview))

    @property
    def is_read(self) -> bool:
        """Has the client's side acknowledged all?"""
        return self.read_by_client() >= self._sent

    def read_by_client(self) -> int:
        """Bytes that the client's side has acknowledged since the connection began."""
        left: int = struct.unpack("i", fcntl.ioctl(self.fileno(), SIOCOUTQ, b"\0\0\0\0"))[0]
        return self._sent - max(0, left - self._is_ended)  # the end counts as a byte

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Returns when the data is sent or kept. Raises OSError when the client is gone, or too slow for what a view makes."""
        self._kept.append(memoryview(data))
        self.flush()
        if self.kept_bytes > IN_MEMORY:
            self._wait_for_room()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Returns the bytes of the file that are sent or kept. The file may be closed then."""
        descriptor = os.dup(file.fileno())
        count = os.fstat(descriptor).st_size - offset if count is None else count
        self._kept.append(FileRange(descriptor, offset, count))
        self.flush()
        return count

    def flush(self) -> None:
        """Send what the kernel takes at once. Raises OSError when the client is gone."""
        with suppress(BlockingIOError):
            while self._kept:
                self._send_first()

    def _send_first(self) -> None:
        """By the system's own calls: where a socket has a time limit, Python's would wait for the client."""
        first = self._kept[0]
        if isinstance(first, FileRange):
            count = first.send(self.fileno())
            is_over = not first.left
        else:
            count = os.write(self.fileno(), first) if first else 0
            self._kept[0] = first[count:]
            is_over = count == len(first)
        self._sent += count
        if is_over:
            self._forget_first()

    def _forget_first(self) -> None:
        first = self._kept.popleft()
        if isinstance(first, FileRange):
            first.close()

    def _wait_for_room(self) -> None:
        pace, poll = Pace(self.read_by_client(), time.monotonic(), self._idle_seconds), select.poll()
        poll.register(self, select.POLLOUT)
        while self.kept_bytes > IN_MEMORY:
            poll.poll(TICK_SECONDS * 1000)
            self.flush()
            if pace.is_too_slow(self.read_by_client(), time.monotonic()):
                raise ConnectionAbortedError("The client reads too slowly")

    def close(self) -> None:
        """Close it. The kernel forgets what the client has not read: it would keep that for minutes, of any number of clients."""
        while self._kept:
            self._forget_first()
        with suppress(OSError):
            if not self.is_read:
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
        super().close()


@dataclass(slots=True)
class _Waiting:
    line: ClientSocket
    pace: Pace
    is_over: Callable[[bool], None]


class Sender:
    """One thread that sends what the sockets given to it have kept."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[int, _Waiting] = {}
        self._new: deque[_Waiting] = deque()
        self._cuts = False
        self._bell_out, self._bell_in = socket.socketpair()
        for end in (self._bell_in, self._bell_out):
            end.setblocking(False)
        self._selector.register(self._bell_out, selectors.EVENT_READ)
        threading.Thread(target=self._run, name="sender", daemon=True).start()

    def send(self, line: ClientSocket, is_over: Callable[[bool], None]) -> None:
        """Send what the socket has kept. `is_over` is called in another thread: with True when all is sent, False otherwise."""
        line.setblocking(False)
        self._new.append(_Waiting(line, Pace(line.read_by_client(), time.monotonic(), self._idle_seconds), is_over))
        self._wake()

    def cut_longest(self) -> bool:
        """Cut off the client that has been sent to for longest, soon; False when there is none."""
        if not (self._waiting or self._new):
            return False
        self._cuts = True
        self._wake()
        return True

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # it is awake then
            self._bell_in.send(b"\0")

    def _run(self) -> None:
        checked = time.monotonic()
        while True:
            for key, _ in self._selector.select(TICK_SECONDS):
                self._go_on(key.fd)
            self._take_new()
            if time.monotonic() - checked >= TICK_SECONDS:
                checked = time.monotonic()
                self._check()

    def _go_on(self, descriptor: int) -> None:
        if descriptor == self._bell_out.fileno():
            with suppress(BlockingIOError):
                self._bell_out.recv(4096)
        elif waiting := self._waiting.get(descriptor):
            try:
                waiting.line.flush()
            except OSError:
                self._end(descriptor, False)
            else:
                if not waiting.line.has_kept:
                    self._end(descriptor, True)

    def _take_new(self) -> None:
        while self._new:
            waiting = self._new.popleft()
            self._waiting[waiting.line.fileno()] = waiting
            self._selector.register(waiting.line, selectors.EVENT_WRITE)
        if self._cuts and self._waiting:
            self._end(next(iter(self._waiting)), False)
        self._cuts = False
        while sum(each.line.kept_bytes for each in self._waiting.values()) > TOGETHER:
            self._end(next(number for number, each in self._waiting.items() if each.line.kept_bytes), False)

    def _check(self) -> None:
        now = time.monotonic()
        for number, waiting in list(self._waiting.items()):
            if self._is_too_slow(waiting, now):
                self._end(number, False)

    def _is_too_slow(self, waiting: _Waiting, now: float) -> bool:
        try:
            return waiting.pace.is_too_slow(waiting.line.read_by_client(), now)
        except OSError:
            return True

    def _end(self, descriptor: int, is_sent: bool) -> None:
        waiting = self._waiting.pop(descriptor)
        self._selector.unregister(waiting.line)
        waiting.is_over(is_sent)
