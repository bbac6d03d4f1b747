"""The receipt as a download: CSV for spreadsheets, JSON for programs. Both are streamed in constant memory."""

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
from processing.queries.file_status import FileStatus
from processing.queries.receipt import Receipt, ReceiptLine
from processing.views.access import batch_or_404

BOM = "\ufeff"
"""Without it Excel reads UTF-8 as the computer's legacy code page, and shows ZÃ¼rich for Zürich. Other readers skip it."""

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets run a cell that begins with one of these as a formula. The last four are East Asian full-width signs.

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
    """Builds absolute URLs, since a receipt is read outside of this site."""

    def __init__(self, request: HttpRequest) -> None:
        self._absolute = request.build_absolute_uri

    def address(self, name: str, pk: int | None) -> str:
        return self._absolute(reverse(name, args=[pk])) if pk else ""


class _Echo:
    def write(self, text: str) -> str:
        return text


def _csv(batch: Batch, root: _Root) -> Iterator[str]:
    row = csv.writer(_Echo()).writerow  # returns the result of write()
    yield BOM + str(row(COLUMNS))
    for line in receipt_query.lines(file_status.files(batch)):
        yield str(row([_cell(value) for value in _columns(line, root).values()]))


def _cell(value: Any) -> str:
    """Returns the value as text, with an apostrophe in front if a spreadsheet would run it as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_PREFIXES) else text


def _json(batch: Batch, root: _Root) -> Iterator[str]:
    """Yields the counts after the files, so that they agree with the lines even if rows change meanwhile."""
    header = {
        "batch": batch.pk,
        "url": root.address("processing:batch", batch.pk),
        "album": {"id": batch.album_id, "title": batch.album.title},
        "source": batch.source,
        "sent_by": batch.opened_by.get_username() if batch.opened_by else None,
        "sent_at": _timestamp(batch.opened_at),
        "made_at": _timestamp(timezone.now()),
    }
    counts: Counter[FileStatus] = Counter()
    yield json.dumps(header)[:-1] + ', "files": ['
    damaged = 0
    for number, line in enumerate(receipt_query.lines(file_status.files(batch), counts)):
        damaged += line.is_published_damaged
        yield (",\n" if number else "\n") + json.dumps(_columns(line, root))
    receipt = Receipt(counts, damaged)
    footer = {"count": receipt.total, "companions": receipt.companions, "verified": receipt.verified}
    yield "], " + json.dumps(footer | {"safe": receipt.is_safe, "summary": receipt.summary})[1:]


def _columns(line: ReceiptLine, root: _Root) -> dict[str, Any]:
    """Returns values by column; None for empty ones."""
    return {
        "name": line.name,
        "bytes": line.size,
        "sha256": line.sha256 or None,
        "received": _timestamp(line.received_at),
        "verified": _timestamp(line.verified_at),
        "state": line.status.value,
        "photo": root.address("albums:photo", line.photo) or None,
        "code": line.code or None,
        "reason": line.reason or None,
    }


def _timestamp(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _download(parts: Iterator[str], batch: Batch, content_type: str, suffix: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="receipt-{batch.pk}.{suffix}"'
    return response
