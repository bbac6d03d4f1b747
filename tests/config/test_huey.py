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
def test_only_the_servers_that_are_set_cost_memory(names, loaded, tmp_path):
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    env |= {name: SERVERS[name] for name in names}

    ended = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == (f"{loaded}\n", "")


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
def test_a_worker_loads_no_pages_and_neither_process_loads_decoders_or_clients_that_it_does_not_use(tmp_path):
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("[]\n[]\n", "")


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
    """A pickle of this makes the folder that it names, when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def ran(monkeypatch):
    """The job ids with which the worker's task was run."""
    ids = []
    monkeypatch.setattr("processing.tasks.worker.rest_if_drained", lambda: ids.append("ran") or True)
    return ids


def signed(content, key=None) -> bytes:
    return Signer(key=key or settings.SECRET_KEY, salt=SALT, fallback_keys=[]).sign_object(content).encode()


def task(**other):
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
    } | other


def test_a_bell_goes_through_the_queue_as_it_was_rung():
    tasks.develop_next(7)
    tasks.develop_next.schedule((8,), delay=3600)
    tasks.hand_over("upload")

    handed, rung, later, nothing = (HUEY.dequeue() for _ in range(4))
    HUEY.add_schedule(later)
    (due,) = HUEY.read_schedule(datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=2))

    assert [(each.name, each.args, each.eta) for each in (handed, rung)] == [
        ("hand_over", ("upload",), None),
        ("develop_next", (7,), None),
    ]
    assert (due.name, due.args, due.eta, nothing) == ("develop_next", (8,), later.eta, None)
    assert later.eta is not None


def test_what_lies_in_the_queue_is_signed_json():
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
        lambda path: signed({"task": task()}, key="another installation's"),
        lambda path: signed({"task": task()})[:-1] + b"?",
        lambda path: signed({"task": task(name="os.system")}),
        lambda path: signed({"task": task(name="processing.tasks.worker.stop")}),
        lambda path: signed({"task": task(args=[["nested"]])}),
        lambda path: signed({"task": task(args={"a": 1})}),
        lambda path: signed({"task": task(eta="soon")}),
        lambda path: signed({"task": task(more="fields")}),
        lambda path: signed({"task": None}),
        lambda path: signed({}),
        lambda path: signed([]),
        lambda path: json.dumps({"task": task()}).encode(),
        lambda path: b"",
        lambda path: b"\xff" * 100,
        lambda path: b"x" * 1_000_000,
    ],
)
def test_what_this_version_has_not_signed_is_dropped_unread_with_one_line(forged, tmp_path, caplog):
    for _ in range(3):
        HUEY.storage.enqueue(forged(tmp_path / "trap"))
    HUEY.storage.add_to_schedule(forged(tmp_path / "trap"), datetime.now(UTC).replace(tzinfo=None))
    tasks.develop_next(7)

    heard = HUEY.dequeue()
    nothing = HUEY.dequeue()
    later = HUEY.read_schedule(datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1))

    assert (heard.args, nothing, later) == ((7,), None, [])
    assert not (tmp_path / "trap").exists()
    assert [DROPPED in line for line in caplog.messages] == [True, True]


def test_a_worker_goes_on_behind_messages_of_an_older_version(ran, db):
    HUEY.storage.enqueue(
        SignedSerializer(secret=settings.SECRET_KEY, salt="darkroom.bell").serialize(Message(*MESSAGE))
    )
    tasks.develop_next(7)

    Consumer(HUEY, workers=1)._create_worker().loop()

    assert ran == ["ran"]


def test_a_worker_of_an_older_version_goes_on_behind_ours():
    """It reads signed pickles: what it cannot read it drops as well."""
    tasks.develop_next(7)
    old = SqliteHuey(serializer=SignedSerializer(secret=settings.SECRET_KEY, salt="darkroom.bell"), filename=":memory:")

    with pytest.raises(ValueError, match="mismatch"):  # its consumer writes that into its log
        old.deserialize_task(HUEY.storage.dequeue())


def test_what_the_queue_does_not_carry_is_refused_where_it_is_sent():
    for arguments in ([Path("x")], [{"a": 1}], [b"x"]):
        with pytest.raises(TypeError, match="plain arguments"):
            tasks.develop_next.huey.enqueue(tasks.develop_next.s(*arguments))


def test_values_that_huey_keeps_are_signed_too():
    HUEY.put("key", {"plain": [1, 2.5, None]})

    assert b"plain" not in HUEY.storage.peek_data("key")
    assert HUEY.get("key") == {"plain": [1, 2.5, None]}
    HUEY.storage.put_data("key", pickle.dumps("value"))
    with pytest.raises(Unreadable):
        HUEY.get("key")
