"""Signing in, and the codes of authenticator apps."""

import re
import struct
from base64 import b32decode
from hashlib import sha1
from hmac import digest

import pytest
from django.test import Client

PASSWORD = "a fine password"
STEP_SECONDS = 30


def code_of(secret: str, seconds: float) -> str:
    """The code of RFC 6238 for this base32 secret at this time, in seconds."""
    hashed = digest(b32decode(secret), struct.pack(">Q", int(seconds) // STEP_SECONDS), sha1)
    offset = hashed[-1] & 15
    number = struct.unpack(">I", hashed[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def sign_in(client: Client, name: str = "owner", **form_fields):
    return client.post("/accounts/login/", {"username": name, "password": PASSWORD, **form_fields})


def confirm(client: Client) -> None:
    """Confirms the password, which pages require before a sensitive change."""
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def secret_shown(page) -> str:
    match = re.search(r'<code class="key">([A-Z2-7]+)</code>', page.content.decode())
    assert match
    return match[1]


@pytest.fixture
def client(owner) -> Client:
    """Signed in by password; the password was not confirmed since."""
    client = Client()
    sign_in(client)
    return client
