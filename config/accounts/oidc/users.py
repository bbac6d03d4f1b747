"""Users of the provider: new accounts, rejections, and rights from groups.

A user belongs to the provider if a provider account is connected and the user has no password here. Only these users get their
rights from groups.
"""

import re
import unicodedata
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse

from config.accounts import first_user, oidc
from config.accounts.login import usernames
from config.accounts.oidc import errors
from config.accounts.oidc.errors import ProviderError
from config.accounts.oidc.provider import Provider

INVALID_IN_USERNAMES = re.compile(r"[^\w.@+-]+")
"""Characters that Django does not allow in usernames."""
TIMEOUT_SECONDS = (3, 5)
"""Timeouts for connecting, and for each read of a response."""


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's adapter with the one provider from the settings; providers in the database are ignored."""

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        return [oidc.app()] if oidc.is_on() else []

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        return Provider(request, app=oidc.app())

    def get_requests_session(self) -> Any:
        session = super().get_requests_session()
        session.request.keywords["timeout"] = TIMEOUT_SECONDS
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Updates the rights of the provider's users. Raises ProviderError if the sign-in is not allowed."""
        if sociallogin.state.get("process") == "connect":
            return
        if not sociallogin.is_existing:
            sociallogin.email_addresses = [address for address in sociallogin.email_addresses if address.verified]
            _require_new_user(sociallogin)
        elif belongs_to_provider(sociallogin.user):
            update_rights(sociallogin.user, claims_of(sociallogin))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Raises a response with our error page: cancelled, expired, or the error in `exception`."""
        # Some providers omit the state when the user cancels.
        is_cancelled = error == AuthError.CANCELLED or request.GET.get("error") == "access_denied"
        is_expired = exception is None and "state_id" in (extra_context or {})
        default = errors.CANCELLED if is_cancelled else errors.EXPIRED if is_expired else errors.REJECTED
        raise ImmediateHttpResponse(errors.error_page(request, exception, default))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("oidc_connection")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.OIDC_CREATE_USERS)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Sets the new user's name, and a verified e-mail address: an unverified one may belong to another person."""
        user: User = super().populate_user(request, sociallogin, data)
        user.username = name_of(claims_of(sociallogin))
        verified = {address.email for address in sociallogin.email_addresses if address.verified}
        user.email = user.email if user.email in verified else ""
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        update_rights(sociallogin.user, claims_of(sociallogin), save=False)
        try:
            with transaction.atomic():
                user: User = super().save_user(request, sociallogin, form)
        except IntegrityError as error:  # another user of this name was created at the same time
            raise ProviderError(errors.NAME_TAKEN, "The username was taken meanwhile.") from error
        return user


def belongs_to_provider(user: User) -> bool:
    """True if the user can sign in only through the provider."""
    return not user.has_usable_password() and SocialAccount.objects.filter(user=user).exists()


def claims_of(sociallogin: SocialLogin) -> dict[str, Any]:
    """Returns the provider's claims about the user: userinfo if present, else the ID token."""
    data = sociallogin.account.extra_data
    claims: dict[str, Any] = data.get("userinfo") or data.get("id_token") or {}
    return claims


def name_of(claims: dict[str, Any]) -> str:
    """Returns a username for a new user."""
    claimed_name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    plain = unicodedata.normalize("NFKC", claimed_name).strip()
    return INVALID_IN_USERNAMES.sub("-", plain)[:150].strip("-") or "user"


def groups_of(claims: dict[str, Any]) -> set[str]:
    """Returns the groups in the claim OIDC_GROUPS_CLAIM, which may be a path as realm_access.roles. Without it, none."""
    value: Any = claims.get(settings.OIDC_GROUPS_CLAIM)
    if value is None:
        value = claims
        for step in settings.OIDC_GROUPS_CLAIM.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, str):
        return {value}
    return {group for group in value if isinstance(group, str)} if isinstance(value, list) else set()


def update_rights(user: User, claims: dict[str, Any], *, save: bool = True) -> None:
    """Sets the user's staff and superuser flags from OIDC_STAFF_GROUP and OIDC_ADMIN_GROUP, if these are set."""
    staff, admin = settings.OIDC_STAFF_GROUP, settings.OIDC_ADMIN_GROUP
    if not staff and not admin:
        return
    groups = groups_of(claims)
    if admin:
        user.is_superuser = admin in groups
    user.is_staff = user.is_superuser or (bool(staff) and staff in groups)
    if save:
        user.save(update_fields=["is_staff", "is_superuser"])


def _require_new_user(sociallogin: SocialLogin) -> None:
    """Raises ProviderError unless a new account may be created with this name and address."""
    if not settings.OIDC_CREATE_USERS or not first_user.exists():
        raise ProviderError(errors.UNKNOWN_USER, "OIDC_CREATE_USERS is off, or there is no first user yet.")
    user = sociallogin.user
    is_taken = bool(usernames.find_user(user.username)) or User.objects.filter(username__iexact=user.username).exists()
    if is_taken or (user.email and filter_users_by_email(user.email)):
        raise ProviderError(
            errors.NAME_TAKEN, "Its name or e-mail address is taken by an account that is not connected."
        )
