"""Parses which failures a URL or a form selects."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from albums.models import Album
from processing.models import Batch
from processing.queries.failure_scope import FailureKind, FailureScope, FailureSelection

CARRIED_FIELDS = ("pick", "job", "upload", "until", "page")
"""Form fields that a confirmation page repeats, in addition to the scope's, to select the same files."""


def scope(request: HttpRequest, params: QueryDict) -> FailureScope:
    """Returns the filter. Raises Http404 for an album or batch that does not exist or is not visible, and for invalid values.

    Invalid values are not ignored, since that would select all failures.
    """
    albums = Album.objects.visible_to(request.user)
    album, batch, kind, until = (params.get(name) for name in ("album", "batch", "kind", "until"))
    return FailureScope(
        albums,
        album=get_object_or_404(albums, pk=_number(album)) if album else None,
        batch=get_object_or_404(Batch, pk=_number(batch), album__in=albums) if batch else None,
        kind=_kind(kind) if kind else None,
        code=_code(params.get("code", "")),
        until=_moment(until) if until else None,
    )


def selection(form: QueryDict, scope: FailureScope) -> FailureSelection:
    """Returns the failures that the pressed button selects.

    The button's value is `all`, a reason (`failed:CODE`) or one file (`job:ID`, `upload:ID`). Without it, the ticked files are
    selected.
    """
    kind, _, value = _code(form.get("pick", "")).partition(":")
    if kind == "all":
        return scope.all()
    if kind in list(FailureKind) and value:
        return replace(scope, kind=FailureKind(kind), code=value).all()
    if kind == "job":
        return scope.only(jobs=_numbers([value]))
    if kind == "upload":
        return scope.only(uploads=_ids([value]))
    return scope.only(_numbers(form.getlist("job")), _ids(form.getlist("upload")))


def carried_fields(form: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name in CARRIED_FIELDS for value in form.getlist(name)]


def _code(raw: str) -> str:
    """Replaces NUL characters, which PostgreSQL accepts in no text."""
    return raw.replace("\0", "\ufffd")


def _kind(raw: str) -> FailureKind:
    try:
        return FailureKind(raw)
    except ValueError as error:
        raise Http404 from error


def _number(raw: str) -> int:
    """Parses an id; 0, which no row has, if `raw` is not a number."""
    return next(iter(_numbers([raw])), 0)


def _numbers(raw: list[str]) -> list[int]:
    return [int(value) for value in raw if value.isascii() and value.isdigit() and len(value) < 19]


def _ids(raw: list[str]) -> list[UUID]:
    ids = []
    for value in raw:
        try:
            ids.append(UUID(value))
        except ValueError:
            continue
    return ids


def _moment(raw: str) -> datetime:
    try:
        moment = parse_datetime(raw)
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise Http404
    return moment
