"""Users and groups in the admin, with forms that are accessible, and without allauth's models with secrets."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ManyToManyField
from django.forms import CheckboxSelectMultiple

HIDDEN = (Authenticator, SocialAccount, SocialApp, SocialToken, UserSession)
"""Second-factor secrets, connections to the provider (which can sign in to the account), and session keys."""


CHECKBOXES: dict[type[Any], dict[str, Any]] = {ManyToManyField: {"widget": CheckboxSelectMultiple}}
"""For groups and permissions, instead of the widget of `filter_horizontal`, whose help icons axe reports."""


class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    filter_horizontal = ()
    formfield_overrides = CHECKBOXES
    readonly_fields = ("last_login", "date_joined")


class PermissionsAdmin(GroupAdmin):
    filter_horizontal = ()
    formfield_overrides = CHECKBOXES


def hide_secrets() -> None:
    """Unregisters HIDDEN from the admin. Call it after all apps have registered their models."""
    admin.site.unregister([model for model in HIDDEN if admin.site.is_registered(model)])


def register_users() -> None:
    """Replaces Django's pages of users and groups by those above. Call it after all apps have registered their models."""
    admin.site.unregister([User, Group])
    admin.site.register(User, AccountAdmin)
    admin.site.register(Group, PermissionsAdmin)
