"""Removes allauth's models with secrets from the admin."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin

HIDDEN = (Authenticator, SocialAccount, SocialApp, SocialToken, UserSession)
"""Second-factor secrets, connections to the provider (which can sign in to the account), and session keys."""


def hide_secrets() -> None:
    """Unregisters HIDDEN from the admin. Call it after all apps have registered their models."""
    admin.site.unregister([model for model in HIDDEN if admin.site.is_registered(model)])
