"""Django's cache in Redis, which may be flushed, frozen or away at any time: then it is as if it were empty, and work goes on.

Values are signed JSON. Django's own are pickles: whoever can write into Redis could run code in whatever reads them.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.core.signing import BadSignature, Signer
from redis import RedisError

log = logging.getLogger(__name__)


class Unsigned(Exception):
    """A value that this installation has not written."""


class SignedJson:
    """Whole numbers go as they are, so that Redis can count with them; a tuple comes back as a list."""

    def __init__(self) -> None:
        self._signer = Signer(salt="darkroom.cache")

    def dumps(self, value: Any) -> int | bytes:
        return value if type(value) is int else self._signer.sign_object([value]).encode("ascii")

    def loads(self, data: bytes) -> Any:
        """Raises Unsigned."""
        try:
            return int(data)
        except ValueError:
            pass
        try:
            (value,) = self._signer.unsign_object(bytes(data).decode("ascii"))
        except (BadSignature, ValueError, TypeError) as error:
            raise Unsigned from error
        return value


def _forgetful(verb: str, otherwise: Callable[..., Any]) -> Any:
    """The client's method of that name; while Redis does not answer, what an empty cache could have answered."""
    ask = getattr(RedisCacheClient, verb)

    def method(client: RedisCacheClient, *args: Any, **kwargs: Any) -> Any:
        try:
            return ask(client, *args, **kwargs)
        except Unsigned:
            log.warning(
                "The cache holds a value that this installation has not signed; it counts as if it were not there"
            )
            return otherwise(*args, **kwargs)
        except RedisError:
            log.warning("The cache does not answer", exc_info=True)
            return otherwise(*args, **kwargs)

    return method


class ForgetfulClient(RedisCacheClient):
    add = _forgetful("add", lambda *_, **__: True)
    get = _forgetful("get", lambda key, default: default)
    get_many = _forgetful("get_many", lambda keys: {})
    has_key = _forgetful("has_key", lambda key: False)
    touch = _forgetful("touch", lambda *_: False)
    delete = _forgetful("delete", lambda key: False)
    clear = _forgetful("clear", lambda: False)
    set = _forgetful("set", lambda *_: None)
    set_many = _forgetful("set_many", lambda *_: None)
    delete_many = _forgetful("delete_many", lambda keys: None)


class Cache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {"serializer": SignedJson} | params.get("OPTIONS", {})
        super().__init__(server, params | {"OPTIONS": options})
        self._class = ForgetfulClient
