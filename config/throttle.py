"""Guessing passwords is slow: so many failures from one network, for one name or for any, and signing in has to wait.

Failures are forgotten when they are older than LOGIN_SECONDS, and those met while waiting are not counted: nobody is locked out
for ever. Requests that come at the very same moment are all let through, at most as many as the web server has threads.
"""

import ipaddress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config import failures

NAMES_A_NETWORK = 5
"""An office shares an address: as many people may have forgotten their password there at once."""


def seconds_to_wait(request: HttpRequest, name: str) -> int:
    """0 when this person may try to sign in now."""
    waits = (
        _wait(network(request), _hashed(name), settings.LOGIN_ATTEMPTS),
        _wait(network(request), None, settings.LOGIN_ATTEMPTS * NAMES_A_NETWORK),
    )
    return max(waits)


def network(request: HttpRequest) -> str:
    """Where the request comes from: an IPv4 address, or the /64 that one customer has of IPv6.

    A header that anybody can send is believed only behind a proxy, and of it only what that proxy itself wrote: its end.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        peer = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def connect() -> None:
    user_login_failed.connect(_remember, dispatch_uid="throttle")
    user_logged_in.connect(_forget, dispatch_uid="throttle")


def _remember(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is None:
        return
    failures.remember(network(request), _hashed(str(credentials.get("username", ""))), _horizon())


def _forget(user: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Whoever knows the password after all starts afresh."""
    failures.forget(network(request), _hashed(user.get_username()))


def _wait(network: str, name_hash: str | None, most: int) -> int:
    """Until one failure fewer than the most counts."""
    recent = failures.latest(network, name_hash, _horizon(), most)
    if len(recent) < most:
        return 0
    return max(1, round((recent[-1] - _horizon()).total_seconds()))


def _horizon() -> datetime:
    return timezone.now() - timedelta(seconds=settings.LOGIN_SECONDS)


def _hashed(name: str) -> str:
    return salted_hmac("config.throttle", name.casefold(), algorithm="sha256").hexdigest()
