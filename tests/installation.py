"""A whole Darkroom of its own: real processes on a free port, with data in a directory of its own.

with Installation(tmp_path) as installation:
    installation.start("serve")
    installation.start("run_huey")
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")
    installation.send(session, album, {"one.jpg": content})
"""

import atexit
import base64
import fcntl
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
import requests

from tests import polling, servers, stack
from tests.support import processes

MANAGE = Path(__file__).parent.parent / "manage.py"
NAME, PASSWORD = "owner", "a fine password"
MIGRATE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""
CREATE_FIRST_USER = f"""
from django.contrib.auth.models import User
User.objects.create_superuser({NAME!r}, "owner@example.com", {PASSWORD!r})
"""
COLLECT_STATIC_FILES = """
call_command("collectstatic", interactive=False, verbosity=0)
"""
COPY_TABLES = """
import shutil
from django.db import connection
connection.close()
shutil.copy(connection.settings_dict["NAME"], {!r})
"""
PREPARED = "DARKROOM_TESTS_PREPARED"
"""Names a directory that all processes of a run share."""
JSON = {"Accept": "application/json"}
UNDONE = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"


def token(session: requests.Session) -> str:
    """Against forged requests. Behind TLS the name of its cookie begins with __Host-."""
    [token] = [cookie.value for cookie in session.cookies if cookie.name.endswith("csrftoken")]
    return token or ""


class Installation:
    def __init__(self, tmp_path: Path, env: Mapping[str, str] | None = None) -> None:
        self.data_dir = tmp_path / "installation"
        self.port = servers.free_port()
        self.url = f"http://{servers.HOST}:{self.port}"
        self.log = tmp_path / "installation.log"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own_settings = {
            "HOST": servers.HOST,
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "MEMORY_MARK": "100",
        }
        self._told = dict(env or {})
        self._env = _without_settings(os.environ) | own_settings | self._told

    def __enter__(self) -> "Installation":
        shutil.copytree(_prepared(), self.data_dir, dirs_exist_ok=True)
        self._env = stack.installed(self.data_dir) | self._env
        if "DATABASE_URL" in self._told:
            self.manage("shell", "--no-imports", "-c", MIGRATE + CREATE_FIRST_USER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_all()
        if error and self.log.exists():
            sys.stdout.write(self.log.read_text(errors="replace")[-10_000:])

    def start(
        self, command: str, name: str = "", env: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start `manage.py serve`, `run_huey` or `run`; what serves is waited for. Several workers need several names."""
        with self.log.open("ab") as log:
            process = processes.start(
                [sys.executable, "-u", str(MANAGE), command, *arguments],
                env=self._env | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name or command] = process
        if command in ("serve", "run"):
            polling.until(lambda: self._answers_to(process), 120, f"{command} does not answer")
        return process

    def _answers_to(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, f"it ended at once, with status {process.returncode}"
        return self.answers()

    @contextmanager
    def background(self, code: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs this Python as long as the context lasts."""
        with self.log.open("ab") as log:
            process = processes.start([sys.executable, str(MANAGE), "shell", "-c", code], env=self._env, stderr=log)
        try:
            yield process
        finally:
            processes.kill(process)

    def stop(self, name: str, sign: signal.Signals = signal.SIGTERM, seconds: float = 120) -> int:
        """Ask it to end, and return its exit status."""
        process = self.processes[name]  # which stays there, to be killed, if it does not end
        process.send_signal(sign)
        status = process.wait(seconds)
        del self.processes[name]
        return status

    def kill(self, name: str) -> None:
        """SIGKILL for it and all its children, as when the power fails."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(processes.END_SECONDS)

    def kill_all(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def manage(
        self, *arguments: str, env: Mapping[str, str] | None = None, status: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, which must have this exit status; None takes any."""
        done = subprocess.run(
            [sys.executable, str(MANAGE), *arguments],
            env=self._env | dict(env or {}),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert status in (None, done.returncode), done.stdout + done.stderr
        return done

    def change(self, sql: str) -> None:
        """Run a statement that changes rows, without a process of Darkroom."""
        if url := self._env.get("DATABASE_URL"):
            with psycopg.connect(url, connect_timeout=60) as postgresql:
                postgresql.execute(sql.encode())
            return
        with closing(sqlite3.connect(self.data_dir / "db.sqlite3", timeout=60)) as sqlite, sqlite:
            sqlite.execute(sql)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, without a process of Darkroom."""
        if url := self._env.get("DATABASE_URL"):
            with psycopg.connect(url, connect_timeout=60) as postgresql:
                return postgresql.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(f"file:{self.data_dir}/db.sqlite3?mode=ro", timeout=60, uri=True)) as sqlite:
            return sqlite.execute(sql).fetchall()

    def answers(self) -> bool:
        return requests.get(f"{self.url}/healthz", timeout=20).ok

    def status(self) -> dict[str, Any]:
        """Return what `manage.py queue_status --json` prints."""
        status: dict[str, Any] = json.loads(self.manage("queue_status", "--json").stdout)
        return status

    def wait_until_idle(self, seconds: float = 240) -> dict[str, Any]:
        """Wait until no job is pending or in work; the status then."""

        def idle() -> dict[str, Any] | None:
            if self.ask(UNDONE) != [(0,)]:  # costs less than the command
                return None
            status = self.status()
            return None if status["jobs"]["pending"] or status["jobs"]["processing"] else status

        return polling.until(idle, seconds, "the queue does not run empty") or {}

    def sign_in(self, name: str = NAME, password: str = PASSWORD) -> requests.Session:
        session = requests.Session()
        session.headers["Connection"] = (
            "close"  # a connection that is used again just when the server closes it is reset
        )
        page = session.get(f"{self.url}/accounts/login/", timeout=60)
        form = {"username": name, "password": password, "csrfmiddlewaretoken": _token(page)}
        answer = session.post(f"{self.url}/accounts/login/", form, timeout=60, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return session

    def new_album(self, session: requests.Session, title: str) -> int:
        """Its id."""
        address = f"{self.url}/albums/new/"
        form = {"title": title, "csrfmiddlewaretoken": _token(session.get(address, timeout=60))}
        answer = session.post(address, form, timeout=60, allow_redirects=False)
        match = re.fullmatch(r"/albums/(\d+)/", answer.headers.get("Location", ""))
        assert match, answer.text
        return int(match[1])

    def send(
        self,
        session: requests.Session,
        album: int,
        files: Mapping[str, bytes],
        timeout: float = 240,
        token: uuid.UUID | None = None,
    ) -> requests.Response:
        """Send files by the plain form, as a program does. The token is that of the form, as a browser sends it."""
        return session.post(
            f"{self.url}/albums/{album}/uploads/",
            params={"form": str(token)} if token else None,
            files=[("photos", (name, content)) for name, content in files.items()],
            headers={"X-CSRFToken": session.cookies["csrftoken"], "Origin": self.url, **JSON},
            timeout=timeout,
        )

    def new_upload(self, session: requests.Session, album: int, name: str, size: int) -> str:
        """The address of an upload that is expected, as tus creates it."""
        answer = session.post(
            f"{self.url}/albums/{album}/uploads/tus/",
            headers={
                "X-CSRFToken": session.cookies["csrftoken"],
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(size),
                "Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}",
            },
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def delete_album(self, session: requests.Session, album: int) -> requests.Response:
        """Move it to the trash, unless it is in it, delete it permanently, and return the response."""
        form = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
        for step in ("delete", "delete-permanently"):
            answer = session.post(f"{self.url}/albums/{album}/{step}/", form, timeout=60, allow_redirects=False)
        return answer


def _prepared() -> Path:
    """Static files, a migrated SQLite and a user: copied for each installation."""
    return _prepared_directory() / "data"


def migrated_database() -> Path:
    """An SQLite with all tables and no rows but those of the migrations."""
    return _prepared_directory() / "tables.sqlite3"


@cache
def _prepared_directory() -> Path:
    """What is copied, made once for all processes of a run."""
    directory = Path(os.environ.get(PREPARED) or _temporary_directory())
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "data").exists():
            draft = directory / f"draft-{uuid.uuid4().hex}"
            prepare({"DATA_DIR": str(draft)}, COPY_TABLES.format(str(directory / "tables.sqlite3")))
            draft.rename(directory / "data")
    return directory


def _temporary_directory() -> str:
    directory = tempfile.TemporaryDirectory(prefix="darkroom-prepared-")
    atexit.register(directory.cleanup)
    return directory.name


def prepare(env: Mapping[str, str], between: str = "") -> None:
    """Migrate, run the code `between`, create the first user and collect the static files, in one process."""
    with tempfile.TemporaryDirectory() as elsewhere:
        env = _without_settings(os.environ) | {"DATA_DIR": elsewhere} | dict(env)
        code = MIGRATE + between + CREATE_FIRST_USER + COLLECT_STATIC_FILES
        command = [sys.executable, str(MANAGE), "shell", "--no-imports", "-c", code]
        subprocess.run(command, env=env, check=True, timeout=240)


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the developer's shell sets is not what the test means."""
    inherited = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    return {name: environment[name] for name in inherited if name in environment}


def _token(page: requests.Response) -> str:
    match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert match, page.text
    return match[1]
