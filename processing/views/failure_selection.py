"""Which failures an address or a form means."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from albums.models import Album
from processing.models import Batch
from processing.queries.failure_scope import Kind, Picked, Scope

CARRIED = ("pick", "job", "upload", "until", "page")
"""What a confirmation carries along, beside the scope, to mean the same files."""


def scope(request: HttpRequest, given: QueryDict) -> Scope:
    """An album or batch that is not there, or not for this person, is not found; nor is nonsense, or it would mean all."""
    albums = Album.objects.visible_to(request.user)
    album, batch, kind, until = (given.get(name) for name in ("album", "batch", "kind", "until"))
    return Scope(
        albums,
        album=get_object_or_404(albums, pk=_number(album)) if album else None,
        batch=get_object_or_404(Batch, pk=_number(batch), album__in=albums) if batch else None,
        kind=_kind(kind) if kind else None,
        code=_code(given.get("code", "")),
        until=_moment(until) if until else None,
    )


def picked(form: QueryDict, scope: Scope) -> Picked:
    """By the button that was pressed: `all`, a reason (`failed:CODE`), one (`job:ID`, `upload:ID`), or else those ticked."""
    what, _, which = _code(form.get("pick", "")).partition(":")
    if what == "all":
        return scope.all()
    if what in list(Kind) and which:
        return replace(scope, kind=Kind(what), code=which).all()
    if what == "job":
        return scope.only(jobs=_numbers([which]))
    if what == "upload":
        return scope.only(uploads=_ids([which]))
    return scope.only(_numbers(form.getlist("job")), _ids(form.getlist("upload")))


def carried(form: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name in CARRIED for value in form.getlist(name)]


def _code(raw: str) -> str:
    """PostgreSQL takes no text with a NUL."""
    return raw.replace("\0", "\ufffd")


def _kind(raw: str) -> Kind:
    try:
        return Kind(raw)
    except ValueError as error:
        raise Http404 from error


def _number(raw: str) -> int:
    """For what is no number, one that no row has."""
    return next(iter(_numbers([raw])), 0)


def _numbers(raw: list[str]) -> list[int]:
    return [int(each) for each in raw if each.isascii() and each.isdigit() and len(each) < 19]


def _ids(raw: list[str]) -> list[UUID]:
    found = []
    for each in raw:
        try:
            found.append(UUID(each))
        except ValueError:
            continue
    return found


def _moment(raw: str) -> datetime:
    try:
        found = parse_datetime(raw)
    except ValueError:
        found = None
    if found is None or timezone.is_naive(found):
        raise Http404
    return found
