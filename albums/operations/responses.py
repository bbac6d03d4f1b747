"""Responses to requests that start an operation."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme

from albums.models import Album, Operation
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
    """Returns the page that the form names in `next`, if it is a page of this site; else the URL of `default`.

    Returns the list of albums instead of the page of an album that has been deleted, as undoing deletes one that it had created.
    """
    url = request.POST.get("next", "")
    if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return resolve_url("albums:list") if _is_of_deleted_album(url) else url
    return resolve_url(default)


def _is_of_deleted_album(url: str) -> bool:
    try:
        match = resolve(urlsplit(url).path)
    except Resolver404:
        return False
    return match.view_name == "albums:detail" and not Album.objects.filter(pk=match.kwargs["pk"]).exists()


def context(operation: Operation, page: str) -> dict[str, Any]:
    """The context of the toast. `page`: the URL of the page that shows it, to which undoing returns."""
    action = actions.find(operation.kind)
    summary = action.summary(operation)
    return {"operation": operation, "summary": summary, "is_undoable": action.is_undoable, "page": page}
