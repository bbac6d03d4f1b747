"""Encryption of secrets at rest with a key derived from SECRET_KEY, so that a copy of the database alone reveals none."""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PURPOSE = b"darkroom: the bucket's secret key"


class SecretUnreadable(Exception):
    """The secret was encrypted with another SECRET_KEY."""


def seal(secret: str, purpose: bytes = PURPOSE) -> str:
    return _fernet(purpose).encrypt(secret.encode()).decode("ascii")


def unseal(sealed: str, purpose: bytes = PURPOSE) -> str:
    """Returns the decrypted secret. Raises Unreadable if it was encrypted with another SECRET_KEY or purpose."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(purpose).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error


def _fernet(purpose: bytes) -> "Fernet":
    """One HMAC is enough, since SECRET_KEY is long and random. The purpose separates this key from others derived from it."""
    from cryptography.fernet import Fernet  # imported only where such a secret exists

    return Fernet(base64.urlsafe_b64encode(hmac.digest(settings.SECRET_KEY.encode(), purpose, hashlib.sha256)))
