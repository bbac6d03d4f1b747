"""Django's CSRF checks, for views that check a request before its body is read.

`_origin_verified` is a private method of Django's middleware: the only place of the project that calls it.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_protect


def failure(request: HttpRequest, fields: QueryDict | None = None) -> HttpResponse | None:
    """Returns Django's error page if the check fails, otherwise None. `fields` are the form's fields that have been read."""
    request.POST = fields or QueryDict()  # type: ignore[assignment]  # otherwise the check reads the body to find its token
    response = csrf_protect(lambda _: HttpResponse())(request)
    return response if response.status_code == HTTPStatus.FORBIDDEN else None


def is_cross_origin(request: HttpRequest) -> bool:
    """True if the Origin header names an origin from which Django would accept no form. Some clients send no such header."""
    middleware = CsrfViewMiddleware(lambda _: HttpResponse())
    return "Origin" in request.headers and not middleware._origin_verified(request)  # type: ignore[attr-defined]
