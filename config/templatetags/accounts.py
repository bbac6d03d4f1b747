"""Template tags for the account pages."""

from typing import Any

from django import template
from django.conf import settings

from config.accounts import oidc, passkeys
from config.accounts.sessions import user_agents

register = template.Library()


@register.simple_tag(takes_context=True)
def passkeys_work(context: dict[str, Any]) -> bool:
    """True if passkeys can be used at the address of this page."""
    return passkeys.are_available(context["request"])


@register.simple_tag
def provider() -> str:
    """The name of the OpenID Connect provider; "" without one."""
    return settings.OIDC_NAME if oidc.is_on() else ""


@register.simple_tag
def only_provider() -> bool:
    """True if passwords and passkeys are disabled for signing in."""
    return bool(settings.OIDC_ONLY)


@register.filter
def browser_name(user_agent: str) -> str:
    """The browser and the system of a User-Agent header, such as "Firefox on Windows"."""
    return user_agents.display_name(user_agent)
