"""The storage page: the use of disk and bucket, and the bucket's settings. Only for superusers, since it contains its keys."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from processing.maintenance import bucket_settings
from processing.queries import storage_usage
from processing.storage.s3 import config as s3_config
from processing.storage.s3.config import Connection
from processing.views.access import for_superusers, is_htmx
from processing.views.forms import ConnectionForm


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("secret_key")
@for_superusers
def page(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, _form())
    form = _form(request)
    if settings.S3_BUCKET or not form.is_valid():
        return _page(request, form, status=409 if settings.S3_BUCKET else 422)
    assert isinstance(request.user, User)
    bucket_settings.save(form.connection(), request.user)
    messages.success(request, "Saved. New photos will be stored in the bucket.")
    return redirect("processing:storage")


@require_POST
@sensitive_post_parameters("secret_key")
@for_superusers
def validate(request: HttpRequest) -> HttpResponse:
    """Returns one validated field as a fragment, which htmx requests when the field was changed."""
    form = _form(request)
    name = request.GET.get("field", "")
    if name not in form.fields:
        return HttpResponseBadRequest("Unknown field.")
    form.is_valid()
    return render(request, "storage/_field.html", {"field": form[name]})


@require_POST
@never_cache
@sensitive_post_parameters("secret_key")
@for_superusers
def test(request: HttpRequest) -> HttpResponse:
    """Tests the connection in the form, or that of the environment. Saves nothing."""
    from processing.storage.s3.selfcheck import probe  # imports boto3, which is needed only with a bucket

    form = _form(request)
    if settings.S3_BUCKET:
        connection: Connection | None = s3_config.from_environment()
    else:
        connection = bucket_settings.fenced(form.connection()) if form.is_valid() else None
    outcomes = list(probe(connection, Path(settings.DATA_DIR), settings.PUBLIC_URL)) if connection else []
    result = {"outcomes": outcomes, "works": all(outcome.is_good or outcome.is_warning for outcome in outcomes)}
    if is_htmx(request):
        return render(request, "storage/_outcomes.html", result | {"form": form})
    return _page(request, form, status=200 if connection else 422, **result)


@require_POST
@for_superusers
def disconnect(request: HttpRequest) -> HttpResponse:
    if storage_usage.is_bucket_used():
        messages.error(
            request, "The bucket still has files. Move them to the local disk first: manage.py move_storage --to disk"
        )
    else:
        bucket_settings.remove()
        messages.success(request, "Bucket disconnected. New photos will be stored on the local disk.")
    return redirect("processing:storage")


def _form(request: HttpRequest | None = None) -> ConnectionForm:
    bucket_settings.clear_cache()  # the page has to show the current settings
    before = bucket_settings.saved()
    has_content = before is not None and storage_usage.is_bucket_used()
    if request is None:
        return ConnectionForm.of(before, has_content=has_content)
    return ConnectionForm(request.POST, before=before, has_content=has_content)


def _page(request: HttpRequest, form: ConnectionForm, status: int = 200, **more: object) -> HttpResponse:
    context = {
        "form": form,
        "where": storage_usage.current(),
        "environment": s3_config.from_environment() if settings.S3_BUCKET else None,
        "saved": bucket_settings.saved(),
        "is_used": storage_usage.is_bucket_used(),
        "is_readable": bucket_settings.is_readable(),
        "may_be_internal": settings.S3_ALLOW_INTERNAL,
    }
    return render(request, "storage/page.html", context | more, status=status)
