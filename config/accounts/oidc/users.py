"""Whom the provider signs in: who gets an account, who never does, and what groups permit.

A user is the provider's if its account is connected and there is no password here. Only their rights follow the groups.
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

NOT_IN_NAMES = re.compile(r"[^\w.@+-]+")
"""What Django's names of users may not contain."""
TIMEOUT_SECONDS = (3, 5)
"""To connect, and between two pieces of an answer."""


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's, with one provider that only the settings name: rows of the database name none."""

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
        """Raises ProviderError where nobody may be signed in; gives and takes rights of users of the provider."""
        if sociallogin.state.get("process") == "connect":
            return
        if not sociallogin.is_existing:
            sociallogin.email_addresses = [address for address in sociallogin.email_addresses if address.verified]
            _require_new_user(sociallogin)
        elif belongs_to_provider(sociallogin.user):
            follow_groups(sociallogin.user, claims_of(sociallogin))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Answers with a page of ours: cancelled, expired, or what `exception` says."""
        is_cancelled = (
            error == AuthError.CANCELLED or request.GET.get("error") == "access_denied"
        )  # some forget the state
        is_expired = exception is None and "state_id" in (extra_context or {})
        otherwise = errors.CANCELLED if is_cancelled else errors.EXPIRED if is_expired else errors.REFUSED
        raise ImmediateHttpResponse(errors.told(request, exception, otherwise))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("oidc_connection")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.OIDC_CREATE_USERS)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """The new user's name and, if the provider has confirmed it, e-mail address: an unconfirmed one may be anybody's."""
        user: User = super().populate_user(request, sociallogin, data)
        user.username = name_of(claims_of(sociallogin))
        confirmed = {address.email for address in sociallogin.email_addresses if address.verified}
        user.email = user.email if user.email in confirmed else ""
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        follow_groups(sociallogin.user, claims_of(sociallogin), save=False)
        try:
            with transaction.atomic():
                user: User = super().save_user(request, sociallogin, form)
        except IntegrityError as error:  # somebody of that name came at the same moment
            raise ProviderError(errors.NAME_TAKEN, "The name was taken meanwhile.") from error
        return user


def belongs_to_provider(user: User) -> bool:
    """Does only the provider sign this user in?"""
    return not user.has_usable_password() and SocialAccount.objects.filter(user=user).exists()


def claims_of(sociallogin: SocialLogin) -> dict[str, Any]:
    """What the provider said of this person: of userinfo and ID token, the former."""
    data = sociallogin.account.extra_data
    claims: dict[str, Any] = data.get("userinfo") or data.get("id_token") or {}
    return claims


def name_of(claims: dict[str, Any]) -> str:
    """A name for a new user, from the claims."""
    wanted = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    plain = unicodedata.normalize("NFKC", wanted).strip()
    return NOT_IN_NAMES.sub("-", plain)[:150].strip("-") or "user"


def groups_of(claims: dict[str, Any]) -> set[str]:
    """The groups in the claim that OIDC_GROUPS_CLAIM names; dots lead inside, as realm_access.roles. None are no groups."""
    found: Any = claims.get(settings.OIDC_GROUPS_CLAIM)
    if found is None:
        found = claims
        for step in settings.OIDC_GROUPS_CLAIM.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, str):
        return {found}
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()


def follow_groups(user: User, claims: dict[str, Any], *, save: bool = True) -> None:
    """Gives and takes the rights of staff and superusers, as far as OIDC_STAFF_GROUP and OIDC_ADMIN_GROUP say who has them."""
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
    """Raises ProviderError unless this person may be given an account that is nobody's yet."""
    if not settings.OIDC_CREATE_USERS or not first_user.exists():
        raise ProviderError(errors.UNKNOWN_USER, "OIDC_CREATE_USERS is off, or there is no first user yet.")
    user = sociallogin.user
    is_taken = (
        bool(usernames.user_called(user.username)) or User.objects.filter(username__iexact=user.username).exists()
    )
    if is_taken or (user.email and filter_users_by_email(user.email)):
        raise ProviderError(
            errors.NAME_TAKEN, "Its name or e-mail address is taken by an account that is not connected."
        )
