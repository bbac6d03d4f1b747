"""How many passwords may be tried. Each try counts before the password is looked at, and no longer once it was right.

One transaction holds the count of a try: of tries at once, in any thread or process, each sees those before it. A try that is
refused counts for nothing, so that nobody waits for ever. The numbers lie in the cache, which is in the database.
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
from config.accounts.login.client_address import network, site
from config.accounts.login.usernames import normalised
from config.http import error_pages

NAMES_A_NETWORK = 20
"""An office shares an address: as many people may have forgotten their password there at once."""
NETWORKS_A_NAME = 10
SITE = 3
APP, ACTION = "allauth.account", "guess"

refused = Signal()
"""Sent with `request`, `name` (normalised) and `seconds` when a try was refused without looking at the password."""


class TooManyGuesses(ImmediateHttpResponse):  # type: ignore[misc]
    """Answered with 429, by allauth's middleware where no view catches it. `seconds`: how long to wait."""

    def __init__(self, request: HttpRequest, seconds: int) -> None:
        super().__init__(error_pages.too_many_requests(request, seconds))
        self.seconds = seconds


class Limit(NamedTuple):
    key: str
    most: int


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted."""

    counted: tuple[tuple[Limit, ratelimit.RateLimitUsage], ...]

    def was_right(self) -> None:
        """Whoever knows the password starts afresh; what was counted for others as well is given back."""
        with transaction.atomic():
            for _, usage in self.counted:
                usage.rollback()
            own = self.counted[0][0]
            cache.delete(_cache_key(own))


def count(request: HttpRequest, name: str) -> Try:
    """Counts a try with this name. Raises TooManyGuesses where there were too many; then it is not counted."""
    name = normalised(name)
    limits = tuple(_limits(request, name))
    _ensure_free(request, name, limits)  # a read first: who is refused all the time shall not keep writers waiting
    try:
        with transaction.atomic():
            return Try(tuple((limit, _consume(request, limit)) for limit in limits))
    except RateLimited:
        _ensure_free(request, name, limits)
        raise TooManyGuesses(request, 1) from None  # the last one has just been given back


def forget(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
    """Receives password_reset: whoever was sent a link need not wait for having guessed before."""
    own = next(_limits(request, normalised(user.get_username())))
    cache.delete(_cache_key(own))


def _ensure_free(request: HttpRequest, name: str, limits: tuple[Limit, ...]) -> None:
    if seconds := max(map(_seconds_to_wait, limits)):
        refused.send(sender=None, request=request, name=name, seconds=seconds)
        raise TooManyGuesses(request, seconds)


def _limits(request: HttpRequest, name: str) -> Iterator[Limit]:
    """The first is the person's own. The others keep the guesses of many networks or for many names in bounds.

    They do not hold for a browser in which that user signed in before: nobody locks it out by guessing from elsewhere, or from
    the same network. Names are hashed with a key: now and then people type their password in their place.
    """
    attempts = int(settings.LOGIN_ATTEMPTS)
    if device := known_devices.of(request, name):
        yield Limit(_hashed("device", device), attempts)
        return
    here = network(request)
    yield Limit(_hashed("name in network", name, here), attempts)
    yield Limit(_hashed("name", name), attempts * NETWORKS_A_NAME)
    if whole_site := site(request):
        yield Limit(_hashed("name in site", name, whole_site), attempts * SITE)
    yield Limit(_hashed("network", here), attempts * NAMES_A_NETWORK)


def _consume(request: HttpRequest, limit: Limit) -> ratelimit.RateLimitUsage:
    """Raises RateLimited when it is full."""
    return ratelimit.consume(
        request,
        app=APP,
        action=ACTION,
        config={ACTION: f"{limit.most}/{settings.LOGIN_SECONDS:g}s/key"},
        key=limit.key,
        limit_get=True,
        raise_exception=True,
    )


def _seconds_to_wait(limit: Limit) -> int:
    """Until one try fewer than the most counts; 0 when there are fewer now."""
    now = time.time()
    counting = [at for at in cache.get(_cache_key(limit), []) if at > now - settings.LOGIN_SECONDS]
    if len(counting) < limit.most:
        return 0
    return max(1, round(float(counting[limit.most - 1]) + float(settings.LOGIN_SECONDS) - now))


def _cache_key(limit: Limit) -> str:
    """Where allauth keeps the times of the tries, the latest first."""
    rate = ratelimit.Rate(limit.most, float(settings.LOGIN_SECONDS), "key")
    return str(ratelimit.get_cache_key(None, app=APP, action=ACTION, rate=rate, key=limit.key))


def _hashed(*parts: str) -> str:
    return salted_hmac("config.accounts.guesses", "\0".join(parts), algorithm="sha256").hexdigest()
