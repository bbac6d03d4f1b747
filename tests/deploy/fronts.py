"""The proxies of deploy/ with the configurations from there; only addresses and paths are replaced."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tests import polling, servers
from tests.support import processes

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


class Front(Protocol):
    url: str
    certificate: str | bool
    """What a client verifies the server's certificate with, as for `requests`."""

    def stop(self) -> None: ...


class Nginx:
    def __init__(
        self,
        directory: Path,
        port: int,
        upstream: int,
        data_dir: Path,
        become: Sequence[str | Path] = (),
        *,
        is_limited: bool = False,
        address_connections: int = 500,
    ) -> None:
        """`become`: a command that runs its arguments as another user. `is_limited`: enables the rate limit."""
        self.url = f"https://127.0.0.1:{port}"
        self.certificate = str(create_certificate(directory))
        self.directory = directory
        examples = {
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
            "    listen 80;\n    listen [::]:80;": f"    listen 127.0.0.1:{servers.free_port()};",
            "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;": f"    listen 127.0.0.1:{port} ssl http2;",
            "/etc/letsencrypt/live/photos.example.org/fullchain.pem": self.certificate,
            "/etc/letsencrypt/live/photos.example.org/privkey.pem": str(directory / "key.pem"),
            "server_name photos.example.org;": "server_name 127.0.0.1;",
            "/var/lib/darkroom/": f"{data_dir}/",
            "limit_conn darkroom_address 500;": f"limit_conn darkroom_address {address_connections};",
        }
        if is_limited:
            examples["# limit_req zone="] = "limit_req zone="
        paths = "".join(
            f"{name}_temp_path {directory / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 and not become else ""
        (directory / "darkroom.conf").write_text(
            replace_examples((DEPLOY / "nginx/darkroom.conf").read_text(), examples)
        )
        (directory / "nginx.conf").write_text(
            f"daemon off; master_process off; pid nginx.pid; {user} events {{}} "
            f"http {{ include /etc/nginx/mime.types; access_log off; {paths} include darkroom.conf; }}"
        )
        self._command = [NGINX, "-p", str(directory), "-e", "error.log", "-c", "nginx.conf"]
        self._process = processes.start([*become, *self._command], stdin=subprocess.DEVNULL)
        _wait_for(port, self._process)

    def warnings(self) -> str:
        """Return the warnings and errors of `nginx -t`."""
        output = subprocess.run(
            [*self._command, "-t"], capture_output=True, text=True, check=False, timeout=servers.START_SECONDS
        ).stderr
        return "\n".join(
            line for line in output.splitlines() if not line.endswith(("syntax is ok", "test is successful"))
        )

    def stop(self) -> None:
        processes.stop(self._process)


class Caddy:
    certificate = True

    def __init__(
        self, directory: Path, port: int, upstream: int, data_dir: Path, become: Sequence[str | Path] = ()
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        variables = {
            "DOMAIN": self.url,
            "UPSTREAM": f"127.0.0.1:{upstream}",
            "FILES": str(data_dir),
            "HOME": str(directory),
        }
        variables |= {"S3_DOMAIN": f"http://127.0.0.1:{servers.free_port()}"}
        config = directory / "Caddyfile"
        # The admin interface has a fixed port, which the machine's own Caddy may use.
        text = (DEPLOY / "caddy/Caddyfile").read_text()
        config.write_text(replace_examples(text, {"\n{\n\tservers {": "\n{\n\tadmin off\n\tservers {"}))
        self._process = processes.start(
            [*become, "caddy", "run", "--config", str(config), "--adapter", "caddyfile"],
            env={"PATH": os.environ["PATH"], **variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(port, self._process)

    def stop(self) -> None:
        processes.stop(self._process)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    try:
        polling.until(lambda: is_responding(port), servers.START_SECONDS, "the proxy does not respond")
    except BaseException:
        processes.kill(process)
        raise


def create_certificate(directory: Path) -> Path:
    """Create a self-signed certificate for 127.0.0.1, with its key in key.pem, and return its path."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*command, *options], cwd=directory, capture_output=True, check=True, timeout=120)
    return directory / "certificate.pem"


def replace_examples(text: str, examples: Mapping[str, str]) -> str:
    for example, real in examples.items():
        assert example in text, example
        text = text.replace(example, real)
    return text


def is_responding(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        return True


def connect_to(front: Front) -> socket.socket:
    """Return a socket connected to the proxy, on which a test can send an incomplete request."""
    address = urlsplit(front.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=60)
    if address.scheme == "https":
        return ssl.create_default_context(cafile=str(front.certificate)).wrap_socket(
            connection, server_hostname="127.0.0.1"
        )
    return connection
