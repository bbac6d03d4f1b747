"""Views for signing in through the provider and for connecting an account. Without OIDC_ISSUER they return 404.

They import `provider` and `errors` only when OIDC_ISSUER is set: requests, PyJWT and what these need take 7 MB and 0.1 s.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.core.internal import ratelimit
from allauth.socialaccount.forms import DisconnectForm
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.accounts import oidc

RATES = {"begin": "60/m/ip"}
"""Each call may send a request to the provider. An office shares one address."""
View = Callable[..., HttpResponseBase]


def with_provider(view: View) -> View:
    """Decorates a view: 404 without a provider, and an error page if communicating with the provider fails."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if not oidc.is_on():
            raise Http404
        from config.accounts.oidc import errors

        try:
            return view(request)
        except errors.FAILURES as error:
            return errors.error_page(request, error)

    return guarded


@login_not_required
@require_POST
@with_provider
def begin(request: HttpRequest) -> HttpResponseBase:
    """Shows a page that leads to the provider: to sign in, or to connect the account of the signed-in user.

    This is not a redirect, because form-action of the Content-Security-Policy also applies to redirects after a form, and the
    provider may redirect further to any address.
    """
    if not ratelimit.consume(request, app="config", action="begin", config=RATES):
        response: HttpResponse = ratelimit.respond_429(request)
        return response
    redirection = _connect(request) if request.user.is_authenticated else _redirect_to_provider(request)
    return render(request, "socialaccount/leave.html", {"url": redirection.url, "name": settings.OIDC_NAME})


@login_not_required
@require_safe
@with_provider
def callback(request: HttpRequest) -> HttpResponseBase:
    """Receives the provider's redirect, with a code or an error."""
    from config.accounts.oidc import provider

    view: View = provider.Callback.adapter_view(provider.OpenIDAdapter(request, settings.OIDC_ISSUER))
    return view(request)


@require_http_methods(["GET", "HEAD", "POST"])
@with_provider
def connection(request: HttpRequest) -> HttpResponseBase:
    """Shows the connection between this account and the provider. POST removes it."""
    accounts = SocialAccount.objects.filter(user=request.user.pk, provider=settings.OIDC_ISSUER)
    form = DisconnectForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("oidc_connection")
    context = {"form": form, "accounts": accounts, "name": settings.OIDC_NAME}
    return render(request, "socialaccount/connections.html", context, status=422 if form.errors else 200)


@reauthentication_required(app="allauth.socialaccount")  # type: ignore[untyped-decorator]
def _connect(request: HttpRequest) -> Any:
    return _redirect_to_provider(request)


def _redirect_to_provider(request: HttpRequest) -> Any:
    """Stores state, nonce and PKCE verifier in the session, and returns allauth's redirect to the provider."""
    from config.accounts.oidc.provider import Provider

    return Provider(request, app=oidc.app()).redirect_from_request(request)
