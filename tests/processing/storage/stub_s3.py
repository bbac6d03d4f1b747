"""An S3 server that returns the same response to every request, to test how its errors are handled."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from processing.storage.s3.config import Connection
from tests.servers import HOST


@contextmanager
def responding(status: int, body: str = "", headers: dict[str, str] | None = None) -> Iterator[Connection]:
    """Yields the connection to a bucket on such a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True  # otherwise the client would reuse it after the server has stopped
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = respond

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Connection(
            "photos", endpoint=f"http://{HOST}:{server.server_address[1]}", access_key="key", secret_key="secret"
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def error_body(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
