"""The two doors for people, /accounts/login/ and /admin/login/, behind one throttle."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from config import first_user, security_log, throttle
from config.security_log import Event

View = Callable[..., HttpResponseBase]


def throttled(view: View) -> View:
    """429 with Retry-After and words, before any password is looked at.

    As long as there is no user, a page that tells where the link to the first account is: nobody could pass the form.
    """

    @login_not_required
    @csrf_protect
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and (wait := throttle.seconds_to_wait(request, request.POST.get("username", ""))):
            security_log.record(Event.THROTTLED, request, name=request.POST.get("username", ""), wait=wait)
            return _too_often(request, wait)
        if request.method in ("GET", "HEAD") and not first_user.exists():
            return render(request, "registration/no_user.html")
        return view(request)

    return guarded


def _too_often(request: HttpRequest, seconds: int) -> HttpResponse:
    context = {"form": AuthenticationForm(request), "next": request.POST.get("next", ""), "wait": seconds}
    response = render(request, "registration/login.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(seconds)
    return response


sign_in = throttled(LoginView.as_view(redirect_authenticated_user=True))
admin_sign_in = throttled(admin.site.login)
