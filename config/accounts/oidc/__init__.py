"""OpenID Connect with the one provider in the OIDC_ settings: allauth's flow plus the checks that it omits.

The provider's accounts are identified by issuer and subject, since different providers can use the same subject.
"""

from allauth.socialaccount.models import SocialApp
from django.conf import settings


def is_on() -> bool:
    """True if the settings name a provider."""
    return bool(settings.OIDC_ISSUER)


def app() -> SocialApp:
    """Returns the settings as an unsaved SocialApp. Raises SocialApp.DoesNotExist if no provider is set."""
    if not is_on():
        raise SocialApp.DoesNotExist
    return SocialApp(
        provider="openid_connect",
        provider_id=settings.OIDC_ISSUER,
        name=settings.OIDC_NAME,
        client_id=settings.OIDC_CLIENT_ID,
        secret=settings.OIDC_CLIENT_SECRET,
        settings={
            "server_url": settings.OIDC_ISSUER,
            "oauth_pkce_enabled": True,
            "scope": list(dict.fromkeys(["openid", *settings.OIDC_SCOPES])),
        },
    )
