"""Runs the pipeline in a child process that may crash, hang or exhaust its memory without affecting the worker.

One child processes many photos, because starting one takes 60 ms. It is replaced when it fails, when its memory has grown, when
the next photo has another owner, and after `recycle_after` photos. `pipeline.process.confinement` limits its access,
`pipeline.process.responses` checks its responses, and `pipeline.process.workspace` checks the files that it wrote.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from processing.pipeline import DEFAULT, ImageRejected, Origin, Picture, Recipe
from processing.pipeline.errors import OutOfMemory, TooMuchMemory
from processing.pipeline.picture import UNKNOWN
from processing.pipeline.process import responses
from processing.pipeline.process.client import Child, ChildExited
from processing.pipeline.process.messages import InvalidMessage, Message
from processing.pipeline.process.workspace import Workspace

log = logging.getLogger(__name__)

MEBI = 1024 * 1024
MAX_TRIES = 3
"""Attempts for a large picture. The memory that a picture needs may only become known step by step."""
Result = TypeVar("Result")
Take = Callable[[Workspace, Message], Result]
Grant = Callable[[int], AbstractContextManager[int]]
"""Called with the bytes that a picture needs. One picture may use the returned bytes in the block. Raises ImageRejected."""


class TimedOut(ImageRejected):
    code = "timeout"
    message = "Processing took too long."
    permanent = False


class Crashed(ImageRejected):
    code = "crashed"
    message = "The image decoder crashed on this file."
    permanent = False


class Aborted(ImageRejected):
    """`kill` or `close` was called. The picture is not at fault."""

    code = "aborted"
    message = "Processing was interrupted."
    permanent = False


class Sandbox:
    """Develops one picture at a time; `kill` and `close` may be called from any thread.

    The child dies with the thread that started it (PR_SET_PDEATHSIG), so `develop` must be called from one long-lived thread.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = 512 * MEBI,
        wall_seconds: float = 120,
        cpu_seconds: int = 120,
        recycle_after: int = 200,
        recycle_bytes: int = 256 * MEBI,
        recipe: Recipe = DEFAULT,
        grant: Grant | None = None,
        workspaces: Path | None = None,
    ) -> None:
        """`workspaces`: the parent of the directory that the child can access, on the file system of photos and renditions."""
        limits = replace(recipe.limits, memory_bytes=memory_bytes)
        self._recipe, self._mark = replace(recipe, limits=limits).as_json(), recipe.identifier
        self._memory_bytes, self._grant = memory_bytes, grant
        self._wall_seconds, self._cpu_seconds = wall_seconds, cpu_seconds
        self._recycle_after, self._recycle_bytes = recycle_after, recycle_bytes
        self._task_lock, self._child_lock = threading.Lock(), threading.Lock()
        self._child: Child | None = None
        self._workspaces = workspaces
        self._owner: object = None
        self._served = 0
        self._workspace: Workspace | None = None
        self._is_aborted = self._is_closed = False

    def develop(
        self,
        source: Path,
        out: Path,
        origin: Origin = UNKNOWN,
        *,
        is_damaged: bool = False,
        user_orientation: int = 1,
    ) -> Picture:
        """Like `pipeline.develop`. Raises its ImageRejected, TimedOut, Crashed or Aborted; OSError for inaccessible files."""
        task: Message = {"develop": True, "origin": asdict(origin)}
        task |= {"is_damaged": True} if is_damaged else {}
        task |= {"orientation": user_orientation} if user_orientation != 1 else {}
        out = out.absolute()

        def take(workspace: Workspace, response: Message) -> Picture:
            picture = responses.picture(response, self._mark)
            out.mkdir(parents=True, exist_ok=True)
            return replace(
                picture, renditions=tuple(workspace.move_output(rendition, out) for rendition in picture.renditions)
            )

        return self._run_at_any_size(task, source, take)

    def preview(self, source: Path) -> bytes:
        """Like `pipeline.render.preview.preview`. Has the same limits and raises the same exceptions as `develop`."""
        return self._run({}, source, lambda _, response: responses.preview(response))

    def sidecar_metadata(self, sidecar: Path) -> dict[str, Any]:
        """Returns a sidecar's metadata, like `pipeline.metadata.of_sidecar`."""
        return self._run({"words": True}, sidecar, lambda _, response: responses.sidecar(response))

    def serve(self, owner: object) -> None:
        """Ends the child if it has read files of another owner: those may have compromised it.

        A new child takes 60 ms, which is only spent when the owner changes. `shared_sandbox.preferred_owner` makes that rare.
        """
        with self._task_lock:
            if owner != self._owner:
                self._end_child()
            self._served = self._served + 1 if self._child and owner == self._owner else 1
            self._owner = owner

    @property
    def served(self) -> tuple[Any, int]:
        """The owner whose files the child may have read, and how many were offered in a row; (None, 0) without a child."""
        return (self._owner, self._served) if self._child else (None, 0)

    @property
    def pid(self) -> int | None:
        """The child's process id; None without a child."""
        child = self._child
        return child.process.pid if child else None

    def kill(self) -> None:
        """Kills the child: the running `develop` raises Aborted, and the next one starts a new child."""
        with self._child_lock:
            self._is_aborted = True
            if self._child:
                self._child.process.kill()

    def rest(self) -> None:
        """Ends the child if it is idle, to free its memory. The next picture starts a new one."""
        if self._task_lock.acquire(blocking=False):
            try:
                self._end_child()
            finally:
                self._task_lock.release()

    def close(self) -> None:
        self._is_closed = True
        self.kill()
        with self._task_lock:
            self._end_child()
            if self._workspace:
                self._workspace.close()
                self._workspace = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run_at_any_size(self, task: Message, source: Path, take: Take[Result]) -> Result:
        """Runs the task, with more memory for it alone if it needs that and `grant` allows it."""
        try:
            return self._run(task, source, take)
        except TooMuchMemory as error:
            if self._grant is None or not error.needed:
                raise
            last_error = error
        for _ in range(MAX_TRIES):
            with self._grant(last_error.needed) as memory_bytes:
                try:
                    return self._run(task, source, take, memory_bytes)
                except TooMuchMemory as error:
                    last_error = error
        raise last_error

    def _run(self, task: Message, source: Path, take: Take[Result], memory_bytes: int = 0) -> Result:
        """Runs the task and returns `take` of the child's response. With `memory_bytes`, a new child runs only this task."""
        recipe: Message = self._recipe
        if memory_bytes:
            recipe = recipe | {"limits": recipe["limits"] | {"memory_bytes": memory_bytes}}
        request = task | {"recipe": recipe, "cpu_seconds": self._cpu_seconds}
        with self._task_lock:
            if memory_bytes:
                self._end_child()
            try:
                return self._run_in_child(request, source, take, memory_bytes)
            finally:
                if memory_bytes:
                    self._end_child()

    def _run_in_child(self, request: Message, source: Path, take: Take[Result], memory_bytes: int) -> Result:
        child, workspace = self._ensure_child(memory_bytes)
        try:
            with workspace.open_source(source) as photo:
                response = self._request(child, request | {"source": str(photo), "out": str(workspace.out)})
            try:
                self._recycle(child, responses.resident_bytes(response), response.get("error"))
                if "error" in response:
                    raise responses.rejection(response)
                return take(workspace, response)
            except InvalidMessage as error:
                log.error("The sandbox sent an invalid response and was stopped.")
                self._end_child()
                raise Crashed from error
        finally:
            workspace.clear()

    def _ensure_child(self, memory_bytes: int = 0) -> tuple[Child, Workspace]:
        """Returns the child and its workspace, after starting them if needed. Takes the lock that `kill` takes.

        So `kill` finds either a child or no task in progress.
        """
        with self._child_lock:
            if self._is_closed:
                raise Aborted
            self._is_aborted = False
            if self._child and (self._child.process.poll() is not None or not self._has_workspace()):
                self._child.stop()
                self._child = None
            if not self._has_workspace():
                self._workspace = Workspace(self._workspaces)
            assert self._workspace is not None
            self._child = self._child or Child(memory_bytes or self._memory_bytes, self._workspace)
            return self._child, self._workspace

    def _has_workspace(self) -> bool:
        return self._workspace is not None and self._workspace.exists

    def _request(self, child: Child, request: Message) -> Message:
        try:
            return child.request(request, time.monotonic() + self._wall_seconds)
        except TimeoutError as error:
            self._end_child()
            raise TimedOut from error
        except (ChildExited, InvalidMessage) as error:
            self._end_child()
            raise self._failure(child.process.returncode) from error

    def _failure(self, returncode: int) -> ImageRejected:
        if self._is_aborted:
            return Aborted()
        return TimedOut() if returncode == -signal.SIGXCPU else Crashed()

    def _recycle(self, child: Child, resident_bytes: int, error: object) -> None:
        has_grown = resident_bytes > self._recycle_bytes or error == OutOfMemory.code
        if has_grown or child.answered >= self._recycle_after:
            self._end_child()

    def _end_child(self) -> None:
        with self._child_lock:
            if self._child:
                self._child.stop()
            self._child = None
