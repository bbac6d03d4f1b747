"""How fast files come in: the form and tus compared with cp, a plain nginx and @tus/server, in one run and to the same disk.

Each sender is the same: one connection, bytes by sendfile(2), checksums computed before measuring. cp and ours end in fsync;
nginx and @tus/server never sync, so a power cut may cost them files; @tus/server is also measured with a hook that syncs. Rounds
alternate, and the best of each counts, so that other work on the machine affects all of them.

@tus/server comes from benchmarks/peers by npm; nginx is measured where there is one (`apt install nginx-light`).
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests

from benchmarks import peers, processes
from benchmarks.measure import table
from benchmarks.wire import Body, Wire
from tests import polling, servers
from tests.installation import Installation

MEBIBYTE = 1 << 20
WHOLE = 1 << 40
ROUNDS = 3
AT_ONCE = 3
LOADS = {"40 files of 12 MB": (40, 12_000_000), "one file of 1 GiB": (1, 1 << 30)}
CHUNKS = {"8 MiB": 8 * MEBIBYTE, "64 MiB": 64 * MEBIBYTE, "one PATCH": WHOLE}
BOUNDARY = "-" * 20 + "of-no-photo"
NGINX = """
daemon off; pid {at}/nginx.pid; error_log {at}/error.log; worker_processes 1; {user}
events {{ }}
http {{ access_log off; client_max_body_size 0; client_body_temp_path {at}/body;
  server {{ listen 127.0.0.1:{port}; root {at}/files; dav_methods PUT; }} }}
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How files are sent: what does it, the leader of the processes that take them in (0: it is done here), and their rooms."""

    name: str
    send: Callable[[list[Path]], None]
    server: int
    room: Path


def run() -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        at = Path(directory)
        ways = [_copying(at), *stack.enter_context(_nginx(at)), *stack.enter_context(_tus_node(at))]
        ways += stack.enter_context(_tus_node(at, "fsync"))
        ways += stack.enter_context(_darkroom(at))
        for load, (count, size) in LOADS.items():
            sources = _sources(at, count, size)
            best: dict[str, tuple[float, float]] = {}
            for _ in range(ROUNDS):
                for receiver in ways:
                    best[receiver.name] = min(best.get(receiver.name, (WHOLE, 0)), _cost(receiver, sources))
            _print(load, count * size, best)
            shutil.rmtree(at / "sources")
            _digest.cache_clear()


def _cost(receiver: Way, sources: list[Path]) -> tuple[float, float]:
    """Wall seconds, and the server's seconds of CPU. What came in is thrown away."""
    os.sync()
    before, begun = processes.cpu(receiver.server) if receiver.server else 0.0, time.perf_counter()
    receiver.send(sources)
    wall = time.perf_counter() - begun
    cpu = processes.cpu(receiver.server) - before if receiver.server else 0.0
    for path in receiver.room.glob("*"):
        path.unlink()
    return wall, cpu


def _print(load: str, total: int, best: dict[str, tuple[float, float]]) -> None:
    copied = best["cp + fsync"][0]
    rows = [
        [
            name,
            f"{total / MEBIBYTE / wall:.0f}",
            f"{copied / wall:.2f}",
            f"{cpu / total * (1 << 30):.2f}" if cpu else "",
        ]
        for name, (wall, cpu) in best.items()
    ]
    table(f"Taking in {load}, through a socket", ("", "MiB/s", "to cp", "CPU s/GiB"), rows)


def _sources(at: Path, count: int, size: int) -> list[Path]:
    (at / "sources").mkdir()
    paths = [at / "sources" / f"{number}.jpg" for number in range(count)]
    for path in paths:
        with path.open("wb") as file:
            for start in range(0, size, MEBIBYTE):
                file.write(os.urandom(min(MEBIBYTE, size - start)))
    return paths


def _copying(at: Path) -> Way:
    room = at / "copied"
    room.mkdir()

    def send(sources: list[Path]) -> None:
        for source in sources:
            shutil.copyfile(source, room / source.name)
            for path in (room / source.name, room):
                handle = os.open(path, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)

    return Way("cp + fsync", send, 0, room)


@contextmanager
def _nginx(at: Path) -> Iterator[list[Way]]:
    nginx, room, port = shutil.which("nginx", path="/usr/sbin:/usr/bin"), at / "nginx" / "files", servers.free_port()
    if not nginx:
        print("There is no nginx here to measure beside.")
        yield []
        return
    room.mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""
    (at / "nginx.conf").write_text(NGINX.format(at=at / "nginx", port=port, user=user))
    with _serving([nginx, "-c", str(at / "nginx.conf"), "-e", str(at / "nginx" / "error.log")], port) as server:

        def send(sources: list[Path]) -> None:
            with Wire(port) as wire:
                for source in sources:
                    wire.ask("PUT", f"/{source.name}", {}, [Body.of(source)])

        yield [Way("nginx, WebDAV PUT, no fsync", send, server, room)]


@contextmanager
def _tus_node(at: Path, wish: str = "") -> Iterator[list[Way]]:
    """It never syncs, unless its hook at an upload's end does: the way to have of it what cp and ours promise."""
    peers.node()
    room, port = at / f"tus-node{wish}", servers.free_port()
    room.mkdir()
    with _serving(["node", str(peers.HERE / "server.mjs"), str(port), str(room), wish], port) as server:
        for_each = {name: _tus(port, lambda: ("/files", {}), chunk, checked=False) for name, chunk in CHUNKS.items()}
        for_each[f"{AT_ONCE} at once"] = _crowd(port, lambda sources: [("/files", {})] * len(sources))
        yield [Way(f"@tus/server, {name}, {wish or 'no fsync'}", send, server, room) for name, send in for_each.items()]


@contextmanager
def _darkroom(at: Path) -> Iterator[list[Way]]:
    """Without a worker: what is measured is the taking in. Each run has an album of its own."""
    with Installation(at, {"MAX_BATCH_FILES": "1000"}) as installation:
        server = installation.start("serve").pid
        session = installation.sign_in()
        room = installation.data_dir / "incoming"

        def headers() -> dict[str, str]:
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
            return {"Cookie": cookies, "X-CSRFToken": session.cookies["csrftoken"], "Origin": installation.url}

        def endpoint() -> tuple[str, dict[str, str]]:
            return f"/albums/{installation.new_album(session, 'Bench')}/uploads/tus/", headers()

        ways = [Way("Darkroom, form", _form(installation, session, headers), server, room)]
        for name, chunk in CHUNKS.items():
            for checked in (False, True):
                send = _tus(installation.port, endpoint, chunk, checked)
                ways.append(Way(f"Darkroom, tus, {name}" + ", sha256" * checked, send, server, room))

        def declared(sources: list[Path]) -> list[tuple[str, dict[str, str]]]:
            """As the page does: the whole list in one request, which returns where each file is to be sent."""
            album, common = installation.new_album(session, "Bench"), headers()
            files = [{"name": source.name, "size": source.stat().st_size} for source in sources]
            address = f"{installation.url}/albums/{album}/uploads/manifest/"
            manifest = session.post(address, json={"open": True, "files": files}, headers=common, timeout=60).json()
            return [(file["upload"], common) for file in manifest["files"]]

        send = _crowd(installation.port, declared, is_declared=True)
        ways.append(Way(f"Darkroom, {AT_ONCE} at once", send, server, room))
        send = _crowd(installation.port, declared, is_declared=True, chunk=CHUNKS["64 MiB"], checked=True)
        ways.append(Way(f"Darkroom, as the page sends: {AT_ONCE} at once, sha256", send, server, room))
        yield ways


def _form(
    installation: Installation, session: requests.Session, headers: Callable[[], dict[str, str]]
) -> Callable[[list[Path]], None]:
    def send(sources: list[Path]) -> None:
        album = installation.new_album(session, "Bench")
        parts: list[Body] = []
        for source in sources:
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photos"; filename="{source.name}"\r\n\r\n'
            parts += [Body.saying(head.encode()), Body.of(source), Body.saying(b"\r\n")]
        parts.append(Body.saying(f"--{BOUNDARY}--\r\n".encode()))
        more = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Accept": "application/json"}
        with Wire(installation.port) as wire:
            wire.ask("POST", f"/albums/{album}/uploads/", headers() | more, parts)

    return send


def _tus(
    port: int, endpoint: Callable[[], tuple[str, dict[str, str]]], chunk: int, checked: bool
) -> Callable[[list[Path]], None]:
    def send(sources: list[Path]) -> None:
        address, common = endpoint()
        with Wire(port) as wire:
            for source in sources:
                _parts(wire, _created(wire, source, address, common), source, common, chunk, checked)

    return send


def _crowd(
    port: int,
    expect: Callable[[list[Path]], list[tuple[str, dict[str, str]]]],
    *,
    is_declared: bool = False,
    chunk: int = WHOLE,
    checked: bool = False,
) -> Callable[[list[Path]], None]:
    """So many files at a time, on a line of its own each; to addresses that are made first, or that are there."""

    def send(sources: list[Path]) -> None:
        waiting = iter(list(zip(sources, expect(sources), strict=True)))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(line, waiting) for _ in range(AT_ONCE)]:
                done.result()

    def line(waiting: Iterator[tuple[Path, tuple[str, dict[str, str]]]]) -> None:
        with Wire(port) as wire:
            for source, (address, common) in waiting:  # a list's iterator: each file goes to one line alone
                path = address if is_declared else _created(wire, source, address, common)
                _parts(wire, path, source, common, chunk, checked)

    return send


def _created(wire: Wire, source: Path, address: str, common: dict[str, str]) -> str:
    """The path of a new upload."""
    about = common | {"Tus-Resumable": "1.0.0", "Upload-Length": str(source.stat().st_size)}
    return "/" + wire.ask("POST", address, about)["location"].split("/", 3)[3]


def _parts(wire: Wire, path: str, source: Path, common: dict[str, str], chunk: int, checked: bool) -> None:
    size, at = source.stat().st_size, 0
    while at < size:
        body = Body.of(source, at, min(chunk, size - at))
        about = common | {"Tus-Resumable": "1.0.0", "Upload-Offset": str(at)}
        about["Content-Type"] = "application/offset+octet-stream"
        if checked:
            about["Upload-Checksum"] = f"sha256 {_digest(source, at, body.length)}"
        at = int(wire.ask("PATCH", path, about, [body])["upload-offset"])


@cache
def _digest(source: Path, at: int, length: int) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        file.seek(at)
        while length and (piece := file.read(min(length, MEBIBYTE))):
            digest.update(piece)
            length -= len(piece)
    return base64.b64encode(digest.digest()).decode()


@contextmanager
def _serving(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        polling.until(lambda: _answers(port), what=f"{command[0]} does not answer")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    Wire(port).close()
    return True


if __name__ == "__main__":
    run()
