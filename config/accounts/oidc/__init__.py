"""OpenID Connect with one provider, which the OIDC_ settings name. allauth's flow, with the checks that it leaves out.

The provider's accounts are known by issuer and subject: a subject alone means somebody else at another provider.
"""

from allauth.socialaccount.models import SocialApp
from django.conf import settings


def is_on() -> bool:
    """Do the settings name a provider?"""
    return bool(settings.OIDC_ISSUER)


def app() -> SocialApp:
    """The settings as allauth's row, which is never saved. Raises SocialApp.DoesNotExist where there is no provider."""
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
