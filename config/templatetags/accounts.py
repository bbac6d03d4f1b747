"""What pages of accounts have to know about the way they were opened."""

from typing import Any

from django import template
from django.conf import settings

from config.accounts import oidc, passkeys

register = template.Library()


@register.simple_tag(takes_context=True)
def passkeys_work(context: dict[str, Any]) -> bool:
    """Can passkeys be used at the address of this page?"""
    return passkeys.work_here(context["request"])


@register.simple_tag
def provider() -> str:
    """The name of the OpenID Connect provider; empty without one."""
    return settings.OIDC_NAME if oidc.is_on() else ""


@register.simple_tag
def only_provider() -> bool:
    """Are passwords and passkeys switched off for signing in?"""
    return bool(settings.OIDC_ONLY)
