"""Asks before raw files are deleted, where no script does: a form that carries `ask` gets this page, whose own form does not."""

from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat, pluralize

from processing.models import ProcessingJob, UploadQuerySet


def before_dismissing(request: HttpRequest, failed: QuerySet[ProcessingJob], back: str) -> HttpResponse | None:
    """None when nothing needs to be asked: no raw file would go, or the answer has been given."""
    if not _asks(request) or not (count := failed.count()):
        return None
    size = filesizeformat(failed.aggregate(sum=Sum("upload__size", default=0))["sum"])
    words = f"{count} failed file{pluralize(count)} ({size}) will be deleted from the server. This cannot be undone."
    return _page(request, "Dismiss this report?", words, "Dismiss and delete", back)


def before_cancelling(
    request: HttpRequest, active: QuerySet[ProcessingJob], receiving: UploadQuerySet, back: str
) -> HttpResponse | None:
    """As `before_dismissing`, of what has arrived and of what is on its way."""
    if not _asks(request) or not (count := active.count() + receiving.count()):
        return None
    words = f"{count} file{pluralize(count)} will be deleted from the server. Finished photos stay in the album."
    return _page(request, "Cancel the remaining uploads?", words, "Cancel uploads", back)


def _asks(request: HttpRequest) -> bool:
    """With htmx the browser has asked already."""
    return "ask" in request.POST and not request.htmx  # type: ignore[attr-defined]


def _page(request: HttpRequest, title: str, words: str, button: str, back: str) -> HttpResponse:
    return render(request, "upload/confirm.html", {"title": title, "words": words, "button": button, "back": back})
