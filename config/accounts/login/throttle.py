"""Rate limits for passwords. Each attempt is counted before the password is checked; a successful one is uncounted.

Each attempt is counted in one transaction, so concurrent attempts in all threads and processes see each other. Rejected attempts
are not counted, so the wait always ends. The counts are stored in the cache, which is in the database.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from allauth.core.exceptions import ImmediateHttpResponse, RateLimited
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from config.accounts.login import known_devices
from config.accounts.login.client_address import ipv6_site, network
from config.accounts.login.usernames import normalised
from config.http import error_pages

NETWORK_FACTOR = 20
"""Factor for the limit of a network. An office shares one address, and this many users may mistype passwords at once."""
NAME_FACTOR = 10
SITE_FACTOR = 3
APP, ACTION = "allauth.account", "guess"

rejected = Signal()
"""Sent with `request`, `name` (normalised) and `seconds` when an attempt is rejected without checking the password."""


class TooManyAttempts(ImmediateHttpResponse):  # type: ignore[misc]
    """Makes allauth's middleware respond with 429 if no view catches it. `seconds` is the time to wait."""

    def __init__(self, request: HttpRequest, seconds: int) -> None:
        super().__init__(error_pages.too_many_requests(request, seconds))
        self.seconds = seconds


class Limit(NamedTuple):
    key: str
    maximum: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt."""

    counted: tuple[tuple[Limit, ratelimit.RateLimitUsage], ...]

    def succeeded(self) -> None:
        """Resets the user's own limit after a correct password, and uncounts the attempt in the other limits."""
        with transaction.atomic():
            for _, usage in self.counted:
                usage.rollback()
            own_limit = self.counted[0][0]
            cache.delete(_cache_key(own_limit))


def count_attempt(request: HttpRequest, name: str) -> Attempt:
    """Counts an attempt with this name. Raises TooManyAttempts, without counting, if a limit is reached."""
    name = normalised(name)
    limits = tuple(_limits(request, name))
    _ensure_free(request, name, limits)  # read first: rejected attempts must not block writers
    try:
        with transaction.atomic():
            return Attempt(tuple((limit, _consume(request, limit)) for limit in limits))
    except RateLimited:
        _ensure_free(request, name, limits)
        raise TooManyAttempts(request, 1) from None  # another attempt has just been uncounted


def reset(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
    """Receives password_reset: a user with a new password does not have to wait for earlier attempts."""
    own_limit = next(_limits(request, normalised(user.get_username())))
    cache.delete(_cache_key(own_limit))


def _ensure_free(request: HttpRequest, name: str, limits: tuple[Limit, ...]) -> None:
    if seconds := max(map(_seconds_to_wait, limits)):
        rejected.send(sender=None, request=request, name=name, seconds=seconds)
        raise TooManyAttempts(request, seconds)


def _limits(request: HttpRequest, name: str) -> Iterator[Limit]:
    """Yields the user's own limit first, then limits for attempts from many networks or for many names.

    A browser that the user has signed in with before has only its own limit, so that attempts from elsewhere or from the same
    network cannot lock it out. Names are hashed with a key, since people sometimes type their password as the name.
    """
    attempts = int(settings.LOGIN_ATTEMPTS)
    if device := known_devices.device_id(request, name):
        yield Limit(_hashed("device", device), attempts)
        return
    client_network = network(request)
    yield Limit(_hashed("name in network", name, client_network), attempts)
    yield Limit(_hashed("name", name), attempts * NAME_FACTOR)
    if client_site := ipv6_site(request):
        yield Limit(_hashed("name in site", name, client_site), attempts * SITE_FACTOR)
    yield Limit(_hashed("network", client_network), attempts * NETWORK_FACTOR)


def _consume(request: HttpRequest, limit: Limit) -> ratelimit.RateLimitUsage:
    """Counts an attempt. Raises RateLimited if the limit is reached."""
    return ratelimit.consume(
        request,
        app=APP,
        action=ACTION,
        config={ACTION: f"{limit.maximum}/{settings.LOGIN_SECONDS:g}s/key"},
        key=limit.key,
        limit_get=True,
        raise_exception=True,
    )


def _seconds_to_wait(limit: Limit) -> int:
    """Returns the seconds until the limit allows another attempt; 0 if it does now."""
    now = time.time()
    attempts = [timestamp for timestamp in cache.get(_cache_key(limit), []) if timestamp > now - settings.LOGIN_SECONDS]
    if len(attempts) < limit.maximum:
        return 0
    return max(1, round(float(attempts[limit.maximum - 1]) + float(settings.LOGIN_SECONDS) - now))


def _cache_key(limit: Limit) -> str:
    """The key under which allauth stores the times of the attempts, the latest first."""
    rate = ratelimit.Rate(limit.maximum, float(settings.LOGIN_SECONDS), "key")
    return str(ratelimit.get_cache_key(None, app=APP, action=ACTION, rate=rate, key=limit.key))


def _hashed(*parts: str) -> str:
    return salted_hmac("config.accounts.guesses", "\0".join(parts), algorithm="sha256").hexdigest()
