"""The worker's end of `child`: starts the process, exchanges messages with a deadline, and kills it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from processing.pipeline.process.messages import Message, encode, read_message
from processing.pipeline.process.workspace import Workspace

log = logging.getLogger(__name__)

PROJECT_ROOT = Path(__file__).resolve().parents[3]
# Pixel buffers are freed and allocated again for every size: keeping them in the heap saves 6 % of the CPU time.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # One heap for both threads, so that each reuses the memory that the other frees. A second heap added 20 to 30 MB to the peak.
    "MALLOC_ARENA_MAX": "1",
    "PILLOW_BLOCK_SIZE": "4m",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024 * 1024),
    # Only RAW files start these threads: LibRaw, and NumPy for linear algebra, which is not used.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
}


MODULE = "processing.pipeline.process.child"
MAX_MISSING_LENGTH = 500
CHECK_SECONDS = 0.25
"""How often the workspace's size is checked while the child is working."""


class ChildExited(Exception):
    """The child has closed its pipe, or has written more than is allowed."""


class Child:
    """A process of `processing.pipeline.process.child` and the pipes to it.

    The process inherits no other file descriptor and no environment variable. It is started by exec, so its memory holds
    none of the worker's settings, passwords and sessions.
    """

    def __init__(self, memory_bytes: int, workspace: Workspace) -> None:
        self._workspace = workspace
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(os.getpid()), str(memory_bytes), str(workspace.path)],
            bufsize=0,
            cwd=PROJECT_ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.answered = 0
        self._is_ready = False

    def request(self, request: Message, deadline: float) -> Message:
        """The child's response. Raises TimeoutError at the deadline (monotonic clock), and ChildExited."""
        if not self._is_ready:
            self._greet(self._receive(deadline))
        self._send(request)
        self.answered += 1
        return self._receive(deadline)

    def stop(self) -> None:
        """Kills the process and waits for its end, without a timeout because SIGKILL cannot be ignored."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _greet(self, ready: Message) -> None:
        self._is_ready = True
        if ready.get("missing"):
            log.warning("The sandbox lacks protections. %s", str(ready["missing"])[:MAX_MISSING_LENGTH])

    def _send(self, message: Message) -> None:
        try:
            os.write(_descriptor(self.process.stdin), encode(message))
        except BrokenPipeError as error:
            raise ChildExited from error

    def _receive(self, deadline: float) -> Message:
        response = read_message(lambda count: self._read(count, deadline))
        if response is None:
            raise ChildExited
        return response

    def _read(self, count: int, deadline: float) -> bytes:
        pipe, content = _descriptor(self.process.stdout), bytearray()
        while len(content) < count:
            remaining_seconds = max(0.0, deadline - time.monotonic())
            if not select.select([pipe], [], [], min(CHECK_SECONDS, remaining_seconds))[0]:
                self._check_limits(remaining_seconds)
                continue
            chunk = os.read(pipe, count - len(content))
            if not chunk:
                break
            content += chunk
        return bytes(content)

    def _check_limits(self, remaining_seconds: float) -> None:
        if not remaining_seconds:
            raise TimeoutError
        if self._workspace.is_too_full():
            log.error("Killing a sandbox process that wrote too much output")
            raise ChildExited


def _descriptor(pipe: Any) -> int:
    return int(pipe.fileno())
