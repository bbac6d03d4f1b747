import json
import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.signing import Signer
from huey import SqliteHuey
from huey.consumer import Consumer
from huey.contrib.djhuey import HUEY
from huey.registry import Message
from huey.serializer import SignedSerializer

from config.huey_messages import SALT, Unreadable
from processing import tasks

PROJECT = Path(__file__).parents[2]
CODE = """
import sys
import django
django.setup()
import config.urls
import huey.contrib.djhuey
print([name for name in ("redis", "psycopg") if name in sys.modules])
"""
SERVERS = {"DATABASE_URL": "postgresql://nowhere.invalid/darkroom", "REDIS_URL": "redis://nowhere.invalid"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("names", "loaded"),
    [((), []), (("REDIS_URL",), ["redis"]), (("DATABASE_URL",), ["psycopg"]), (SERVERS, ["redis", "psycopg"])],
    ids=["neither", "Redis", "PostgreSQL", "both"],
)
def test_redis_and_psycopg_are_loaded_only_if_they_are_used(names, loaded, tmp_path):
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    env |= {name: SERVERS[name] for name in names}

    completed = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (completed.stdout, completed.stderr) == (f"{loaded}\n", "")


WORKER = """
import sys
import django
django.setup()
import processing.tasks
print([name for name in ("PIL", "boto3", "cryptography", "fido2", "jwt", "requests", "config.urls") if name in sys.modules])
import config.urls
print([name for name in ("PIL", "boto3", "jwt", "requests") if name in sys.modules])
"""


@pytest.mark.once
def test_neither_a_worker_nor_the_web_server_loads_modules_that_it_does_not_use(tmp_path):
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}

    completed = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (completed.stdout, completed.stderr) == ("[]\n[]\n", "")


MESSAGE: Any = (
    "id",
    "processing.tasks.develop_next",
    None,
    0,
    0,
    None,
    (7,),
    {},
    None,
    None,
    None,
    None,
    None,
    None,
    0,
)
DROPPED = "Dropped queue messages without a valid signature: "


class Trap:
    """An object that creates a directory when its pickle is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def runs(monkeypatch):
    """One entry for each time that the worker's task was run."""
    ids = []
    monkeypatch.setattr("processing.tasks.worker.rest_if_drained", lambda: ids.append("ran") or True)
    return ids


def sign(content, key=None) -> bytes:
    return Signer(key=key or settings.SECRET_KEY, salt=SALT, fallback_keys=[]).sign_object(content).encode()


def task(**fields):
    return {
        "id": "x",
        "name": HUEY._registry.task_to_string(tasks.develop_next.task_class),
        "eta": None,
        "retries": 0,
        "retry_delay": 0,
        "priority": None,
        "args": [7],
        "kwargs": {},
        "retry_backoff": 0,
    } | fields


def test_a_task_keeps_its_arguments_and_schedule_in_the_queue():
    tasks.develop_next(7)
    tasks.develop_next.schedule((8,), delay=3600)
    tasks.hand_over("upload")

    hand_over, develop, scheduled, no_task = (HUEY.dequeue() for _ in range(4))
    HUEY.add_schedule(scheduled)
    (due,) = HUEY.read_schedule(datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=2))

    assert [(task.name, task.args, task.eta) for task in (hand_over, develop)] == [
        ("hand_over", ("upload",), None),
        ("develop_next", (7,), None),
    ]
    assert (due.name, due.args, due.eta, no_task) == ("develop_next", (8,), scheduled.eta, None)
    assert scheduled.eta is not None


def test_messages_in_the_queue_are_signed_json():
    tasks.develop_next(7)

    data = HUEY.storage.dequeue()

    content = Signer(key=settings.SECRET_KEY, salt=SALT, fallback_keys=[]).unsign_object(data.decode())
    assert content == {"task": task(id=content["task"]["id"])}


@pytest.mark.parametrize(
    "forged",
    [
        lambda path: pickle.dumps(Trap(path)),
        lambda path: SignedSerializer(secret=settings.SECRET_KEY, salt="darkroom.bell").serialize(Trap(path)),
        lambda path: SignedSerializer(secret=settings.SECRET_KEY, salt=SALT).serialize(Trap(path)),
        lambda path: sign({"task": task()}, key="another installation's"),
        lambda path: sign({"task": task()})[:-1] + b"?",
        lambda path: sign({"task": task(name="os.system")}),
        lambda path: sign({"task": task(name="processing.tasks.worker.stop")}),
        lambda path: sign({"task": task(args=[["nested"]])}),
        lambda path: sign({"task": task(args={"a": 1})}),
        lambda path: sign({"task": task(eta="soon")}),
        lambda path: sign({"task": task(more="fields")}),
        lambda path: sign({"task": None}),
        lambda path: sign({}),
        lambda path: sign([]),
        lambda path: json.dumps({"task": task()}).encode(),
        lambda path: b"",
        lambda path: b"\xff" * 100,
        lambda path: b"x" * 1_000_000,
    ],
)
def test_messages_without_a_valid_signature_are_dropped_unread_and_logged(forged, tmp_path, caplog):
    for _ in range(3):
        HUEY.storage.enqueue(forged(tmp_path / "trap"))
    HUEY.storage.add_to_schedule(forged(tmp_path / "trap"), datetime.now(UTC).replace(tzinfo=None))
    tasks.develop_next(7)

    received = HUEY.dequeue()
    no_task = HUEY.dequeue()
    scheduled = HUEY.read_schedule(datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1))

    assert (received.args, no_task, scheduled) == ((7,), None, [])
    assert not (tmp_path / "trap").exists()
    assert [DROPPED in line for line in caplog.messages] == [True, True]


def test_a_worker_continues_after_messages_of_an_older_version(runs, db):
    HUEY.storage.enqueue(
        SignedSerializer(secret=settings.SECRET_KEY, salt="darkroom.bell").serialize(Message(*MESSAGE))
    )
    tasks.develop_next(7)

    Consumer(HUEY, workers=1)._create_worker().loop()

    assert runs == ["ran"]


def test_an_older_worker_rejects_messages_of_this_version_and_continues():
    """An older version reads signed pickles, and drops messages that it cannot read."""
    tasks.develop_next(7)
    older_huey = SqliteHuey(
        serializer=SignedSerializer(secret=settings.SECRET_KEY, salt="darkroom.bell"), filename=":memory:"
    )

    with pytest.raises(ValueError, match="mismatch"):  # its consumer logs the error
        older_huey.deserialize_task(HUEY.storage.dequeue())


def test_arguments_that_are_not_plain_are_rejected_when_a_task_is_sent():
    for arguments in ([Path("x")], [{"a": 1}], [b"x"]):
        with pytest.raises(TypeError, match="plain arguments"):
            tasks.develop_next.huey.enqueue(tasks.develop_next.s(*arguments))


def test_values_stored_by_huey_are_signed_too():
    HUEY.put("key", {"plain": [1, 2.5, None]})

    assert b"plain" not in HUEY.storage.peek_data("key")
    assert HUEY.get("key") == {"plain": [1, 2.5, None]}
    HUEY.storage.put_data("key", pickle.dumps("value"))
    with pytest.raises(Unreadable):
        HUEY.get("key")
