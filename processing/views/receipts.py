"""The receipt as a file to keep: CSV for spreadsheets, JSON for programs. Both are streamed, in constant memory."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from processing.models import Batch
from processing.queries import file_status
from processing.queries import receipt as receipt_query
from processing.queries.file_status import Standing
from processing.queries.receipt import Line, Receipt
from processing.views.access import batch_or_404

BOM = "\ufeff"
"""Without it Excel takes UTF-8 for the computer's old code page, and Zürich for ZÃ¼rich. Other readers skip it."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins with one of these (the last four: East Asia's wide signs) is run by spreadsheets, whoever named the file so.
https://owasp.org/www-community/attacks/CSV_Injection"""

COLUMNS = ("name", "bytes", "sha256", "received", "verified", "state", "photo", "code", "reason")


@require_safe
@never_cache
def as_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    batch = batch_or_404(request, pk)
    return _download(_csv(batch, _Root(request)), batch, "text/csv; charset=utf-8", "csv")


@require_safe
@never_cache
def as_json(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    batch = batch_or_404(request, pk)
    return _download(_json(batch, _Root(request)), batch, "application/json", "json")


class _Root:
    """This server's address: a receipt is read where no page is around it."""

    def __init__(self, request: HttpRequest) -> None:
        self._of = request.build_absolute_uri

    def address(self, name: str, pk: int | None) -> str:
        return self._of(reverse(name, args=[pk])) if pk else ""


class _Echo:
    def write(self, text: str) -> str:
        return text


def _csv(batch: Batch, root: _Root) -> Iterator[str]:
    row = csv.writer(_Echo()).writerow  # answers what the echo's write() answers
    yield BOM + str(row(COLUMNS))
    for line in receipt_query.lines(file_status.files(batch)):
        yield str(row([_cell(value) for value in _told(line, root).values()]))


def _cell(value: Any) -> str:
    """Names as they were sent, but for an apostrophe before what a spreadsheet would run."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _json(batch: Batch, root: _Root) -> Iterator[str]:
    """The sum comes after the files, for it is that of these very lines, whatever happens meanwhile."""
    head = {
        "batch": batch.pk,
        "url": root.address("processing:batch", batch.pk),
        "album": {"id": batch.album_id, "title": batch.album.title},
        "source": batch.source,
        "sent_by": batch.opened_by.get_username() if batch.opened_by else None,
        "sent_at": _moment(batch.opened_at),
        "made_at": _moment(timezone.now()),
    }
    counts: Counter[Standing] = Counter()
    yield json.dumps(head)[:-1] + ', "files": ['
    damaged = 0
    for number, line in enumerate(receipt_query.lines(file_status.files(batch), counts)):
        damaged += line.is_published_damaged
        yield (",\n" if number else "\n") + json.dumps(_told(line, root))
    receipt = Receipt(counts, damaged)
    foot = {"count": receipt.total, "companions": receipt.companions, "verified": receipt.verified}
    yield "], " + json.dumps(foot | {"safe": receipt.is_safe, "summary": receipt.words})[1:]


def _told(line: Line, root: _Root) -> dict[str, Any]:
    """By column; None where there is nothing to tell."""
    return {
        "name": line.name,
        "bytes": line.size,
        "sha256": line.sha256 or None,
        "received": _moment(line.received_at),
        "verified": _moment(line.verified_at),
        "state": line.standing.value,
        "photo": root.address("albums:photo", line.photo) or None,
        "code": line.code or None,
        "reason": line.reason or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _download(parts: Iterator[str], batch: Batch, content_type: str, ending: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="receipt-{batch.pk}.{ending}"'
    return response
