"""What the tests run on: SQLite, Huey on SQLite and the disk; or servers for all three.

`python -m tests.stack [--gateway] [arguments of pytest]` starts PostgreSQL, Redis and an S3 server and runs pytest on them. Each
test, and each installation that a test starts, has a database, a queue and a prefix in the bucket of its own.

The S3 server is rclone's, which keeps objects as files that a test can look at. It does not support CORS, so that no browser may
send to it: `--gateway` takes Ceph's instead.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import cast

import psycopg
import requests
from django.http import HttpResponseBase
from redis import Redis as Client

BUCKET = "darkroom"
TOLD = "TEST_STACK"
TEMPLATE = "prepared"
TABLES = "tables"
"""Names of databases that others are copied from: with the first user, and with no rows but those of the migrations."""
COPY_TABLES = f"""
import psycopg
from django.db import connection
connection.close()
connection.close_pool()
with psycopg.connect({{!r}}, autocommit=True) as server:
    server.execute("CREATE DATABASE {TABLES} TEMPLATE {TEMPLATE}")
"""
_told = json.loads(os.environ.get(TOLD, "{}"))
IS_ON_SERVERS = bool(_told)
PURE = ("tests/pipeline",)
"""Touches neither database, queue nor storage, so it is not collected there; tests/support/server_stack.py finds the others."""


def environment() -> dict[str, str]:
    """The settings that lead to the servers; without them, none are needed. pytest-django makes the database."""
    return _on_servers(_told["postgresql"], prefix="") if IS_ON_SERVERS else {}


def installed(data_dir: Path) -> dict[str, str]:
    """As `environment`, with the tables and the first user there already."""
    if not IS_ON_SERVERS:
        return {}
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(_told["postgresql"], autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}".encode())
    return _on_servers(_told["postgresql"].rpartition("/")[0] + f"/{name}", new_prefix(data_dir))


def new_prefix(data_dir: Path) -> str:
    """A prefix in the bucket. Its objects are files in data_dir/s3, where the server stores them."""
    prefix = f"{uuid.uuid4().hex}/"
    if IS_ON_SERVERS and _told["objects"]:
        objects = Path(_told["objects"]) / BUCKET / prefix
        objects.mkdir(parents=True)
        (data_dir / "s3").symlink_to(objects)
    return prefix


def delivered(response: HttpResponseBase) -> tuple[bytes, Mapping[str, str]]:
    """The bytes and their headers, as a browser gets them: from the disk in the response, from the bucket by a link."""
    if response.status_code == 302:
        answer = requests.get(response["Location"], timeout=60)
        return answer.content, answer.headers
    return b"".join(cast(Iterable[bytes], response)), response.headers


def _on_servers(database: str, prefix: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "REDIS_URL": f"{_told['redis']}/{_next_number()}",
        "S3_ENDPOINT": _told["s3"],
        "S3_REGION": "us-east-1",
        "S3_BUCKET": BUCKET,
        "S3_PREFIX": prefix,
        "S3_ACCESS_KEY": _told["key"],
        "S3_SECRET_KEY": _told["secret"],
        "S3_ADDRESSING": "path",
    }


def _next_number() -> int:
    """Of Redis's databases: one for each installation, for all processes of pytest."""
    with Client.from_url(f"{_told['redis']}/0") as counter:
        return int(counter.incr("installations"))


def main(arguments: list[str]) -> int:
    from tests import installation, servers  # which ask this module where they run

    with ExitStack() as started:
        s3 = started.enter_context(_gateway() if "--gateway" in arguments else _files())
        arguments = [word for word in arguments if word != "--gateway"]
        postgresql, redis = servers.PostgreSQL(), servers.Redis()
        for server in (postgresql, redis):
            started.callback(server.stop)
            server.start()
        services = s3 | {"postgresql": postgresql.url(), "redis": redis.url.rpartition("/")[0]}
        installation.prepare({"DATABASE_URL": postgresql.new_database(TEMPLATE)}, COPY_TABLES.format(postgresql.url()))
        paths = [word for word in arguments if not word.startswith("-") and Path(word.partition("::")[0]).exists()]
        unwanted = [] if paths else [f"--ignore={path}" for path in PURE]
        command = [sys.executable, "-m", "pytest", *unwanted, *arguments]
        return subprocess.run(command, env=os.environ | {TOLD: json.dumps(services)}, check=False).returncode


@contextmanager
def _files() -> Iterator[dict[str, str]]:
    from tests import servers

    with tempfile.TemporaryDirectory(prefix="darkroom-objects-") as objects:
        (Path(objects) / BUCKET).mkdir()
        s3 = servers.S3(Path(objects))
        try:
            s3.start()
            yield {"s3": s3.url, "key": s3.key, "secret": s3.secret, "objects": objects}
        finally:
            s3.stop()


@contextmanager
def _gateway() -> Iterator[dict[str, str]]:
    """Any page may send to its bucket: each installation's has another address."""
    from tests import s3servers

    rgw = s3servers.Rgw()
    try:
        rgw.start()
        rgw.client().create_bucket(Bucket=BUCKET)
        rule = {
            "AllowedOrigins": ["*"],
            "AllowedMethods": ["GET", "PUT", "POST"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
        }
        rgw.client().put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
        yield {"s3": rgw.url, "key": s3servers.ACCESS_KEY, "secret": s3servers.SECRET_KEY, "objects": ""}
    finally:
        rgw.stop()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
