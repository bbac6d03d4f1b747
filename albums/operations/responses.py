"""Responses to requests that start an operation."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from albums.models import Operation
from albums.operations import actions
from albums.selection import SelectionError


def respond(request: HttpRequest, operation: Operation, to: Any, undone: Any = None) -> HttpResponse:
    """Redirects to the form's `next`, or else to `to`, where a toast says what was done and offers Undo.

    `undone`: the page to which undoing leads; without it, to the same page.
    """
    url = next_url(request, to)
    page = resolve_url(undone) if undone else url
    messages.success(request, render_to_string("operation/_toast.html", context(operation, page), request))
    return HttpResponseRedirect(url)


def reject(request: HttpRequest, error: SelectionError) -> HttpResponse:
    """Returns a page with the message, and the code in the header X-Error-Code."""
    context = {"message": error.message, "code": error.code, "back": next_url(request, "albums:list")}
    response = render(request, "operation/problem.html", context, status=422)
    response["X-Error-Code"] = error.code
    return response


def next_url(request: HttpRequest, default: Any) -> str:
    """Returns the page that the form names in `next`, if it is a page of this site; else the URL of `default`."""
    url = request.POST.get("next", "")
    if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    return resolve_url(default)


def context(operation: Operation, page: str) -> dict[str, Any]:
    """The context of the toast. `page`: the URL of the page that shows it, to which undoing returns."""
    action = actions.find(operation.kind)
    summary = action.summary(operation)
    return {"operation": operation, "summary": summary, "is_undoable": action.is_undoable, "page": page}
