"""The queue's messages: signed JSON of a fixed shape, so that write access to the queue's database does not permit running code.

The key is derived from SECRET_KEY. Messages without a valid signature are dropped before they are parsed: pickles of an older
version, messages of an installation with another key, and forged ones. No work is lost, because the job's state is in its row and
the sweep wakes up a worker again. Import this module after calling `config.huey.import_huey_without`.
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
MAX_MESSAGE_BYTES = 16 * 1024
MAX_DROPPED = 10_000
"""Maximum per call of dequeue(). After it the consumer checks whether it has to stop."""
STORED_FIELDS = ("id", "name", "eta", "retries", "retry_delay", "priority", "args", "kwargs", "retry_backoff")
"""The stored fields of Huey's message. Darkroom's tasks have no successors, chords, timeouts or expiry."""
PLAIN_TYPES = (str, int, float, bool, type(None))
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
    """The message was not signed by this installation, or has another shape."""


class SignedJson(Serializer):  # type: ignore[misc]
    """Serializes Huey's messages and stored values as signed JSON. The signature is an HMAC with SHA-256."""

    def __init__(self, secret_key: str) -> None:
        super().__init__()
        self._signer = Signer(key=secret_key, salt=SALT, fallback_keys=[])

    def _serialize(self, data: Any) -> bytes:
        content = {"task": _stored_fields(data)} if isinstance(data, Message) else {"value": data}
        return self._signer.sign_object(content).encode("ascii")

    def _deserialize(self, data: bytes) -> Any:
        """Raises Unreadable."""
        content = self._content(data)
        if "value" in content:
            return content["value"]
        return _message(content.get("task"))

    def _content(self, data: bytes) -> dict[str, Any]:
        if len(data) > MAX_MESSAGE_BYTES:
            raise Unreadable
        try:
            content = self._signer.unsign_object(bytes(data).decode("ascii"))
        except (BadSignature, ValueError) as error:
            raise Unreadable from error
        if not isinstance(content, dict):
            raise Unreadable
        return content


class Queue(Huey):  # type: ignore[misc]
    """A queue that drops unreadable messages, with one log line per run of them, and returns the next readable one."""

    def dequeue(self) -> Task | None:
        dropped = 0
        try:
            while dropped < MAX_DROPPED and (data := self.storage.dequeue()) is not None:
                try:
                    return self.deserialize_task(data)
                except (Unreadable, HueyException):  # HueyException: the task does not exist in this version
                    dropped += 1
            return None
        finally:
            _log_dropped(dropped)

    def _deserialize_all(self, messages: Iterable[bytes]) -> list[Task]:
        tasks, dropped = [], 0
        for data in messages:
            try:
                tasks.append(self.deserialize_task(data))
            except (Unreadable, HueyException):
                dropped += 1
        _log_dropped(dropped)
        return tasks


class SqliteQueue(Queue):
    storage_class = SqliteStorage


class RedisQueue(Queue):
    storage_class = PriorityRedisStorage


def _stored_fields(message: Message) -> dict[str, Any]:
    """Returns the stored fields of a message. Raises TypeError for unsupported content, so that sending it fails."""
    unsupported = {
        name: value for name, value in message._asdict().items() if name not in STORED_FIELDS and value is not None
    }
    fields = {name: getattr(message, name) for name in STORED_FIELDS}
    fields |= {"args": list(message.args), "eta": message.eta.isoformat() if message.eta else None}
    if unsupported or not _has_shape(fields):
        raise TypeError(f"{message.name}: the queue carries plain arguments, and nothing else: {unsupported or fields}")
    return fields


def _message(task: Any) -> Message:
    if not isinstance(task, dict) or not _has_shape(task):
        raise Unreadable
    try:
        eta = datetime.fromisoformat(task["eta"]) if task["eta"] else None
    except ValueError as error:
        raise Unreadable from error
    return Message(**task | {"args": tuple(task["args"]), "eta": eta})


def _has_shape(task: dict[str, Any]) -> bool:
    return (
        task.keys() == SHAPE.keys()
        and all(isinstance(task[name], kinds) for name, kinds in SHAPE.items())
        and all(isinstance(value, PLAIN_TYPES) for value in (*task["args"], *task["kwargs"].values()))
    )


def _log_dropped(dropped: int) -> None:
    if dropped:
        log.warning(
            "Dropped queue messages without a valid signature: %d. No job is lost; the sweep wakes a worker.",
            dropped,
        )
