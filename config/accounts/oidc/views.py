"""Signing in through the provider, and connecting it to an account. Without OIDC_ISSUER, nothing of this is found."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import requests
from allauth.account.decorators import reauthentication_required
from allauth.core.internal import ratelimit
from allauth.socialaccount.forms import DisconnectForm
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.accounts import oidc
from config.accounts.oidc import errors
from config.accounts.oidc.provider import Conversation, Provider

RATES = {"begin": "60/m/ip"}
"""Each asks the provider something now and then; an office shares an address."""
View = Callable[..., HttpResponseBase]


def with_provider(view: View) -> View:
    """The view; 404 without a provider, and a page in words for whatever goes wrong with it."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if not oidc.is_on():
            raise Http404
        try:
            return view(request)
        except (OAuth2Error, requests.RequestException) as error:
            return errors.told(request, error)

    return guarded


@login_not_required
@require_POST
@with_provider
def begin(request: HttpRequest) -> HttpResponseBase:
    """A page that goes on to the provider: to sign in, or for who is signed in, to connect the account.

    No redirect: form-action of the Content-Security-Policy holds for where a form is redirected to as well, and the provider may
    redirect to anywhere in its turn.
    """
    if not ratelimit.consume(request, app="config", action="begin", config=RATES):
        refused: HttpResponse = ratelimit.respond_429(request)
        return refused
    there = _connect(request) if request.user.is_authenticated else _leave(request)
    return render(request, "socialaccount/leave.html", {"url": there.url, "name": settings.OIDC_NAME})


@login_not_required
@require_safe
@with_provider
def callback(request: HttpRequest) -> HttpResponseBase:
    """Where the provider sends people back to, with a code or an error."""
    view: View = Callback.adapter_view(Conversation(request, settings.OIDC_ISSUER))
    return view(request)


@require_http_methods(["GET", "HEAD", "POST"])
@with_provider
def connection(request: HttpRequest) -> HttpResponseBase:
    """The connection between this account and the provider. POST ends it."""
    accounts = SocialAccount.objects.filter(user=request.user.pk, provider=settings.OIDC_ISSUER)
    form = DisconnectForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("oidc_connection")
    context = {"form": form, "accounts": accounts, "name": settings.OIDC_NAME}
    return render(request, "socialaccount/connections.html", context, status=422 if form.errors else 200)


class Callback(OAuth2CallbackView):  # type: ignore[misc]
    """allauth's, which tells the adapter the nonce that was sent along."""

    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple[dict[str, Any] | None, HttpResponse | None]:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce")
        return state, response


@reauthentication_required(app="allauth.socialaccount")  # type: ignore[untyped-decorator]
def _connect(request: HttpRequest) -> Any:
    return _leave(request)


def _leave(request: HttpRequest) -> Any:
    """allauth's redirect to the provider; state, nonce and PKCE's secret are in the session by then."""
    return Provider(request, app=oidc.app()).redirect_from_request(request)
