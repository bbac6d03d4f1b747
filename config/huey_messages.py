"""The queue's messages: JSON that is signed, of a fixed shape. Whoever can write into the queue's database can run nothing by it.

The key is derived from SECRET_KEY. What is not signed with it is dropped before anything of it is parsed: a message of an older
version (a pickle), of an installation with another key, or a forged one. Nothing is lost with it, for the job's row is the truth
and the sweep wakes a worker again. Import this after `config.huey.import_huey_without`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.signing import BadSignature, Signer
from huey import Huey
from huey.api import Task
from huey.exceptions import HueyException
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import PriorityRedisStorage, SqliteStorage

log = logging.getLogger(__name__)

SALT = "darkroom.queue"
MOST_BYTES = 16 * 1024
MOST_DROPPED = 10_000
"""At a time. Then the consumer looks whether it is to stop."""
CARRIED = ("id", "name", "eta", "retries", "retry_delay", "priority", "args", "kwargs", "retry_backoff")
"""What of Huey's message goes along. Darkroom's tasks have no successors, no chords, no time-outs and do not expire."""
PLAIN = (str, int, float, bool, type(None))
Shape = dict[str, tuple[type, ...]]
SHAPE: Shape = {
    "id": (str,),
    "name": (str,),
    "eta": (str, type(None)),
    "retries": (int,),
    "retry_delay": (int, float),
    "priority": (int, float, type(None)),
    "args": (list,),
    "kwargs": (dict,),
    "retry_backoff": (int, float),
}


class Unreadable(Exception):
    """A message that this installation has not written, or of another shape."""


class SignedJson(Serializer):  # type: ignore[misc]
    """Huey's messages and the values that it keeps, as signed JSON. The signature is an HMAC with SHA-256."""

    def __init__(self, secret_key: str) -> None:
        super().__init__()
        self._signer = Signer(key=secret_key, salt=SALT, fallback_keys=[])

    def _serialize(self, data: Any) -> bytes:
        content = {"task": _carried(data)} if isinstance(data, Message) else {"value": data}
        return self._signer.sign_object(content).encode("ascii")

    def _deserialize(self, data: bytes) -> Any:
        """Raises Unreadable."""
        content = self._content(data)
        if "value" in content:
            return content["value"]
        return _message(content.get("task"))

    def _content(self, data: bytes) -> dict[str, Any]:
        if len(data) > MOST_BYTES:
            raise Unreadable
        try:
            content = self._signer.unsign_object(bytes(data).decode("ascii"))
        except (BadSignature, ValueError) as error:
            raise Unreadable from error
        if not isinstance(content, dict):
            raise Unreadable
        return content


class Queue(Huey):  # type: ignore[misc]
    """Drops what cannot be read, a run of such messages with one line in the log, and gives the next one that can."""

    def dequeue(self) -> Task | None:
        dropped = 0
        try:
            while dropped < MOST_DROPPED and (data := self.storage.dequeue()) is not None:
                try:
                    return self.deserialize_task(data)
                except (Unreadable, HueyException):  # the latter for a task that this version does not have
                    dropped += 1
            return None
        finally:
            _tell(dropped)

    def _deserialize_all(self, messages: Iterable[bytes]) -> list[Task]:
        tasks, dropped = [], 0
        for data in messages:
            try:
                tasks.append(self.deserialize_task(data))
            except (Unreadable, HueyException):
                dropped += 1
        _tell(dropped)
        return tasks


class SqliteQueue(Queue):
    storage_class = SqliteStorage


class RedisQueue(Queue):
    storage_class = PriorityRedisStorage


def _carried(message: Message) -> dict[str, Any]:
    """Raises TypeError for what does not go along, so that it shows where the message is written."""
    left = {name: value for name, value in message._asdict().items() if name not in CARRIED and value is not None}
    carried = {name: getattr(message, name) for name in CARRIED}
    carried |= {"args": list(message.args), "eta": message.eta.isoformat() if message.eta else None}
    if left or not _is_shaped(carried):
        raise TypeError(f"{message.name}: the queue carries plain arguments, and nothing else: {left or carried}")
    return carried


def _message(task: Any) -> Message:
    if not isinstance(task, dict) or not _is_shaped(task):
        raise Unreadable
    try:
        eta = datetime.fromisoformat(task["eta"]) if task["eta"] else None
    except ValueError as error:
        raise Unreadable from error
    return Message(**task | {"args": tuple(task["args"]), "eta": eta})


def _is_shaped(task: dict[str, Any]) -> bool:
    return (
        task.keys() == SHAPE.keys()
        and all(isinstance(task[name], kinds) for name, kinds in SHAPE.items())
        and all(isinstance(value, PLAIN) for value in (*task["args"], *task["kwargs"].values()))
    )


def _tell(dropped: int) -> None:
    if dropped:
        log.warning(
            "Messages of the queue that this version has not signed were dropped: %d. Nothing is lost; the sweep rings again.",
            dropped,
        )
