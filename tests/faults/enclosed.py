"""An isolated network with a resolver and servers at public addresses, in a network namespace of its own.

`unshare --net --mount python -m tests.faults.enclosed DATA_DIR` prints as JSON the outcome of each scenario, and how many
connections each server accepted during it. The real network is never reached.
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
LISTING = b'<?xml version="1.0"?><ListBucketResult><Name>photos</Name><KeyCount>0</KeyCount></ListBucketResult>'
A, AAAA = 1, 28

names: dict[str, list[list[str]]] = {}
"""By name, the addresses of each successive DNS response; the last one is repeated."""
redirect: list[tuple[int, str]] = []
connections: dict[str, int] = {}


def main(data_dir: Path) -> None:
    _set_up_network(data_dir)
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
    """Return the code of the store's problem; an empty string if the bucket responds."""
    from processing.storage.s3 import s3_client
    from processing.storage.s3.config import Connection
    from processing.storage.s3.s3_store import S3Store

    s3_client._client.cache_clear()  # the cached client keeps connections open
    connection = Connection("photos", endpoint, access_key="A", secret_key="B", is_fenced=is_fenced)
    problem = S3Store(connection, data_dir).problem()
    return problem.code if problem else ""


def _form(address: str) -> list[str]:
    """Return the connection form's errors for an endpoint."""
    from processing.views.forms import ConnectionForm

    fields = {"bucket": "photos", "endpoint": address, "region": "us-east-1", "access_key": "A", "secret_key": "B"}
    form = ConnectionForm(fields | {"addressing": "path"}, before=None)
    form.is_valid()
    return [str(error) for error in form.errors.get("endpoint", ())]


def _public(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    return [_form("http://s3.example.test"), _reach("http://s3.example.test", data_dir)]


def _public_v6(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC_V6]]
    return [_form("http://s3.example.test"), _reach("http://s3.example.test", data_dir)]


def _second_address(data_dir: Path) -> Any:
    """No server listens at the first address."""
    names["s3.example.test"] = [["8.8.4.4", PUBLIC]]
    return _reach("http://s3.example.test", data_dir)


def _rebound(data_dir: Path) -> Any:
    """Public when the form resolves the name, internal afterwards."""
    names["rebound.example.test"] = [[PUBLIC], [INTERNAL[1]]]
    return [_form("http://rebound.example.test"), _reach("http://rebound.example.test", data_dir)]


def _changing(data_dir: Path) -> Any:
    """Another address in each response: the address that was checked has to be the one that is connected to."""
    names["changing.example.test"] = [[address] for _ in range(50) for address in (PUBLIC, INTERNAL[1])]
    return [_reach("http://changing.example.test", data_dir) for _ in range(10)]


def _mixed(data_dir: Path) -> Any:
    names["mixed.example.test"] = [[PUBLIC, INTERNAL[0]]]
    return [_form("http://mixed.example.test"), _reach("http://mixed.example.test", data_dir)]


def _redirected(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    names["inside.example.test"] = [[INTERNAL[1]]]
    codes = []
    for status in (301, 302, 307, 308):
        for target in (f"http://{INTERNAL[0]}/", "http://inside.example.test/photos"):
            redirect[:] = [(status, target)]
            codes.append(_reach("http://s3.example.test", data_dir))
    return codes


@contextmanager
def _proxied() -> Any:
    variables = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    os.environ.update(dict.fromkeys(variables, f"http://{PROXY[0]}:{PROXY[1]}"))
    try:
        yield
    finally:
        for variable in variables:
            del os.environ[variable]


def _behind_a_proxy(data_dir: Path) -> Any:
    names["s3.example.test"] = [[PUBLIC]]
    names["inside.example.test"] = [[INTERNAL[1]]]
    addresses = ("http://s3.example.test", "http://inside.example.test", "https://inside.example.test")
    with _proxied():
        return [_reach(address, data_dir) for address in addresses]


def _without_a_fence(data_dir: Path) -> Any:
    """Shows that the proxy would be used, and that the internal servers would respond."""
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


def _set_up_network(directory: Path) -> None:
    """Assign public addresses to the loopback device, and start the resolver and the servers."""
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
    resolver_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver_socket.bind(("127.0.0.1", 53))
    threading.Thread(target=_resolve, args=(resolver_socket,), daemon=True).start()
    for host, port in ((PUBLIC, 80), (PUBLIC_V6, 80), *((internal, 80) for internal in INTERNAL), PROXY):
        server = _Server((host, port), _Bucket)
        threading.Thread(target=server.serve_forever, daemon=True).start()


class _Server(ThreadingHTTPServer):
    """Counts connections, whether or not a request follows."""

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
        self.send_header("Content-Length", str(len(LISTING)))
        self.end_headers()
        self.wfile.write(LISTING)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _resolve(resolver_socket: socket.socket) -> None:
    """Responds to DNS queries (RFC 1035) with the addresses in `names`."""
    response_numbers: dict[str, int] = {}
    while True:
        query, client = resolver_socket.recvfrom(4096)
        name, end = _name(query)
        (record_type,) = struct.unpack_from("!H", query, end)
        responses = names.get(name)
        if responses is None:
            resolver_socket.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12 : end + 4], client)
            response_numbers.clear()
            continue
        number = response_numbers.get(name, 0)
        response_numbers[name] = number + (record_type == A)  # the IPv6 query arrives together with it, in any order
        addresses = responses[min(number, len(responses) - 1)]
        records = [_record(address) for address in addresses if (":" in address) == (record_type == AAAA)]
        head = query[:2] + b"\x81\x80" + query[4:6] + struct.pack("!HHH", len(records), 0, 0)
        resolver_socket.sendto(head + query[12 : end + 4] + b"".join(records), client)


def _name(query: bytes) -> tuple[str, int]:
    """Return the queried name, and the position of the byte after it."""
    position, labels = 12, []
    while length := query[position]:
        labels.append(query[position + 1 : position + 1 + length].decode("ascii").lower())
        position += 1 + length
    return ".".join(labels), position + 1


def _record(address: str) -> bytes:
    family, record_type = (socket.AF_INET6, AAAA) if ":" in address else (socket.AF_INET, A)
    packed = socket.inet_pton(family, address)
    return struct.pack("!HHHIH", 0xC00C, record_type, 1, 0, len(packed)) + packed


if __name__ == "__main__":
    main(Path(sys.argv[1]))
