"""Second factors: authenticator app and recovery codes. Deviations from allauth.mfa."""

import logging
from typing import Any

from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from config.accounts import passkeys
from config.accounts.login import partial_login
from processing.storage import encryption

PURPOSE = b"darkroom: secrets of second factors"
CODE_RATES = "5/5m/key,50/d/key"
"""Limits of wrong codes for one user. Three of a million codes are valid at any time: on average one guess succeeds in
6,000 days."""

log = logging.getLogger(__name__)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Encrypts second-factor secrets, and sets the names that apps and browsers show."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "Wrong or already used code. Wait for the next one, or use a recovery code.",
    }

    def encrypt(self, text: str) -> str:
        return encryption.seal(text, PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        """Returns the secret; a random one, which no code matches, if SECRET_KEY has changed since it was encrypted."""
        try:
            return encryption.unseal(encrypted_text, PURPOSE)
        except encryption.SecretUnreadable:
            log.warning(
                "Can't decrypt a second factor: SECRET_KEY has changed. To reset it, run manage.py remove_second_factor."
            )
            return str(generate_totp_secret())

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def get_totp_issuer(self) -> str:
        return f"Darkroom ({passkeys.host(context.request)})"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": passkeys.host(context.request), "name": "Darkroom"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        name = user.get_username()
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return entity | {"name": name, "display_name": name}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"


class CountedCodes:
    """Counts each attempt before the code is checked, so that concurrent attempts are counted too."""

    user: User
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["code"].widget
        widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "20", "autofocus": True}
        self.fields["code"].label = "Code"

    def clean_code(self) -> str:
        count_attempt(context.request, self.user)
        code: str = super().clean_code()  # type: ignore[misc]
        ratelimit.clear(context.request, **_limit(self.user))
        return code


class CodeForm(CountedCodes, AuthenticateForm):  # type: ignore[misc]
    """The second step of signing in, after the password."""

    def clean_code(self) -> str:
        partial_login.require_same_password(context.request, self.user)
        return super().clean_code()


class ConfirmingCodeForm(CountedCodes, ReauthenticateForm):  # type: ignore[misc]
    """Reauthentication before a sensitive change."""


class FirstCodeForm(CountedCodes, ActivateTOTPForm):  # type: ignore[misc]
    """Proves that the app has the secret. The same code cannot be used again to sign in."""

    def clean_code(self) -> str:
        code = super().clean_code()
        data = {"secret": get_adapter().encrypt(self.secret)}
        if not TOTP(Authenticator(user=self.user, type=Authenticator.Type.TOTP, data=data)).validate_code(code):
            raise get_adapter().validation_error("incorrect_code")
        return code


def count_attempt(request: HttpRequest, user: User) -> None:
    """Counts an attempt for this user. Raises ValidationError, without counting, if the limit is reached."""
    with transaction.atomic():  # a separate transaction: the count stays when the code is rejected
        User.objects.select_for_update().get(pk=user.pk)
        is_allowed = ratelimit.consume(request, limit_get=True, **_limit(user))
    if not is_allowed:
        raise ValidationError("Too many wrong codes. Try again in 5 minutes.", code="too_many_codes")


def remove(user: User) -> int:
    """Removes the app, all passkeys and all recovery codes of this user, and returns their number."""
    removed: int = Authenticator.objects.filter(user=user).delete()[0]
    return removed


def _limit(user: User) -> dict[str, Any]:
    return {
        "app": "allauth.mfa",
        "action": "second_factor",
        "config": {"second_factor": CODE_RATES},
        "key": f"second factor of {user.pk}",
    }
