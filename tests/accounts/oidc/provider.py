"""An OpenID Connect provider as a real server, which tests can make fail."""

import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support import ports

CLIENT_ID, CLIENT_SECRET = "darkroom", "a shared secret"


class FakeProvider:
    """Serves discovery, keys, token and userinfo. `claims` describe the user signing in; tests set attributes to break it."""

    def __init__(self) -> None:
        self.port = ports.reserve("127.0.0.1")
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signs_with: Any = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {"sub": "1"}
        self.token_claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.configuration: dict[str, Any] = {}
        self.authorization_request: dict[str, str] = {}
        self.paths: list[str] = []

    def authorize(self, url: str) -> str:
        """Does what a browser does at the provider's address; returns the code for the callback."""
        self.authorization_request = dict(parse_qsl(urlsplit(url).query))
        return "a-code"

    def respond(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.paths.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, self._configuration()
        if path == "/jwks":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [public | {"kid": "k", "alg": "RS256", "use": "sig"}]}
        if path == "/userinfo":
            return 200, self.userinfo or self.claims
        if path == "/token":
            return self._token(form)
        return 404, {}

    def _configuration(self) -> dict[str, Any]:
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "jwks",
            "userinfo_endpoint": "userinfo",
        }
        endpoints = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        return {"issuer": self.issuer} | endpoints | methods | self.configuration

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if form.get("client_secret") != CLIENT_SECRET or challenge != self.authorization_request.get("code_challenge"):
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.authorization_request.get("nonce"),
        }
        claims |= self.claims | self.token_claims
        token = jwt.encode(
            {k: v for k, v in claims.items() if v is not None}, self.signs_with, self.algorithm, {"kid": "k"}
        )
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": token}


@contextmanager
def served(provider: FakeProvider) -> Iterator[FakeProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if basic := self.headers.get("Authorization", "").removeprefix("Basic "):
                form["client_secret"] = b64decode(basic).decode().partition(":")[2]
            self._respond(form)

        def _respond(self, form: dict[str, str]) -> None:
            status, content = provider.respond(urlsplit(self.path).path, form)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", provider.port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
