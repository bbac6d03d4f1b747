"""The OpenID Connect client: discovery, PKCE, nonce, and validation of the ID token."""

import secrets
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from config.accounts import passkeys
from config.accounts.oidc import errors
from config.accounts.oidc.errors import ProviderError

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric algorithms only: with a shared secret, every party that can verify a token can also forge one."""
LEEWAY_SECONDS = 60
CONFIGURATION_SECONDS = 600
DOWN_SECONDS = 5
"""For this long after a failed request, further ones fail at once instead of waiting for the provider."""
MAX_SUBJECT_CHARACTERS = 191
"""The size of allauth's column."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OpenIDAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's adapter for one sign-in. The callback view sets `nonce` to the one that was sent to the provider."""

    nonce: str | None = None

    @property
    def openid_config(self) -> dict[str, Any]:
        return configuration()

    @property
    def basic_auth(self) -> bool:
        """True if the client secret is sent in a header, which is the default (Discovery 1.0, section 3)."""
        methods = self.openid_config.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_post" not in methods

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Returns the callback URL, on PUBLIC_URL if it is set."""
        return passkeys.origin(request) + reverse("oidc_callback")

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> Any:
        """Returns the SocialLogin for the ID token and userinfo. Raises ProviderError if they are not valid."""
        id_token = kwargs["response"].get("id_token")
        if not id_token:
            raise ProviderError(errors.UNTRUSTED, "The response has no id_token. Is the scope openid allowed?")
        claims = verified(id_token, self.nonce)
        data = {"id_token": claims}
        if self.openid_config.get("userinfo_endpoint"):
            userinfo = self._fetch_user_info(token.token)
            if not isinstance(userinfo, dict) or userinfo.get("sub") != claims["sub"]:  # OpenID Connect Core 5.3.2
                raise ProviderError(errors.UNTRUSTED, "The subjects of userinfo and ID token differ.")
            data["userinfo"] = claims | userinfo
        return self.get_provider().sociallogin_from_response(request, data)


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    oauth2_adapter_class = OpenIDAdapter

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("oidc_begin")

    def get_callback_url(self) -> str:
        return reverse("oidc_callback")

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Neither scopes nor other parameters come from the request: only the settings say what is asked for."""
        kwargs: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        process = "connect" if request.user.is_authenticated else "login"
        return kwargs | {"scope": self.get_scope(), "auth_params": {}, "process": process}

    def redirect(self, request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
        nonce = secrets.token_urlsafe(32)
        params = (kwargs.pop("auth_params", None) or {}) | {"nonce": nonce}
        response: HttpResponse = super().redirect(request, process, auth_params=params, nonce=nonce, **kwargs)
        return response


class Callback(OAuth2CallbackView):  # type: ignore[misc]
    """allauth's view, which also passes the nonce from the state to the adapter."""

    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple[dict[str, Any] | None, HttpResponse | None]:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce")
        return state, response


def configuration() -> dict[str, Any]:
    """Returns the provider's published configuration, cached for ten minutes. Raises ProviderError if fetching it fails."""
    key = f"oidc:{settings.OIDC_ISSUER}"
    if cache.get(f"{key}:down"):
        raise ProviderError(errors.UNREACHABLE, "The provider wasn't responding a moment ago.")
    document: dict[str, Any] | None = cache.get(key)
    if document is None:
        try:
            document = _fetch_json(f"{settings.OIDC_ISSUER}/.well-known/openid-configuration")
        except ProviderError:
            cache.set(f"{key}:down", True, DOWN_SECONDS)
            raise
        if document.get("issuer", "").rstrip("/") != settings.OIDC_ISSUER:
            raise ProviderError(errors.UNTRUSTED, f"OIDC_ISSUER identifies itself as {document.get('issuer')!r}.")
        if missing := [name for name in ENDPOINTS if not str(document.get(name)).startswith(("https://", "http://"))]:
            raise ProviderError(errors.UNTRUSTED, f"The provider's configuration lacks {', '.join(missing)}.")
        cache.set(key, document, CONFIGURATION_SECONDS)
    return document


def verified(id_token: str, nonce: str | None) -> dict[str, Any]:
    """Returns the claims of the ID token. Raises ProviderError unless signature, issuer, audience, times and nonce are valid."""
    try:
        key = _key_of(jwt.get_unverified_header(id_token))
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=ALGORITHMS,
            audience=settings.OIDC_CLIENT_ID,
            issuer=configuration()["issuer"],
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise ProviderError(errors.CLOCK, f"The ID token is not valid now: {error}") from error
    except jwt.PyJWTError as error:
        raise ProviderError(errors.UNTRUSTED, f"The ID token is not valid: {error}") from error
    if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise ProviderError(errors.UNTRUSTED, "The ID token was issued for another client.")
    if len(claims["sub"]) > MAX_SUBJECT_CHARACTERS:
        raise ProviderError(errors.UNTRUSTED, f"The subject is longer than {MAX_SUBJECT_CHARACTERS} characters.")
    if not nonce or not secrets.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise ProviderError(errors.UNTRUSTED, "The ID token's nonce differs from the one sent.")
    return claims


def _key_of(header: dict[str, Any]) -> jwt.PyJWK:
    """Returns the public key that the token's header names; without a name, the provider's only key."""
    keys = jwt.PyJWKSet.from_dict(_fetch_json(configuration()["jwks_uri"])).keys
    candidates = [key for key in keys if key.key_id == header.get("kid")] if header.get("kid") else keys
    if len(candidates) != 1:
        raise ProviderError(errors.UNTRUSTED, f"The provider has {len(candidates)} keys named {header.get('kid')!r}.")
    return candidates[0]


def _fetch_json(url: str) -> dict[str, Any]:
    try:
        with get_adapter().get_requests_session() as session:
            response = session.get(url)
            response.raise_for_status()
            document = response.json()
    except requests.RequestException as error:
        raise ProviderError(errors.UNREACHABLE, f"{url}: {error}") from error
    if not isinstance(document, dict):
        raise ProviderError(errors.UNTRUSTED, f"{url} is not a JSON object.")
    return document
