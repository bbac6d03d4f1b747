"""An operation's page and its undoing. Other users' operations do not exist for a user."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from albums.access import note_deletion
from albums.models import Operation
from albums.operations import actions, engine, responses


@require_safe
def operation(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress of an operation. With htmx, only the toast."""
    row = _operation_or_404(request, pk)
    if request.htmx:  # type: ignore[attr-defined]
        page = request.htmx.current_url_abs_path or row.get_absolute_url()  # type: ignore[attr-defined]
        return render(request, "operation/_toast.html", responses.context(row, page))
    return render(request, "operation/page.html", responses.context(row, row.get_absolute_url()))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undoes the operation and redirects to the page on which it was undone."""
    row = _operation_or_404(request, pk)
    action = actions.find(row.kind)
    if action.is_undoable:
        if row.state in engine.UNDOABLE and (losses := action.losses(row)):
            for album in losses.albums:
                note_deletion(request, album, losses.what)
        row = engine.undo(row)
    return responses.respond(request, row, row)


def _operation_or_404(request: HttpRequest, pk: int) -> Operation:
    assert isinstance(request.user, User)
    return get_object_or_404(Operation, pk=pk, user=request.user)
