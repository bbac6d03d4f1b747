"""Real servers for tests: PostgreSQL, Redis, an S3 server and nginx, each with its own data on a port of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psycopg

from tests import polling
from tests.support import ports, processes

HOST = os.environ.get("HOST", "127.0.0.1")
START_SECONDS = 120
"""Time limit for a server's response, on a busy machine."""


def free_port() -> int:
    """Return a free port, reserved for this process of tests."""
    return ports.reserve(HOST)


class PostgreSQL:
    """A cluster of its own, without fsync. Root cannot run one, so root lets `postgres` do it."""

    def __init__(self) -> None:
        self.port = free_port()
        # Not below pytest's tmp_path, which other users may not enter.
        self._directory = Path(tempfile.mkdtemp(prefix="darkroom-pg-"))
        self._user = "postgres" if os.geteuid() == 0 else ""
        self._process: subprocess.Popen[bytes] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process of tests needs to know of the server."""
        return self.__dict__ | {"_process": None}

    @property
    def log(self) -> Path:
        """Each line names its database."""
        return self._directory / "log"

    def start(self) -> None:
        if self._user:
            shutil.chown(self._directory, self._user)
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", "darkroom", *self._data()
        )
        self._serve()

    def restart(self) -> None:
        """Every connection is cut at once."""
        self._end()
        self._serve()

    def new_database(self, name: str = "") -> str:
        """Its URL, for DATABASE_URL."""
        name = name or f"darkroom{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str = "postgres") -> str:
        return f"postgres://darkroom@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _serve(self) -> None:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "400",
            "log_line_prefix": "%m [%p] %d ",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = processes.start(
                [_postgres_program("postgres"), *self._data(), *options],
                user=self._user,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        polling.until(self._answers, START_SECONDS, "PostgreSQL does not answer")

    def _end(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once, but its backends too
            self._process.wait(processes.END_SECONDS)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        try:
            psycopg.connect(self.url(), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def _data(self) -> list[str]:
        return ["-D", str(self._directory / "data")]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [_postgres_program(program), *arguments],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=START_SECONDS,
            user=self._user or None,
            extra_groups=[] if self._user else None,
        )


def _postgres_program(name: str) -> str:
    """Debian keeps them off the PATH, by version."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    executable = str(installed[-1]) if installed else shutil.which(name)
    assert executable, f"{name} is not installed; tests/tools/install does that"
    return executable


class Redis:
    """In memory alone, gone when it stops."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": "10000"}
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = processes.start(["redis-server", *arguments], stdout=subprocess.DEVNULL, cwd="/tmp")
        polling.until(self._answers, START_SECONDS, "Redis does not answer")

    def stop(self) -> None:
        processes.kill(self._process)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")


class S3:
    """rclone's: it checks signatures, and keeps each object as a plain file below the directory, `<bucket>/<key>`."""

    key, secret = "darkroom", "a key for tests"

    def __init__(self, directory: Path) -> None:
        self._directory, self._port = directory, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        listen = ["--addr", f"127.0.0.1:{self._port}", "--auth-key", f"{self.key},{self.secret}"]
        fresh = ["--dir-cache-time", "1ms", "--vfs-cache-mode", "off"]  # tests change files behind its back
        program = Path(sys.executable).with_name("rclone")
        self._process = processes.start(
            [program, "serve", "s3", *listen, *fresh, "--config", "", self._directory],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        polling.until(self._answers, START_SECONDS, "rclone does not answer")

    def stop(self) -> None:
        processes.kill(self._process)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), timeout=10):
            return True


class Nginx:
    """A proxy in front of a server, configured by the lines that a test adds. `host` is the name that it passes on."""

    def __init__(
        self,
        directory: Path,
        upstream: str,
        lines: str = "",
        location: str = "",
        *,
        host: str = "$http_host",
        listen: str = "",
    ) -> None:
        self.port = free_port()
        self.url = f"{'https' if 'ssl' in listen else 'http'}://{HOST}:{self.port}"
        self._host, self._listen = host, listen
        self.directory = directory
        directory.mkdir(parents=True)
        (directory / "nginx.conf").write_text(self._configuration(upstream, lines, location))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Nginx":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-p", str(self.directory), "-e", "error.log", "-c", "nginx.conf"]
        self._process = processes.start(command, stdin=subprocess.DEVNULL)
        try:
            polling.until(self._answers, START_SECONDS, "nginx does not answer")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        processes.stop(self._process)

    def _answers(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=10):
            return True

    def _configuration(self, upstream: str, lines: str, location: str) -> str:
        rooms = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "\n".join(f"{room}_temp_path {self.directory / room};" for room in rooms)
        return f"""
            daemon off; master_process off; pid nginx.pid; {"user root;" if os.geteuid() == 0 else ""}
            events {{ }}
            http {{
                access_log off;
                {paths}
                server {{
                    listen {HOST}:{self.port} {self._listen};
                    {lines}
                    location / {{
                        proxy_pass {upstream};
                        proxy_set_header Host {self._host};
                        proxy_set_header X-Forwarded-Proto $scheme;
                        {location}
                    }}
                }}
            }}
        """
