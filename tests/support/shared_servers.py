"""A pytest plugin: one PostgreSQL, one moto and one Ceph gateway for all processes of a run, each started on demand.

pytest's controller starts them, because it outlives the workers of pytest-xdist. Workers request a server through a socket, and
get a copy of the server object with its address. They also share the directory that new installations are copied from.
"""

import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests import installation
from tests.s3servers import Moto, Rgw
from tests.servers import PostgreSQL

KINDS: dict[str, Callable[[], "Server"]] = {"postgresql": PostgreSQL, "moto": Moto, "rgw": Rgw}
ADDRESS = "shared_servers"
START_SECONDS = 120
MoreTime = Callable[[float], None]


class Server(Protocol):
    """A server. The pickled object describes a server that another process runs."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Keeper:
    """Starts each server once, and stops all of them at the end."""

    def __init__(self) -> None:
        self._started: dict[str, Server] = {}
        # One thread per kind, which lives as long as its server: the kernel ends a server with the thread that started it.
        self._threads = {kind: ThreadPoolExecutor(1, f"starts {kind}") for kind in KINDS}
        self._listener: Listener | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="darkroom-servers-")
        os.environ[installation.PREPARED] = self._directory.name

    def server(self, kind: str) -> Any:
        """Return the server; the first call starts it."""
        return self._threads[kind].submit(self._start, kind).result()

    def listen(self) -> str:
        """Return the address of the socket through which other processes request servers."""
        if self._listener is None:
            self._listener = Listener(str(Path(self._directory.name) / "socket"))
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        return str(self._listener.address)

    def close(self) -> None:
        for kind, thread in self._threads.items():
            if kind in self._started:
                thread.submit(self._started[kind].stop).result()
            thread.shutdown()
        if self._listener:
            self._listener.close()
        self._directory.cleanup()

    def _start(self, kind: str) -> Server:
        if kind not in self._started:
            server = KINDS[kind]()
            try:
                server.start()
            except BaseException:
                server.stop()
                raise
            self._started[kind] = server
        return self._started[kind]

    def _accept(self, listener: Listener) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                connection = listener.accept()
                kind = connection.recv()
                self._threads[kind].submit(self._respond, connection, kind)

    def _respond(self, connection: Connection, kind: str) -> None:
        with connection:
            try:
                connection.send(self._start(kind))
            except Exception as error:  # noqa: BLE001 - the requesting test raises it
                connection.send(RuntimeError(f"{kind} does not start: {error}"))


KEEPER = pytest.StashKey[Keeper]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[KEEPER] = Keeper()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist in the controller, before it starts a process."""
    node.workerinput[ADDRESS] = node.config.stash[KEEPER].listen()


def pytest_unconfigure(config: pytest.Config) -> None:
    if keeper := config.stash.get(KEEPER, None):
        keeper.close()


def _server(config: pytest.Config, kind: str) -> Any:
    if keeper := config.stash.get(KEEPER, None):
        return keeper.server(kind)
    with Client(config.workerinput[ADDRESS]) as connection:  # type: ignore[attr-defined]
        connection.send(kind)
        response = connection.recv()
    if isinstance(response, Exception):
        raise response
    return response


@pytest.fixture(scope="session")
def postgresql(pytestconfig: pytest.Config, more_time: MoreTime) -> PostgreSQL:
    """A server shared with other tests. A test that stops PostgreSQL uses `own_postgresql`."""
    more_time(START_SECONDS)
    return _server(pytestconfig, "postgresql")


@pytest.fixture(scope="session")
def moto(pytestconfig: pytest.Config, more_time: MoreTime) -> Moto:
    more_time(START_SECONDS)
    return _server(pytestconfig, "moto")


@pytest.fixture(scope="session")
def rgw(pytestconfig: pytest.Config, more_time: MoreTime) -> Rgw:
    more_time(START_SECONDS)
    return _server(pytestconfig, "rgw")
