"""Attacks on connections, threads and descriptors, directly and behind the proxies of deploy/.

During each attack, other users can sign in, open pages within 2 s and upload, and /healthz responds within 1 s. After it,
connections, memory and disk space are freed.
"""

import os
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from config.server.connections import file_descriptors, lanes
from tests import polling, servers
from tests.deploy import fronts
from tests.deploy.fronts import Caddy, Nginx
from tests.faults import attacks
from tests.faults.attacks import Attack, Target
from tests.faults.response_time import HEALTH_SECONDS, PAGE_SECONDS, ResponseTime
from tests.installation import NAME, PASSWORD, Installation, token
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

NO_TIME_LIMITS = {"WEB_THREADS": "4", "REQUEST_SECONDS": "3600", "BODY_IDLE_SECONDS": "3600"}
"""No time limit ends an attack: other users are served although the attackers stay connected."""
RESPONSE_SECONDS = 120
"""Long enough for a busy machine."""
SPARE_DESCRIPTORS = 10
"""Additional descriptors that may be open after an attack: database connections of threads that started during it."""
DESCRIPTORS_OF_THREADS = file_descriptors.DESCRIPTORS_PER_THREAD * (4 + lanes.MIN_PAGE_THREADS + 2)
"""What threads may have open while they handle requests, with four threads for uploads."""
SPARE_MEMORY = 160 << 20
"""Additional memory that the web process may use: 64 MiB for clients, and the heaps of new threads. 90 MB were measured."""
SMOKE = (attacks.slow_sign_in, attacks.unread_files, attacks.idle_connections)


@dataclass
class Server:
    target: Target
    installation: Installation
    process: str

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = self.target.certificate
        session.headers.update({"Referer": self.target.url, "Connection": "close"})
        address = f"{self.target.url}/accounts/login/"
        session.get(address, timeout=RESPONSE_SECONDS)
        form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token(session)}
        response = session.post(address, form, timeout=RESPONSE_SECONDS, allow_redirects=False)
        assert response.status_code == 302, response.text
        session.headers["X-CSRFToken"] = token(session)
        return session

    def workers(self) -> list[int]:
        """The process IDs of gunicorn's workers."""
        master = self.installation.processes[self.process].pid
        pgrep = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=True, timeout=60)
        return [int(pid) for pid in pgrep.stdout.split()]

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.workers())  # noqa: PTH208

    def memory(self) -> int:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.workers())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stray_files(self) -> int:
        """The number of files in incoming/ that belong to no received upload."""
        [(received,)] = self.installation.ask("SELECT count(*) FROM processing_upload WHERE state = 'received'")
        return sum(path.is_file() for path in (self.installation.data_dir / "incoming").rglob("*")) - received

    def response_times(self) -> list[ResponseTime]:
        """Measures /healthz and a page of another user, now."""
        session, url, certificate = self.session(), self.target.url, self.target.certificate
        return [
            ResponseTime(
                "/healthz",
                HEALTH_SECONDS,
                lambda: requests.get(f"{url}/healthz", verify=certificate, timeout=RESPONSE_SECONDS),
            ),
            ResponseTime("a page", PAGE_SECONDS, lambda: session.get(f"{url}/albums/", timeout=RESPONSE_SECONDS)),
        ]


def target_of(installation: Installation, url: str, certificate: str | bool = True) -> Target:
    session = installation.sign_in()
    page = session.get(f"{installation.url}/albums/", timeout=RESPONSE_SECONDS).text
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert stylesheet
    prefix = "__Host-" if url.startswith("https:") else ""
    return Target(
        url,
        certificate,
        cookies="; ".join(f"{prefix}{name}={value}" for name, value in session.cookies.items()),
        token=session.cookies["csrftoken"],
        album=installation.new_album(session, "The attacker's"),
        static=stylesheet[1],
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("attacked"), NO_TIME_LIMITS) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture(scope="module")
def direct(installation) -> Server:
    return Server(target_of(installation, installation.url), installation, "serve")


@pytest.fixture(scope="module", params=[Nginx, Caddy])
def behind(request, installation, tmp_path_factory) -> Iterator[Server]:
    """A proxy, and behind it a web server of its own that is configured for it."""
    kind, port, upstream = request.param, servers.free_port(), servers.free_port()
    scheme = "https" if kind is Nginx else "http"
    env = {"PORT": str(upstream), "PUBLIC_URL": f"{scheme}://127.0.0.1:{port}", "X_ACCEL": "/files/"}
    installation.start("serve", name=kind.__name__, env=env)
    try:
        polling.until(lambda: fronts.is_responding(upstream), what="the web server behind the proxy does not respond")
        front = kind(tmp_path_factory.mktemp("front"), port, upstream, installation.data_dir)
        try:
            yield Server(target_of(installation, front.url, front.certificate), installation, kind.__name__)
        finally:
            front.stop()
    finally:
        installation.kill(kind.__name__)


def assert_others_are_served(server: Server) -> None:
    """/healthz returns 200; a second user can sign in, open a page, create an album and upload to it."""
    url, timeout = server.target.url, RESPONSE_SECONDS
    health = requests.get(f"{url}/healthz", verify=server.target.certificate, timeout=timeout)
    assert health.status_code == 200
    session = server.session()
    assert session.get(f"{url}/albums/", timeout=timeout).status_code == 200
    created = session.post(f"{url}/albums/new/", {"title": "Another's"}, timeout=timeout, allow_redirects=False)
    assert created.status_code == 302, created.text
    response = session.post(
        f"{url}{created.headers['Location']}uploads/",
        files=[("photos", ("one.jpg", making.jpeg()))],
        headers={"Accept": "application/json"},
        timeout=timeout,
    )
    assert response.status_code == 200, response.text


def assert_served_during_and_clean_after(server: Server, attack: Attack) -> None:
    assert_others_are_served(server)
    response_times, stray_files = server.response_times(), server.stray_files()
    workers, descriptors, memory = server.workers(), server.descriptors(), server.memory()

    with attacks.under(server.target, attack):
        for response_time in response_times:
            response_time.assert_within_limit()
        assert_others_are_served(server)
        assert server.memory() < memory + SPARE_MEMORY

    polling.until(
        lambda: server.descriptors() <= descriptors + SPARE_DESCRIPTORS, what="connections of the attack are still open"
    )
    assert server.workers() == workers
    polling.until(lambda: server.memory() < memory + SPARE_MEMORY, what="memory is not freed")
    polling.until(lambda: server.stray_files() <= stray_files, what="files of the attack are still on the disk")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.smoke if kind in SMOKE else ()) for kind in attacks.KINDS],
    ids=lambda kind: kind.__name__,
)
def test_others_are_served_while_the_server_is_attacked(direct, kind: Callable[[Target], Attack]) -> None:
    assert_served_during_and_clean_after(direct, kind(direct.target))


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in SMOKE else pytest.mark.long) for kind in attacks.KINDS],
    ids=lambda kind: kind.__name__,
)
def test_others_are_served_while_the_proxy_is_attacked(behind, kind: Callable[[Target], Attack]) -> None:
    assert_served_during_and_clean_after(behind, kind(behind.target))


@pytest.fixture
def impatient(tmp_path) -> Iterator[Server]:
    """A server with short time limits, except for uploads: their bodies may take long."""
    with Installation(tmp_path, {"WEB_THREADS": "4", "REQUEST_SECONDS": "2", "BODY_IDLE_SECONDS": "3"}) as installation:
        installation.start("serve")
        yield Server(target_of(installation, installation.url), installation, "serve")


def read_to_end(connection: socket.socket) -> bytes:
    """Return everything that the server sends until it closes the connection; only the attack sends meanwhile."""
    connection.settimeout(RESPONSE_SECONDS)
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


RESPONSE_STARTS = {
    attacks.slow_sign_in: b"HTTP/1.1 408 ",
    attacks.slow_headers: b"",
    attacks.idle_connections: b"",
    attacks.slow_form_with_session: b"HTTP/1.1 408 ",
    attacks.slow_manifest_with_session: b"HTTP/1.1 408 ",
    attacks.slow_chunks_to_sign_in: b"",
    attacks.slow_body_without_session: b"HTTP/1.1 408 ",
    attacks.file_to_sign_in: b"HTTP/1.1 415 ",
    attacks.large_sign_in: b"HTTP/1.1 413 ",
    attacks.health_request_with_a_body: b"HTTP/1.1 413 ",
    attacks.slow_health_request: b"",
    attacks.slow_uploads_without_session: b"HTTP/1.1 401 ",
    attacks.slow_file_forms_without_session: b"HTTP/1.1 302 ",
}
"""The start of the response after which the server closes the connection, although bytes keep arriving."""


def test_every_slow_client_is_disconnected_although_it_keeps_sending(impatient) -> None:
    for kind, start in RESPONSE_STARTS.items():
        with attacks.under(impatient.target, replace(kind(impatient.target), count=3)) as connections:
            assert [read_to_end(connection)[: len(start)] for connection in connections] == [start] * 3, kind.__name__


def test_a_client_that_does_not_read_its_response_is_disconnected(impatient) -> None:
    before = impatient.descriptors()

    with attacks.under(impatient.target, attacks.unread_files(impatient.target)):
        polling.until(
            lambda: impatient.descriptors() <= before + SPARE_DESCRIPTORS,
            what="the server waits for clients that do not read",
        )


def test_the_response_to_a_body_that_the_server_does_not_read_arrives(direct) -> None:
    """The client sends the whole body before it reads the response, as browsers do."""
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(20_000_000)}
    with direct.target.connect() as connection:
        connection.sendall(direct.target.request("POST", "/albums/1/uploads/", headers) + bytes(20_000_000))

        assert read_to_end(connection).startswith(b"HTTP/1.1 302 ")


def test_connections_are_limited_and_idle_ones_are_closed_for_new_ones(tmp_path) -> None:
    with Installation(tmp_path, NO_TIME_LIMITS | {"WEB_CONNECTIONS": "20"}) as installation:
        installation.start("serve")
        server = Server(target_of(installation, installation.url), installation, "serve")
        before = server.descriptors()

        for kind in (attacks.idle_connections, attacks.slow_headers, attacks.unread_files):
            with attacks.under(server.target, kind(server.target)):
                assert_others_are_served(server)
                assert server.descriptors() <= before + 20 * 2 + DESCRIPTORS_OF_THREADS + SPARE_DESCRIPTORS


def test_a_flood_from_one_address_leaves_connections_for_other_addresses(tmp_path) -> None:
    """Another address keeps a connection on which half a request has arrived, and opens new ones."""
    limits = {"WEB_CONNECTIONS": "20", "WEB_ADDRESS_CONNECTIONS": "10"}
    with Installation(tmp_path, NO_TIME_LIMITS | limits) as installation:
        installation.start("serve")
        server = Server(target_of(installation, installation.url), installation, "serve")
        address, source = ("127.0.0.1", installation.port), ("127.0.0.2", 0)
        begun = server.target.request("GET", "/healthz", {"Connection": "close"}).removesuffix(b"\r\n")

        with server.target.connect() as other, ExitStack() as stack:
            other.sendall(begun)
            connections = [stack.enter_context(socket.create_connection(address, 60, source)) for _ in range(100)]
            for connection in connections:
                with suppress(OSError):  # it was closed at once
                    connection.sendall(begun)
            polling.until(lambda: sum(map(_is_open, connections)) <= 10, what="the address has more than its share")
            assert_others_are_served(server)
            other.sendall(b"\r\n")
            assert read_to_end(other).startswith(b"HTTP/1.1 200 ")

        polling.until(lambda: _is_admitted(address, source, begun + b"\r\n"), what="the address stays blocked")


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _is_admitted(address: tuple[str, int], source: tuple[str, int], request: bytes) -> bool:
    with socket.create_connection(address, 60, source) as connection:
        connection.sendall(request)
        return read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_server_out_of_descriptors_waits_for_one_and_keeps_running(tmp_path) -> None:
    with Installation(tmp_path, NO_TIME_LIMITS | {"WEB_CONNECTIONS": "100000"}) as installation:
        installation.start("serve")
        server = Server(target_of(installation, installation.url), installation, "serve")
        assert_others_are_served(server)
        [worker] = server.workers()
        limit = server.descriptors() + 40
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, limit))

        with attacks.under(server.target, attacks.idle_connections(server.target)):
            polling.until(
                lambda: "Can't accept connections" in installation.log.read_text(), what="descriptors do not run out"
            )

        polling.until(
            lambda: server.descriptors() < limit - SPARE_DESCRIPTORS, what="connections of the attack are still open"
        )
        assert_others_are_served(server)
        assert server.workers() == [worker]


def test_the_server_raises_its_descriptor_limit_to_the_hard_limit(tmp_path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with Installation(tmp_path) as installation:
            installation.start("serve")
            server = Server(Target(installation.url), installation, "serve")
            assert {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in server.workers()} == {(hard, hard)}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


MALFORMED_BODIES = (
    b"zz\r\nab\r\n0\r\n\r\n",
    b"-1\r\nab\r\n0\r\n\r\n",
    b"2\r\nabX",
    b"2;\x00\r\nab\r\n0\r\n\r\n",
    b"2\r\nab\r\n0\r\nbad trailer\r\n\r\n",
    b"2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n",
    b"2\r\nab\r\n0\r\nX: \x00\r\n\r\n",
    b"2\r\nab\r\n0\r\nA: b\nC: d\r\n\r\n",
)


@pytest.mark.smoke
@pytest.mark.parametrize("path", ["sign-in", "manifest", "tus", "form"])
def test_a_malformed_chunked_body_closes_the_connection(direct, path) -> None:
    """The bytes that follow the body are not parsed as a request."""
    target = direct.target
    next_request = target.request("GET", "/healthz")
    for chunks in MALFORMED_BODIES:
        request = _chunked_request(direct, path, chunks)  # takes longer than an idle connection stays open
        with target.connect() as connection:
            connection.sendall(request + next_request)

            received = read_to_end(connection)

        assert received.startswith(b"HTTP/1.1 400 "), (chunks, received[:300])
        assert received.count(b"HTTP/1.1 ") == 1, (chunks, received)


def _chunked_request(server: Server, path: str, chunks: bytes) -> bytes:
    target, chunked = server.target, {"Transfer-Encoding": "chunked"}
    match path:
        case "sign-in":
            return target.request("POST", "/accounts/login/", attacks.FORGED_HEADERS | chunked, chunks)
        case "manifest":
            headers = target.signed_in(Content_Type="application/json") | chunked
            return target.request("POST", f"/albums/{target.album}/uploads/manifest/", headers, chunks)
        case "tus":
            album = server.installation.new_album(server.session(), "Of one upload")
            address = server.installation.new_upload(server.session(), album, "one.jpg", 1000)
            headers = target.signed_in(Content_Type="application/offset+octet-stream", Upload_Offset="0") | chunked
            return target.request("PATCH", address.removeprefix(target.url), headers, chunks)
        case _:
            headers = target.signed_in(Content_Type="multipart/form-data; boundary=b") | chunked
            return target.request("POST", f"/albums/{target.album}/uploads/", headers, chunks)


def test_a_well_formed_chunked_body_signs_a_user_in(direct) -> None:
    session = requests.Session()
    address = f"{direct.target.url}/accounts/login/"
    session.get(address, timeout=RESPONSE_SECONDS)
    form = urlencode({"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]})
    headers = {"Content-Type": attacks.FORM}

    signed_in = session.post(address, iter([form[:9].encode(), form[9:].encode()]), headers=headers, timeout=60)
    too_large = session.post(address, iter([bytes(9000)] * 2), headers=headers, timeout=60)

    assert (signed_in.url, signed_in.status_code) == (f"{direct.target.url}/albums/", 200)
    assert too_large.status_code == 413


@pytest.mark.parametrize("chunks", [b"", b"5\r\nab", b"1" * 5000, b"F" * 16 + b"\r\n", b"0\r\n" + b"a" * 7000])
def test_incomplete_chunked_bodies_do_not_delay_other_clients(direct, chunks) -> None:
    headers = attacks.FORGED_HEADERS | {"Transfer-Encoding": "chunked"}
    with attacks.under(
        direct.target, Attack(direct.target.request("POST", "/accounts/login/", headers, chunks), count=20)
    ):
        test_a_well_formed_chunked_body_signs_a_user_in(direct)


def test_incomplete_manifests_do_not_keep_a_user_from_sending_one(direct) -> None:
    files = [{"name": f"{number}.jpg", "size": 1, "sha256": "0" * 64} for number in range(2000)]
    headers = {"Content-Type": "application/json", "Content-Length": str(3 << 20)}
    incomplete = direct.target.request(
        "POST", f"/albums/{direct.target.album}/uploads/manifest/", headers, b" " * 200_000
    )
    with attacks.under(direct.target, Attack(incomplete, count=200)):
        response = direct.session().post(
            f"{direct.target.url}/albums/{direct.target.album}/uploads/manifest/",
            json={"files": files},
            timeout=RESPONSE_SECONDS,
        )

    assert response.status_code == 200, response.text[:300]


def test_a_client_that_expects_100_continue_receives_it(direct) -> None:
    headers = attacks.FORGED_HEADERS | {"Content-Length": "3", "Expect": "100-continue", "Connection": "close"}
    with direct.target.connect() as connection:
        connection.sendall(direct.target.request("POST", "/accounts/login/", headers))
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"a=b")

        assert read_to_end(connection).startswith(b"HTTP/1.1 403 ")


def test_an_incomplete_body_is_rejected(direct) -> None:
    headers = attacks.FORGED_HEADERS | {"Content-Length": "30"}
    with direct.target.connect() as connection:
        connection.sendall(direct.target.request("POST", "/accounts/login/", headers, b"username=bob"))
        connection.shutdown(socket.SHUT_WR)

        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
