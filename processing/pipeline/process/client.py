"""The parent's end of `child`: starts the process, speaks with it against the clock, ends it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from processing.pipeline.process.messages import Message, packed, unpacked
from processing.pipeline.process.workspace import Workspace

log = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[3]
# Pixels are freed and wanted again for every size: keeping them in the heap saves 6 % of the CPU time.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # One heap for both threads: what one frees the other gets. A second heap held 20 to 30 MB more at the peak.
    "MALLOC_ARENA_MAX": "1",
    "PILLOW_BLOCK_SIZE": "4m",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024 * 1024),
    # What RAW files bring along: LibRaw's threads, and those that NumPy would start for algebra that nobody asks for.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
}


MODULE = "processing.pipeline.process.child"
MOST_MISSING = 500
LOOK_SECONDS = 0.25
"""How often it is looked at what a child at work has written."""


class ChildGone(Exception):
    """The pipe to the child is closed, or the child was ended for what it did."""


class Child:
    """One process of `processing.pipeline.process.child` and the pipes to it.

    It inherits nothing else: no other descriptor, no variable. It never was a copy of the worker: what that has in memory
    (settings, passwords, sessions) is not in the child's.
    """

    def __init__(self, memory_bytes: int, workspace: Workspace) -> None:
        self._workspace = workspace
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(os.getpid()), str(memory_bytes), str(workspace.path)],
            bufsize=0,
            cwd=PROJECT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.answered = 0
        self._is_ready = False

    def ask(self, request: Message, deadline: float) -> Message:
        """The child's answer. TimeoutError at the deadline (monotonic clock), ChildGone when it ended."""
        if not self._is_ready:
            self._greet(self._receive(deadline))
        self._send(request)
        self.answered += 1
        return self._receive(deadline)

    def end(self) -> None:
        """Kills the process and waits for its end; SIGKILL needs no time-out."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _greet(self, ready: Message) -> None:
        self._is_ready = True
        if ready.get("missing"):
            log.warning("Pictures are decoded with fewer fences than meant. %s", str(ready["missing"])[:MOST_MISSING])

    def _send(self, message: Message) -> None:
        try:
            os.write(_number(self.process.stdin), packed(message))
        except BrokenPipeError as error:
            raise ChildGone from error

    def _receive(self, deadline: float) -> Message:
        answer = unpacked(lambda count: self._read(count, deadline))
        if answer is None:
            raise ChildGone
        return answer

    def _read(self, count: int, deadline: float) -> bytes:
        pipe, read = _number(self.process.stdout), bytearray()
        while len(read) < count:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([pipe], [], [], min(LOOK_SECONDS, left))[0]:
                self._look(left)
                continue
            piece = os.read(pipe, count - len(read))
            if not piece:
                break
            read += piece
        return bytes(read)

    def _look(self, left: float) -> None:
        if not left:
            raise TimeoutError
        if self._workspace.is_too_full():
            log.error("A child wrote more than any picture takes, and was ended.")
            raise ChildGone


def _number(pipe: Any) -> int:
    return int(pipe.fileno())
