"""The page that asks for confirmation before raw files are deleted, for browsers without JavaScript.

Forms that need it contain the field `ask`. The page repeats the form without that field.
"""

from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat, pluralize

from processing.models import ProcessingJob, UploadQuerySet
from processing.queries.help_texts import CANCEL_QUESTION, FINISHED_STAY
from processing.views.access import is_htmx


def before_dismissing(request: HttpRequest, failed: QuerySet[ProcessingJob], back: str) -> HttpResponse | None:
    """Returns the confirmation page; None if no raw file would be deleted or the user has confirmed."""
    if not _needs_confirmation(request) or not (count := failed.count()):
        return None
    size = filesizeformat(failed.aggregate(sum=Sum("upload__size", default=0))["sum"])
    message = f"{count} failed file{pluralize(count)} ({size}) will be deleted from the server. This cannot be undone."
    return _page(request, "Dismiss this report?", message, "Dismiss and delete", back)


def before_cancelling(
    request: HttpRequest, active: QuerySet[ProcessingJob], receiving: UploadQuerySet, back: str
) -> HttpResponse | None:
    """Returns the confirmation page; None if nothing would be deleted or the user has confirmed."""
    if not _needs_confirmation(request) or not (count := active.count() + receiving.count()):
        return None
    message = f"{count} file{pluralize(count)} will be deleted from the server. {FINISHED_STAY}"
    return _page(request, CANCEL_QUESTION, message, "Cancel uploads", back)


def _needs_confirmation(request: HttpRequest) -> bool:
    """True if the form contains `ask`. With htmx, the browser has asked already."""
    return "ask" in request.POST and not is_htmx(request)


def _page(request: HttpRequest, title: str, message: str, button: str, back: str) -> HttpResponse:
    return render(request, "upload/confirm.html", {"title": title, "message": message, "button": button, "back": back})
