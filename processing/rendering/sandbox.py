"""Runs the pipeline in a child process that may crash, hang or eat memory without taking the worker along.

One child serves many photos (a new one costs 60 ms). It is replaced when it fails, when it has grown, when the next photo is
somebody else's, and now and then anyway. What it may see and do is said by `pipeline.fences`; what it answers is checked by
`pipeline.answers`, and what it has written by `pipeline.workspace`.
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

from processing.pipeline import DEFAULT, Origin, Picture, Recipe, Refused
from processing.pipeline.errors import OutOfMemory, TooHeavy
from processing.pipeline.picture import UNKNOWN
from processing.pipeline.process import responses
from processing.pipeline.process.client import Child, ChildGone
from processing.pipeline.process.messages import Garbled, Message
from processing.pipeline.process.workspace import Workspace

log = logging.getLogger(__name__)

MEBI = 1024 * 1024
MOST_TRIES = 3
"""Of a large picture: some tell only step by step what they take."""
Result = TypeVar("Result")
Take = Callable[[Workspace, Message], Result]
Grant = Callable[[int], AbstractContextManager[int]]
"""While the block runs, one picture may take so many bytes, where it needs as many as are asked for. Raises a Refused."""


class TimedOut(Refused):
    code = "timeout"
    message = "Developing this picture took too long."
    permanent = False


class Crashed(Refused):
    code = "crashed"
    message = "The developer stopped while working on this picture."
    permanent = False


class Aborted(Refused):
    """Somebody called `kill` or `close`: the picture has nothing to do with it."""

    code = "aborted"
    message = "Developing this picture was interrupted."
    permanent = False


class Sandbox:
    """Develops one picture at a time; `kill` and `close` may be called from any thread.

    The child dies with the thread that started it (PR_SET_PDEATHSIG): let one long-lived thread develop.
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
        """`workspaces`: where to make the directory that the child sees; best on the file system of photos and renditions."""
        limits = replace(recipe.limits, memory_bytes=memory_bytes)
        self._recipe, self._mark = replace(recipe, limits=limits).as_json(), recipe.mark
        self._memory_bytes, self._grant = memory_bytes, grant
        self._wall_seconds, self._cpu_seconds = wall_seconds, cpu_seconds
        self._recycle_after, self._recycle_bytes = recycle_after, recycle_bytes
        self._turn, self._state = threading.Lock(), threading.Lock()
        self._child: Child | None = None
        self._workspaces = workspaces
        self._served: object = None
        self._workspace: Workspace | None = None
        self._is_aborted = self._is_closed = False

    def develop(self, source: Path, out: Path, origin: Origin = UNKNOWN, *, is_damaged: bool = False) -> Picture:
        """As `pipeline.develop`. Raises its `Refused`, TimedOut, Crashed or Aborted; OSError where a file cannot be reached."""
        task: Message = {"develop": True, "origin": asdict(origin)}
        task |= {"is_damaged": True} if is_damaged else {}
        out = out.absolute()

        def taken(workspace: Workspace, answer: Message) -> Picture:
            picture = responses.picture(answer, self._mark)
            out.mkdir(parents=True, exist_ok=True)
            return replace(picture, renditions=tuple(workspace.take(made, out) for made in picture.renditions))

        return self._done_at_any_size(task, source, taken)

    def preview(self, source: Path) -> bytes:
        """As `pipeline.previewing.preview`, with the same fences and limits; raises the same as `develop`."""
        return self._done({}, source, lambda _, answer: responses.preview(answer))

    def words(self, sidecar: Path) -> dict[str, Any]:
        """What a sidecar says of its photo, as `pipeline.metadata.of_sidecar`."""
        return self._done({"words": True}, sidecar, lambda _, answer: responses.sidecar(answer))

    def serve(self, whom: object) -> None:
        """Ends the child if it has read files of somebody else: what those may have made of it cannot touch other people's.

        A new one takes 60 ms, which is only spent where the next file has another owner.
        """
        with self._turn:
            if whom != self._served:
                self._drop()
            self._served = whom

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is a child."""
        child = self._child
        return child.process.pid if child else None

    def kill(self) -> None:
        """Ends what runs now: the develop that waits for it raises Aborted, the next one gets a new child."""
        with self._state:
            self._is_aborted = True
            if self._child:
                self._child.process.kill()

    def rest(self) -> None:
        """Ends the child if it is idle, and gives back the memory it holds. The next picture gets a new one."""
        if self._turn.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._turn.release()

    def close(self) -> None:
        self._is_closed = True
        self.kill()
        with self._turn:
            self._drop()
            if self._workspace:
                self._workspace.close()
                self._workspace = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _done_at_any_size(self, task: Message, source: Path, take: Take[Result]) -> Result:
        """With more memory for this one task, if it needs that and may have it."""
        try:
            return self._done(task, source, take)
        except TooHeavy as heavy:
            if self._grant is None or not heavy.needed:
                raise
            last = heavy
        for _ in range(MOST_TRIES):
            with self._grant(last.needed) as memory_bytes:
                try:
                    return self._done(task, source, take, memory_bytes)
                except TooHeavy as heavy:
                    last = heavy
        raise last

    def _done(self, task: Message, source: Path, take: Take[Result], memory_bytes: int = 0) -> Result:
        """What `take` makes of the child's answer. `memory_bytes`: of a child for this task alone."""
        recipe: Message = self._recipe
        if memory_bytes:
            recipe = recipe | {"limits": recipe["limits"] | {"memory_bytes": memory_bytes}}
        request = task | {"recipe": recipe, "cpu_seconds": self._cpu_seconds}
        with self._turn:
            if memory_bytes:
                self._drop()
            try:
                return self._asked(request, source, take, memory_bytes)
            finally:
                if memory_bytes:
                    self._drop()

    def _asked(self, request: Message, source: Path, take: Take[Result], memory_bytes: int) -> Result:
        child, workspace = self._living_child(memory_bytes)
        try:
            with workspace.offering(source) as photo:
                answer = self._ask(child, request | {"source": str(photo), "out": str(workspace.out)})
            try:
                self._recycle(child, responses.resident_bytes(answer), answer.get("error"))
                if "error" in answer:
                    raise responses.refusal(answer)
                return take(workspace, answer)
            except Garbled as error:
                log.error("A child's answer is not one that the pipeline gives; the child was ended.")
                self._drop()
                raise Crashed from error
        finally:
            workspace.clear()

    def _living_child(self, memory_bytes: int = 0) -> tuple[Child, Workspace]:
        """Under the lock that `kill` takes, so that it finds either nothing begun or a child to kill."""
        with self._state:
            if self._is_closed:
                raise Aborted
            self._is_aborted = False
            if self._child and (self._child.process.poll() is not None or not self._has_workspace()):
                self._child.end()
                self._child = None
            if not self._has_workspace():
                self._workspace = Workspace(self._workspaces)
            assert self._workspace is not None
            self._child = self._child or Child(memory_bytes or self._memory_bytes, self._workspace)
            return self._child, self._workspace

    def _has_workspace(self) -> bool:
        return self._workspace is not None and self._workspace.is_there

    def _ask(self, child: Child, request: Message) -> Message:
        try:
            return child.ask(request, time.monotonic() + self._wall_seconds)
        except TimeoutError as error:
            self._drop()
            raise TimedOut from error
        except (ChildGone, Garbled) as error:
            self._drop()
            raise self._why(child.process.returncode) from error

    def _why(self, returncode: int) -> Refused:
        if self._is_aborted:
            return Aborted()
        return TimedOut() if returncode == -signal.SIGXCPU else Crashed()

    def _recycle(self, child: Child, resident_bytes: int, error: object) -> None:
        has_grown = resident_bytes > self._recycle_bytes or error == OutOfMemory.code
        if has_grown or child.answered >= self._recycle_after:
            self._drop()

    def _drop(self) -> None:
        with self._state:
            if self._child:
                self._child.end()
            self._child = None
