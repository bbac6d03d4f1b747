"""What allauth would show and let change in the admin, and is nobody's to see or to write."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin

HIDDEN = (Authenticator, SocialAccount, SocialApp, SocialToken, UserSession)
"""Secrets of second factors; whose account is connected, which is a way into it; keys of sessions."""


def hide_secrets() -> None:
    """Takes these models out of the admin. Called when all apps have registered theirs."""
    admin.site.unregister([model for model in HIDDEN if admin.site.is_registered(model)])
