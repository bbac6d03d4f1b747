"""/metrics for Prometheus: the installation's state, and the requests that this server's web processes have served."""

import ipaddress
import time
from collections.abc import Callable
from http import HTTPStatus

import prometheus_client
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess

from config import env
from processing.queries.installation_metrics import PREFIX, InstallationCollector

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # one more series for each, with its time of creation
_registry = CollectorRegistry()
REQUESTS = Counter(
    f"{PREFIX}http_requests", "Responses by view, method and status.", ["view", "method", "status"], registry=_registry
)
SECONDS = Histogram(
    f"{PREFIX}http_request_seconds",
    "Time from a request's head to the start of its response, by view.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=_registry,
)


class MetricsMiddleware:
    """Counts responses. Outermost, so that it also counts those of other middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self._get_response(request)
        view = _view(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(view, method, response.status_code).inc()
        SECONDS.labels(view).observe(time.perf_counter() - began)
        return response


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Returns all metrics in Prometheus' text format. 403 unless the request has METRICS_TOKEN or comes from this machine."""
    if not _is_allowed(request):
        text = "Metrics need the token of METRICS_TOKEN, or a request from the server itself.\n(metrics-forbidden)\n"
        return HttpResponse(text, status=HTTPStatus.FORBIDDEN, content_type="text/plain; charset=utf-8")
    requests = _registry
    if env.text("PROMETHEUS_MULTIPROC_DIR"):  # set by `manage.py serve` for several processes
        requests = CollectorRegistry()
        multiprocess.MultiProcessCollector(requests)  # type: ignore[no-untyped-call]
    installation = CollectorRegistry()
    installation.register(InstallationCollector())
    body = b"".join(map(prometheus_client.generate_latest, (installation, requests)))
    return HttpResponse(body, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _is_allowed(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN:
        return scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    # A proxy on this machine connects from a loopback address, too, but adds one of these headers.
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.headers for name in FORWARDED)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _view(request: HttpRequest) -> str:
    """The view's name; "static" for a static file, "unmatched" for an unknown URL. Never anything a client chose."""
    if match := request.resolver_match:
        return match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"
