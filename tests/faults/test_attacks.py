"""Attacks on connections, threads and descriptors, directly and behind the proxies of deploy/.

While each lasts, others sign in, look at pages and upload, and /healthz answers. Afterwards nothing is left of it.
"""

import os
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from tests import polling, servers
from tests.deploy import fronts
from tests.deploy.fronts import Caddy, Nginx
from tests.faults import attacks
from tests.faults.attacks import Attack, Target
from tests.installation import NAME, PASSWORD, Installation, token
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

ENDLESS = {"WEB_THREADS": "4", "REQUEST_SECONDS": "3600", "BODY_IDLE_SECONDS": "3600"}
"""No time limit ends an attack: that others are served does not come from hanging up on the attackers."""
ANSWER_SECONDS = 120
"""For a machine that does much else."""
SPARE = 10
"""Descriptors that may be open afterwards which were not before: connections to the database, of threads that began meanwhile."""
MORE_MEMORY = 160 << 20
"""Of the web process: it may hold 64 MiB for clients, and threads that began keep their heaps. 90 MB were measured."""
SMOKE = (attacks.slow_sign_in, attacks.who_reads_no_file, attacks.silent_lines)


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
        session.get(address, timeout=ANSWER_SECONDS)
        form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token(session)}
        answer = session.post(address, form, timeout=ANSWER_SECONDS, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        session.headers["X-CSRFToken"] = token(session)
        return session

    def workers(self) -> list[int]:
        """gunicorn's processes that answer."""
        master = self.installation.processes[self.process].pid
        told = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=True, timeout=60)
        return [int(word) for word in told.stdout.split()]

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.workers())  # noqa: PTH208

    def memory(self) -> int:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.workers())
        return pages * os.sysconf("SC_PAGE_SIZE")


def target_of(installation: Installation, url: str, certificate: str | bool = True) -> Target:
    session = installation.sign_in()
    page = session.get(f"{installation.url}/albums/", timeout=ANSWER_SECONDS).text
    found = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert found
    prefix = "__Host-" if url.startswith("https:") else ""
    return Target(
        url,
        certificate,
        cookies="; ".join(f"{prefix}{name}={value}" for name, value in session.cookies.items()),
        token=session.cookies["csrftoken"],
        album=installation.new_album(session, "The attacker's"),
        static=found[1],
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("attacked"), ENDLESS) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture(scope="module")
def direct(installation) -> Server:
    return Server(target_of(installation, installation.url), installation, "serve")


@pytest.fixture(scope="module", params=[Nginx, Caddy])
def behind(request, installation, tmp_path_factory) -> Iterator[Server]:
    """With a web server of its own behind it, which knows of it."""
    kind, port, upstream = request.param, servers.free_port(), servers.free_port()
    scheme = "https" if kind is Nginx else "http"
    env = {"PORT": str(upstream), "PUBLIC_URL": f"{scheme}://127.0.0.1:{port}", "X_ACCEL": "/files/"}
    installation.start("serve", name=kind.__name__, env=env)
    try:
        polling.until(lambda: fronts.answers(upstream), what="the web server behind the proxy does not answer")
        front = kind(tmp_path_factory.mktemp("front"), port, upstream, installation.data_dir)
        try:
            yield Server(target_of(installation, front.url, front.certificate), installation, kind.__name__)
        finally:
            front.stop()
    finally:
        installation.kill(kind.__name__)


def assert_others_are_served(server: Server) -> None:
    """Somebody signs in, sees a page, makes an album and uploads to it; and the server says that it is well."""
    url, timeout = server.target.url, ANSWER_SECONDS
    health = requests.get(f"{url}/healthz", verify=server.target.certificate, timeout=timeout)
    assert health.status_code == 200
    session = server.session()
    assert session.get(f"{url}/albums/", timeout=timeout).status_code == 200
    made = session.post(f"{url}/albums/new/", {"title": "Another's"}, timeout=timeout, allow_redirects=False)
    assert made.status_code == 302, made.text
    answer = session.post(
        f"{url}{made.headers['Location']}uploads/",
        files=[("photos", ("one.jpg", making.jpeg()))],
        headers={"Accept": "application/json"},
        timeout=timeout,
    )
    assert answer.status_code == 200, answer.text


def assert_served_during_and_clean_after(server: Server, attack: Attack) -> None:
    assert_others_are_served(server)
    workers, descriptors, memory = server.workers(), server.descriptors(), server.memory()

    with attacks.under(server.target, attack):
        assert_others_are_served(server)
        assert server.memory() < memory + MORE_MEMORY

    polling.until(lambda: server.descriptors() <= descriptors + SPARE, what="connections are left of the attack")
    assert server.workers() == workers
    polling.until(lambda: server.memory() < memory + MORE_MEMORY, what="memory is kept")


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
def hurried(tmp_path) -> Iterator[Server]:
    """Whose time limits are short, but for those whose bodies may take their time."""
    with Installation(tmp_path, {"WEB_THREADS": "4", "REQUEST_SECONDS": "2", "BODY_IDLE_SECONDS": "3"}) as installation:
        installation.start("serve")
        yield Server(target_of(installation, installation.url), installation, "serve")


def end_of(line: socket.socket) -> bytes:
    """All that the server says until it hangs up; nothing is sent meanwhile but by the attack."""
    line.settimeout(ANSWER_SECONDS)
    said = b""
    with suppress(ConnectionResetError):
        while piece := line.recv(65536):
            said += piece
    return said


TIMED = {
    attacks.slow_sign_in: b"HTTP/1.1 408 ",
    attacks.slow_heads: b"",
    attacks.silent_lines: b"",
    attacks.slow_form_of_a_user: b"HTTP/1.1 408 ",
    attacks.slow_list_of_a_user: b"HTTP/1.1 408 ",
    attacks.slow_chunks_to_sign_in: b"",
    attacks.slow_body_to_a_page_of_users: b"HTTP/1.1 408 ",
    attacks.file_to_sign_in: b"HTTP/1.1 415 ",
    attacks.large_sign_in: b"HTTP/1.1 413 ",
    attacks.health_with_a_body: b"HTTP/1.1 413 ",
    attacks.slow_health: b"",
    attacks.slow_uploads_of_nobody: b"HTTP/1.1 401 ",
    attacks.slow_forms_with_files_of_nobody: b"HTTP/1.1 302 ",
}
"""How the answer begins after which the server hangs up, although bytes keep coming."""


def test_every_slow_client_is_hung_up_on_however_its_bytes_trickle(hurried) -> None:
    for kind, answer in TIMED.items():
        with attacks.under(hurried.target, replace(kind(hurried.target), count=3)) as lines:
            assert [end_of(line)[: len(answer)] for line in lines] == [answer] * 3, kind.__name__


def test_who_reads_no_answer_is_cut_off(hurried) -> None:
    before = hurried.descriptors()

    with attacks.under(hurried.target, attacks.who_reads_no_file(hurried.target)):
        polling.until(lambda: hurried.descriptors() <= before + SPARE, what="the server waits for who does not read")


def test_the_answer_to_a_body_that_nobody_reads_arrives(direct) -> None:
    """The client sends all of it before it looks at the answer, as browsers do."""
    told = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(20_000_000)}
    with direct.target.line() as line:
        line.sendall(direct.target.request("POST", "/albums/1/uploads/", told) + bytes(20_000_000))

        assert end_of(line).startswith(b"HTTP/1.1 302 ")


def test_connections_are_bounded_and_idle_ones_make_room(tmp_path) -> None:
    with Installation(tmp_path, ENDLESS | {"WEB_CONNECTIONS": "20"}) as installation:
        installation.start("serve")
        server = Server(target_of(installation, installation.url), installation, "serve")
        before = server.descriptors()

        for kind in (attacks.silent_lines, attacks.slow_heads, attacks.who_reads_no_file):
            with attacks.under(server.target, kind(server.target)):
                assert_others_are_served(server)
                assert server.descriptors() <= before + 20 * 2 + SPARE


def test_no_descriptor_left_is_waited_for_and_does_not_end_the_process(tmp_path) -> None:
    with Installation(tmp_path, ENDLESS | {"WEB_CONNECTIONS": "100000"}) as installation:
        installation.start("serve")
        server = Server(target_of(installation, installation.url), installation, "serve")
        assert_others_are_served(server)
        [worker] = server.workers()
        limit = server.descriptors() + 40
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, limit))

        with attacks.under(server.target, attacks.silent_lines(server.target)):
            polling.until(
                lambda: "Can't accept connections" in installation.log.read_text(), what="no descriptor is short"
            )

        polling.until(lambda: server.descriptors() < limit - SPARE, what="connections are left of the attack")
        assert_others_are_served(server)
        assert server.workers() == [worker]


def test_the_server_raises_its_limit_of_descriptors(tmp_path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with Installation(tmp_path) as installation:
            installation.start("serve")
            server = Server(Target(installation.url), installation, "serve")
            assert {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in server.workers()} == {(hard, hard)}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


MALFORMED = (
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
def test_a_malformed_body_in_chunks_ends_the_connection(direct, path) -> None:
    """What follows it is not taken for a request."""
    target = direct.target
    followed = target.request("GET", "/healthz")
    for chunks in MALFORMED:
        request = _in_chunks(direct, path, chunks)  # takes time, in which an idle connection would be closed
        with target.line() as line:
            line.sendall(request + followed)

            said = end_of(line)

        assert said.startswith(b"HTTP/1.1 400 "), (chunks, said[:300])
        assert said.count(b"HTTP/1.1 ") == 1, (chunks, said)


def _in_chunks(server: Server, path: str, chunks: bytes) -> bytes:
    target, chunked = server.target, {"Transfer-Encoding": "chunked"}
    match path:
        case "sign-in":
            return target.request("POST", "/accounts/login/", attacks.INVENTED | chunked, chunks)
        case "manifest":
            told = target.signed_in(Content_Type="application/json") | chunked
            return target.request("POST", f"/albums/{target.album}/uploads/manifest/", told, chunks)
        case "tus":
            album = server.installation.new_album(server.session(), "Of one upload")
            address = server.installation.new_upload(server.session(), album, "one.jpg", 1000)
            told = target.signed_in(Content_Type="application/offset+octet-stream", Upload_Offset="0") | chunked
            return target.request("PATCH", address.removeprefix(target.url), told, chunks)
        case _:
            told = target.signed_in(Content_Type="multipart/form-data; boundary=b") | chunked
            return target.request("POST", f"/albums/{target.album}/uploads/", told, chunks)


def test_chunks_that_make_sense_sign_somebody_in(direct) -> None:
    session = requests.Session()
    address = f"{direct.target.url}/accounts/login/"
    session.get(address, timeout=ANSWER_SECONDS)
    form = urlencode({"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]})
    told = {"Content-Type": attacks.FORM}

    signed_in = session.post(address, iter([form[:9].encode(), form[9:].encode()]), headers=told, timeout=60)
    too_large = session.post(address, iter([bytes(9000)] * 2), headers=told, timeout=60)

    assert (signed_in.url, signed_in.status_code) == (f"{direct.target.url}/albums/", 200)
    assert too_large.status_code == 413


@pytest.mark.parametrize("chunks", [b"", b"5\r\nab", b"1" * 5000, b"F" * 16 + b"\r\n", b"0\r\n" + b"a" * 7000])
def test_bodies_in_chunks_that_stop_keep_nobodys_waiting(direct, chunks) -> None:
    told = attacks.INVENTED | {"Transfer-Encoding": "chunked"}
    with attacks.under(
        direct.target, Attack(direct.target.request("POST", "/accounts/login/", told, chunks), count=20)
    ):
        test_chunks_that_make_sense_sign_somebody_in(direct)


def test_lists_that_stop_keep_no_list_of_a_user_from_coming(direct) -> None:
    files = [{"name": f"{number}.jpg", "size": 1, "sha256": "0" * 64} for number in range(2000)]
    told = {"Content-Type": "application/json", "Content-Length": str(3 << 20)}
    stopped = direct.target.request("POST", f"/albums/{direct.target.album}/uploads/manifest/", told, b" " * 200_000)
    with attacks.under(direct.target, Attack(stopped, count=200)):
        answer = direct.session().post(
            f"{direct.target.url}/albums/{direct.target.album}/uploads/manifest/",
            json={"files": files},
            timeout=ANSWER_SECONDS,
        )

    assert answer.status_code == 200, answer.text[:300]


def test_who_waits_to_be_told_to_go_on_is_told_so(direct) -> None:
    told = attacks.INVENTED | {"Content-Length": "3", "Expect": "100-continue", "Connection": "close"}
    with direct.target.line() as line:
        line.sendall(direct.target.request("POST", "/accounts/login/", told))
        assert line.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"a=b")

        assert end_of(line).startswith(b"HTTP/1.1 403 ")


def test_half_a_body_is_refused(direct) -> None:
    told = attacks.INVENTED | {"Content-Length": "30"}
    with direct.target.line() as line:
        line.sendall(direct.target.request("POST", "/accounts/login/", told, b"username=bob"))
        line.shutdown(socket.SHUT_WR)

        assert end_of(line).startswith(b"HTTP/1.1 400 ")
