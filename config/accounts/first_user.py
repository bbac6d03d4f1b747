"""Creates the first user through a one-time link with a secret, which is printed on the server's console."""

import hmac
from http import HTTPStatus
from pathlib import Path
from typing import Any

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config import secrets
from config.accounts import security_log
from config.accounts.security_log import Event


class FirstUserForm(UserCreationForm):  # type: ignore[type-arg]
    """Django's form with one password rule as help text. The other rules appear only as errors."""

    HELP = {"username": "", "password1": "At least 8 characters. Sentences are easy to remember.", "password2": ""}

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, help_text in self.HELP.items():
            self.fields[name].help_text = help_text
        self.fields["password2"].label = "Confirm password"


def exists() -> bool:
    """True if there is any user."""
    return get_user_model().objects.exists()


def link() -> str | None:
    """Returns the path of the one-time link; None if a user exists."""
    if exists():
        return None
    return reverse("welcome", args=[secrets.read_or_create(_path())])


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """Shows the form, and creates the user. Returns 404 with an explanation if the link is used or wrong."""
    if not _is_open(token):
        return _closed(request)
    form = FirstUserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _create(form)
        if user is None:
            return _closed(request)
        security_log.record(Event.FIRST_USER, request, user=user)
        response: HttpResponse = perform_login(request, user, redirect_url=reverse("albums:create"))
        return response
    return render(request, "registration/welcome.html", {"form": form}, status=422 if form.errors else 200)


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/used_link.html", {"is_used": exists()}, status=HTTPStatus.NOT_FOUND)


def _is_open(token: str) -> bool:
    path = _path()
    if exists() or not path.exists():
        return False
    return hmac.compare_digest(path.read_bytes(), token.encode())


def _create(form: FirstUserForm) -> User | None:
    """Creates and returns the first user. Of concurrent requests, all but one get None."""
    with transaction.atomic():
        _lock_users()
        if exists():
            return None
        user: User = form.save(commit=False)
        user.is_staff = user.is_superuser = True
        user.save()
    _path().unlink(missing_ok=True)
    return user


def _lock_users() -> None:
    """Makes other transactions that call this wait. SQLite needs no lock: it allows one writer (transaction_mode IMMEDIATE)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(User._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE")


def _path() -> Path:
    return Path(settings.DATA_DIR) / "first_user_link"
