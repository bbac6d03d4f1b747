"""Secrets at rest: sealed with a key that is made of SECRET_KEY, so that a copy of the database alone gives none away."""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PURPOSE = b"darkroom: the bucket's secret key"


class Unreadable(Exception):
    """It was sealed with another SECRET_KEY."""


def seal(secret: str, purpose: bytes = PURPOSE) -> str:
    return _fernet(purpose).encrypt(secret.encode()).decode("ascii")


def unseal(sealed: str, purpose: bytes = PURPOSE) -> str:
    """The secret. Raises Unreadable where SECRET_KEY or the purpose is another than it was sealed with."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(purpose).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _fernet(purpose: bytes) -> "Fernet":
    """SECRET_KEY is long and random, so one round is enough; the purpose keeps this key apart from what else is made of it."""
    from cryptography.fernet import Fernet  # only who has such a secret pays for it

    return Fernet(base64.urlsafe_b64encode(hmac.digest(settings.SECRET_KEY.encode(), purpose, hashlib.sha256)))
