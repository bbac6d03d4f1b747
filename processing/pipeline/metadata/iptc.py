"""Reads IPTC's older format (IIM 4.2), which photo agencies and Photoshop still write."""

from __future__ import annotations

from processing.pipeline.metadata import charsets, dates, text
from processing.pipeline.metadata.blocks import Datasets
from processing.pipeline.metadata.dates import CaptureDate

ENVELOPE, APPLICATION = 1, 2
CODED_CHARACTER_SET = 90
DATE_CREATED, TIME_CREATED = 55, 60


class Iptc:
    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._charset = charsets.charset_of_marker(next(iter(self._raw(ENVELOPE, CODED_CHARACTER_SET)), b""))

    @property
    def created(self) -> CaptureDate | None:
        return dates.from_iptc(self.value(DATE_CREATED), self.value(TIME_CREATED))

    def value(self, number: int) -> str | None:
        return next(iter(self.values(number)), None)

    def values(self, number: int) -> list[str]:
        decoded = (text.decode(value, self._charset) for value in self._raw(APPLICATION, number))
        return [value for value in decoded if value]

    def _raw(self, record: int, number: int) -> list[bytes]:
        values = self._datasets.get((record, number), [])
        return values if isinstance(values, list) else [values]
