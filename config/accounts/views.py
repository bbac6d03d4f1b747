"""The pages for signing in, resetting passwords, addresses and sessions, where they differ from allauth's."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.views import EmailView, LoginView, PasswordResetView
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from config.accounts import first_user, mail
from config.accounts.forms import SignInForm
from config.accounts.login.throttle import TooManyAttempts
from config.accounts.sessions import listing

View = Callable[..., HttpResponseBase]
MAX_SHOWN = 100


class SignInView(LoginView):  # type: ignore[misc]
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Shows the form; if there is no user yet, a page that explains where the first-user link is."""
        if not first_user.exists():
            return render(request, "registration/no_user.html")
        return super().get(request, *args, **kwargs)  # type: ignore[no-any-return]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Signs in. After too many attempts, responds with 429, Retry-After and the form."""
        try:
            return super().post(request, *args, **kwargs)  # type: ignore[no-any-return]
        except TooManyAttempts as error:
            context = self.get_context_data(form=SignInForm(request=request), wait=error.seconds)
            response = self.render_to_response(context, status=HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(error.seconds)
            return response  # type: ignore[no-any-return]


class ResetView(PasswordResetView):  # type: ignore[misc]
    """Asks for an address. Without a mail server, names the administrator instead."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not mail.is_possible():
            return render(request, "account/no_mail.html")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]


class AddressesView(EmailView):  # type: ignore[misc]
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "mail_is_possible": mail.is_possible()}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Changes addresses. Without a mail server to confirm new ones, addresses can only be removed."""
        if not mail.is_possible() and "action_remove" not in request.POST:
            return redirect("account_email")
        return super().post(request, *args, **kwargs)  # type: ignore[no-any-return]


class SessionsView(ListUserSessionsView):  # type: ignore[misc]
    """Lists the latest MAX_SHOWN sessions, and ends all but the current one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sessions = listing.live_sessions(self.request.user)
        context = super(ListUserSessionsView, self).get_context_data(**kwargs)
        return {**context, "sessions": sessions[:MAX_SHOWN], "session_count": sessions.count()}

    def form_valid(self, form: Any) -> HttpResponseBase:
        listing.end_others(self.request)
        messages.success(self.request, "All other sessions signed out.")
        return redirect("usersessions_list")


list_sessions = login_required(SessionsView.as_view())
reset = login_not_required(ResetView.as_view())
email = login_required(AddressesView.as_view())
sign_in = SignInView.as_view()
admin_sign_in = never_cache(login_not_required(secure_admin_login(admin.site.login)))
