"""A network of one machine, with a resolver and servers at addresses of the internet: run in a network namespace of its own.

`unshare --net --mount python -m tests.faults.enclosed DATA_DIR` prints as JSON what came of each attempt to reach an address, and
how many connections the servers had by then. Nothing here reaches the real network.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PUBLIC, PUBLIC_V6 = "8.8.8.8", "2606:4700:4700::1111"
INTERNAL = ("127.0.0.1", "127.0.0.2")
PROXY = ("127.0.0.1", 3128)
LISTED = b'<?xml version="1.0"?><ListBucketResult><Name>photos</Name><KeyCount>0</KeyCount></ListBucketResult>'
A, AAAA = 1, 28

names: dict[str, list[list[str]]] = {}
"""By name, the addresses of each answer in turn; the last one for ever."""
redirect: list[tuple[int, str]] = []
connections: dict[str, int] = {}


def main(data_dir: Path) -> None:
    _enclose(data_dir)
    os.environ.update(DATA_DIR=str(data_dir), DJANGO_SETTINGS_MODULE="config.settings")
    import django

    django.setup()
    sys.stdout.write(json.dumps({name: _outcome(scenario, data_dir) for name, scenario in SCENARIOS.items()}))


def _outcome(scenario: Callable[[Path], Any], data_dir: Path) -> dict[str, Any]:
    connections.clear()
    names.clear()
    redirect.clear()
    return {"came": scenario(data_dir), "connections": dict(connections)}


def _reach(endpoint: str, data_dir: Path, is_fenced: bool = True) -> str:
    """The code of the trouble that there is; empty if the bucket answers."""
    from processing.storage.s3 import s3_client
    from processing.storage.s3.config import Connection
    from processing.storage.s3.s3_store import S3Store

    s3_client._client.cache_clear()  # its connections are kept open
    there = Connection("photos", endpoint, access_key="A", secret_key="B", is_fenced=is_fenced)
    found = S3Store(there, data_dir).trouble()
    return found.code if found else ""


def _form(address: str) -> list[str]:
    """What the page's form has against an endpoint."""
    from processing.views.forms import ConnectionForm

    told = {"bucket": "photos", "endpoint": address, "region": "us-east-1", "access_key": "A", "secret_key": "B"}
    form = ConnectionForm(told | {"addressing": "path"}, before=None)
    form.is_valid()
    return [str(error) for error in form.errors.get("endpoint", ())]


def _public(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    return [_form("http://s3.example.test"), _reach("http://s3.example.test", data_dir)]


def _public_v6(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC_V6]]
    return [_form("http://s3.example.test"), _reach("http://s3.example.test", data_dir)]


def _second_address(data_dir: Path) -> Any:
    """Nobody listens at the first."""
    names["s3.example.test"] = [["8.8.4.4", PUBLIC]]
    return _reach("http://s3.example.test", data_dir)


def _rebound(data_dir: Path) -> Any:
    """Public when the form looks, and inside from then on."""
    names["rebound.example.test"] = [[PUBLIC], [INTERNAL[1]]]
    return [_form("http://rebound.example.test"), _reach("http://rebound.example.test", data_dir)]


def _changing(data_dir: Path) -> Any:
    """Another address each time it is asked: what was judged has to be what is connected to."""
    names["changing.example.test"] = [[each] for _ in range(50) for each in (PUBLIC, INTERNAL[1])]
    return [_reach("http://changing.example.test", data_dir) for _ in range(10)]


def _mixed(data_dir: Path) -> Any:
    names["mixed.example.test"] = [[PUBLIC, INTERNAL[0]]]
    return [_form("http://mixed.example.test"), _reach("http://mixed.example.test", data_dir)]


def _redirected(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    names["inside.example.test"] = [[INTERNAL[1]]]
    came = []
    for status in (301, 302, 307, 308):
        for target in (f"http://{INTERNAL[0]}/", "http://inside.example.test/photos"):
            redirect[:] = [(status, target)]
            came.append(_reach("http://s3.example.test", data_dir))
    return came


@contextmanager
def _proxied() -> Any:
    names_of_it = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    os.environ.update(dict.fromkeys(names_of_it, f"http://{PROXY[0]}:{PROXY[1]}"))
    try:
        yield
    finally:
        for name in names_of_it:
            del os.environ[name]


def _behind_a_proxy(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    names["inside.example.test"] = [[INTERNAL[1]]]
    addresses = ("http://s3.example.test", "http://inside.example.test", "https://inside.example.test")
    with _proxied():
        return [_reach(address, data_dir) for address in addresses]


def _without_a_fence(data_dir: Path) -> Any:
    """Shows that the proxy would be used, and that the servers inside would answer."""
    names["inside.example.test"] = [[INTERNAL[1]]]
    direct = _reach("http://inside.example.test", data_dir, is_fenced=False)
    with _proxied():
        return [direct, _reach("http://inside.example.test:81", data_dir, is_fenced=False)]


SCENARIOS = {
    "public": _public,
    "public, IPv6": _public_v6,
    "second address": _second_address,
    "rebound": _rebound,
    "changing": _changing,
    "mixed": _mixed,
    "redirected": _redirected,
    "behind a proxy": _behind_a_proxy,
    "without a fence": _without_a_fence,
}


def _enclose(directory: Path) -> None:
    """Addresses of the internet on the loopback device, a resolver that this process asks, and servers."""
    resolver = directory / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "addr", "add", f"{PUBLIC}/32", "dev", "lo"],
        ["ip", "-6", "addr", "add", f"{PUBLIC_V6}/128", "dev", "lo", "nodad"],
        ["ip", "route", "add", "unreachable", "8.8.4.4/32"],
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", str(resolver), "/etc/resolv.conf"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", 53))
    threading.Thread(target=_resolve, args=(asked,), daemon=True).start()
    for host, port in ((PUBLIC, 80), (PUBLIC_V6, 80), *((each, 80) for each in INTERNAL), PROXY):
        server = _Server((host, port), _Bucket)
        threading.Thread(target=server.serve_forever, daemon=True).start()


class _Server(ThreadingHTTPServer):
    """Counts who connects, whether or not a request follows."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.called = f"{address[0]} {address[1]}"
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        connections[self.called] = connections.get(self.called, 0) + 1
        super().process_request(request, client_address)


class _Bucket(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, target = redirect[0] if redirect else (200, "")
        self.send_response(status)
        if target:
            self.send_header("Location", target)
            self.send_header("x-amz-bucket-region", "eu-central-1")
        self.send_header("Content-Length", str(len(LISTED)))
        self.end_headers()
        self.wfile.write(LISTED)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _resolve(asked: socket.socket) -> None:
    """Answers questions for addresses (RFC 1035), as `names` has them."""
    turn: dict[str, int] = {}
    while True:
        question, who = asked.recvfrom(4096)
        name, at = _name(question)
        (kind,) = struct.unpack_from("!H", question, at)
        answers = names.get(name)
        if answers is None:
            asked.sendto(question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12 : at + 4], who)
            turn.clear()
            continue
        number = turn.get(name, 0)
        turn[name] = number + (kind == A)  # the question for IPv6 comes with it, in any order
        found = answers[min(number, len(answers) - 1)]
        records = [_record(each) for each in found if (":" in each) == (kind == AAAA)]
        head = question[:2] + b"\x81\x80" + question[4:6] + struct.pack("!HHH", len(records), 0, 0)
        asked.sendto(head + question[12 : at + 4] + b"".join(records), who)


def _name(question: bytes) -> tuple[str, int]:
    """The name that is asked for, and where what follows it begins."""
    at, labels = 12, []
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _record(address: str) -> bytes:
    family, kind = (socket.AF_INET6, AAAA) if ":" in address else (socket.AF_INET, A)
    packed = socket.inet_pton(family, address)
    return struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed


if __name__ == "__main__":
    main(Path(sys.argv[1]))
