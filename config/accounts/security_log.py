"""The security log: sign-ins, failed sign-ins and uses of privileges. One line per event, by the logger `darkroom.security`.

    2026-11-29 03:15:02,123 INFO darkroom.security event=sign-in-failed address=192.0.2.7 name=3f2a9c…

A line consists of key=value pairs. Values with characters other than letters, digits and `._:@/+-` are quoted as JSON strings, so
no value can add a pair or a line. Typed names are never logged, since they may be passwords in the wrong field. A hash that
is keyed with SECRET_KEY, and the same for the same name, is logged instead. Passwords, tokens, cookies and session keys are never
logged.

allauth also sends Django's sign-in signals. Changes of second factors are logged by model signals, which cover commands and the
admin too.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from albums import access
from albums.models import Album
from config.accounts.login import throttle
from config.accounts.login.client_address import network
from config.accounts.login.usernames import normalised

log = logging.getLogger("darkroom.security")

PLAIN = re.compile(r"[\w.:@/+-]+", re.ASCII)
HASH_CHARACTERS = 16
"""Of 64 hexadecimal digits: enough to distinguish names."""
MAX_VALUE_CHARACTERS = 200
WATCHED_FIELDS = ("password", "is_staff", "is_superuser", "is_active")
PREVIOUS_VALUES = "_security_log_before"


class Event(StrEnum):
    """The logged events. The values are stable, since alerts depend on them."""

    SIGNED_IN = "signed-in"
    SIGN_IN_FAILED = "sign-in-failed"
    THROTTLED = "sign-in-throttled"
    """Refused without checking the password, after too many failures."""
    SIGNED_OUT = "signed-out"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password-reset"  # noqa: S105
    FACTOR_ADDED = "second-factor-added"
    FACTOR_REMOVED = "second-factor-removed"
    SESSIONS_ENDED = "other-sessions-ended"
    FIRST_USER = "first-user-created"
    USER_CREATED = "user-created"
    PRIVILEGES_CHANGED = "privileges-changed"
    """A user's staff, superuser or active flags (`now` and `before` list the set ones), groups or permissions changed."""
    ALBUM_OPENED = "other-users-album-opened"
    """Opened with a privilege, for the first time in a session."""
    DELETED = "other-users-content-deleted"


LEVELS = {
    Event.SIGN_IN_FAILED: logging.WARNING,
    Event.THROTTLED: logging.WARNING,
    Event.FIRST_USER: logging.WARNING,
    Event.PRIVILEGES_CHANGED: logging.WARNING,
    Event.DELETED: logging.WARNING,
}
"""The level of all other events is INFO."""


_current: ContextVar[HttpRequest | None] = ContextVar("security_log_request", default=None)


class RequestMiddleware:
    """Stores the current request for events from model signals, such as a change of privileges in the admin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _current.set(request)
        try:
            return self._get_response(request)
        finally:
            _current.reset(token)


def record(
    event: Event,
    request: HttpRequest | None = None,
    *,
    user: AbstractBaseUser | None = None,
    name: str | None = None,
    **facts: str | int | None,
) -> None:
    """Writes a line to the security log.

    `request` defaults to the current request; commands have none. `user` is the affected user, and `by` is added if the request's
    user is another one. `name` is a typed name, for an unknown user; it is logged as a keyed hash. `facts` are additional pairs,
    such as ids and names of methods; values of None are left out. Never pass a secret.
    """
    request = request or _current.get()
    pairs: dict[str, str | int | None] = {"event": event.value}
    actor = _actor(request)
    subject = user.pk if user is not None else actor if name is None else None
    pairs |= {"user": subject, "by": actor if actor != subject else None}
    pairs["address"] = network(request) if request is not None else None
    pairs["name"] = hashed(name) if name is not None else None
    pairs |= facts
    line = " ".join(f"{key}={_value(value)}" for key, value in pairs.items() if value is not None)
    log.log(LEVELS.get(event, logging.INFO), "%s", line)


def hashed(name: str) -> str:
    """Returns the keyed hash of a name; equal for all spellings of it (NFKC, surrounding spaces, case).

    The hash depends on SECRET_KEY.
    """
    normal_name = normalised(name).encode("utf-8", "surrogatepass")
    return salted_hmac("config.security_log", normal_name, algorithm="sha256").hexdigest()[:HASH_CHARACTERS]


def connect() -> None:
    """Connects the receivers to the signals of Django, allauth and albums."""
    from allauth.account.signals import password_reset
    from allauth.mfa.models import Authenticator
    from allauth.mfa.signals import authentication_failed

    for signal, receiver in (
        (user_logged_in, _signed_in),
        (user_login_failed, _failed),
        (user_logged_out, _signed_out),
        (throttle.rejected, _throttled),
        (authentication_failed, _wrong_code),
        (password_reset, _password_reset),
        (access.opened, _opened),
        (access.destroyed, _destroyed),
    ):
        signal.connect(receiver, dispatch_uid="security_log")
    users = get_user_model()
    pre_save.connect(_remember_user, sender=users, dispatch_uid="security_log")
    post_save.connect(_user_saved, sender=users, dispatch_uid="security_log")
    post_save.connect(_factor_saved, sender=Authenticator, dispatch_uid="security_log")
    post_delete.connect(_factor_deleted, sender=Authenticator, dispatch_uid="security_log")
    for through in (User.groups.through, User.user_permissions.through):
        m2m_changed.connect(_granted, sender=through, dispatch_uid="security_log")


def _actor(request: HttpRequest | None) -> int | None:
    user = getattr(request, "user", None)
    return user.pk if user is not None and user.is_authenticated else None


def _value(value: str | int) -> str:
    text = str(value)[:MAX_VALUE_CHARACTERS]
    return text if PLAIN.fullmatch(text) else json.dumps(text)


def _signed_in(user: AbstractBaseUser, request: HttpRequest | None = None, **_: Any) -> None:
    record(Event.SIGNED_IN, request, user=user)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    record(Event.SIGN_IN_FAILED, request, name=str(credentials.get("username", "")))


def _throttled(request: HttpRequest, name: str, seconds: int, **_: Any) -> None:
    record(Event.THROTTLED, request, name=name, wait=seconds)


def _wrong_code(request: HttpRequest, user: AbstractBaseUser, authenticator: Any = None, **_: Any) -> None:
    record(Event.SIGN_IN_FAILED, request, user=user, method=authenticator.type if authenticator else None)


def _password_reset(request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    record(Event.PASSWORD_RESET, request, user=user)


def _factor_saved(instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    if created and not raw:
        record(Event.FACTOR_ADDED, user=instance.user, method=instance.type)


def _factor_deleted(instance: Any, **_: Any) -> None:
    record(Event.FACTOR_REMOVED, user=instance.user, method=instance.type)


def _signed_out(user: AbstractBaseUser | None, request: HttpRequest | None = None, **_: Any) -> None:
    if user is not None:
        record(Event.SIGNED_OUT, request, user=user)


def _opened(request: HttpRequest, album: Album, **_: Any) -> None:
    record(Event.ALBUM_OPENED, request, album=album.pk, owner=album.owner_id)


def _destroyed(request: HttpRequest, album: Album, what: str, **_: Any) -> None:
    record(Event.DELETED, request, what=what, album=album.pk, owner=album.owner_id)


def _remember_user(instance: User, raw: bool = False, update_fields: Any = None, **_: Any) -> None:
    """Stores the row's values before it is saved. Signing in saves only `last_login`, which costs no query here."""
    is_watched = update_fields is None or set(update_fields) & set(WATCHED_FIELDS)
    if raw or instance.pk is None or not is_watched:
        setattr(instance, PREVIOUS_VALUES, None)
        return
    setattr(
        instance,
        PREVIOUS_VALUES,
        type(instance)._default_manager.filter(pk=instance.pk).values(*WATCHED_FIELDS).first(),
    )


def _user_saved(
    instance: User, created: bool, raw: bool = False, update_fields: Iterable[str] | None = None, **_: Any
) -> None:
    """Logs changes of a user. A password that Django rehashes at sign-in, with more rounds, is not a change."""
    is_rehashed = set(update_fields or ()) == {"password"} and getattr(instance, "_password", None) is None
    before = getattr(instance, PREVIOUS_VALUES, None)
    if raw:
        return
    if created:
        record(Event.USER_CREATED, user=instance, now=_privileges(vars(instance)))
    elif before:
        if before["password"] != instance.password and not is_rehashed:
            record(Event.PASSWORD_CHANGED, user=instance)
        if (old := _privileges(before)) != (new := _privileges(vars(instance))):
            record(Event.PRIVILEGES_CHANGED, user=instance, before=old, now=new)


def _privileges(row: dict[str, Any]) -> str:
    return "+".join(name.removeprefix("is_") for name in WATCHED_FIELDS[1:] if row[name]) or "none"


def _granted(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, model: Any, **_: Any) -> None:
    """Logs changes of a user's groups or permissions, and of the users of a group or permission."""
    if action not in ("post_add", "post_remove", "pre_clear"):
        return
    ids = "+".join(str(pk) for pk in sorted(pk_set or ())) or None
    kind = (type(instance) if reverse else model)._meta.model_name
    if reverse:
        record(Event.PRIVILEGES_CHANGED, what=f"{kind}-{action.partition('_')[2]}", ids=instance.pk, users=ids)
    else:
        record(Event.PRIVILEGES_CHANGED, user=instance, what=f"{kind}-{action.partition('_')[2]}", ids=ids)
