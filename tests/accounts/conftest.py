"""Who signs in, and the codes of their apps."""

import re
import struct
from base64 import b32decode
from hashlib import sha1
from hmac import digest

import pytest
from django.test import Client

PASSWORD = "a fine password"
STEP_SECONDS = 30


def code_of(secret: str, at: float) -> str:
    """The code of RFC 6238 for this base32 secret at this time, in seconds."""
    hashed = digest(b32decode(secret), struct.pack(">Q", int(at) // STEP_SECONDS), sha1)
    offset = hashed[-1] & 15
    number = struct.unpack(">I", hashed[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def sign_in(client: Client, name: str = "owner", **more):
    return client.post("/accounts/login/", {"username": name, "password": PASSWORD, **more})


def confirm(client: Client) -> None:
    """By the password, as pages ask before a change that matters."""
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def secret_shown(page) -> str:
    found = re.search(r'<code class="key">([A-Z2-7]+)</code>', page.content.decode())
    assert found
    return found[1]


@pytest.fixture
def client(owner) -> Client:
    """Signed in by password, and nothing confirmed since."""
    client = Client()
    sign_in(client)
    return client
