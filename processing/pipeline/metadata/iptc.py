"""IPTC's older block (IIM 4.2), which photo agencies and Photoshop still write."""

from __future__ import annotations

from datetime import datetime

from processing.pipeline.metadata import moments, text
from processing.pipeline.metadata.blocks import Datasets

APPLICATION = 2
DATE_CREATED, TIME_CREATED = 55, 60


class Iptc:
    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    @property
    def created(self) -> datetime | None:
        return moments.from_iptc(self.value(DATE_CREATED), self.value(TIME_CREATED))

    def value(self, number: int) -> str | None:
        return next(iter(self.values(number)), None)

    def values(self, number: int) -> list[str]:
        found = self._datasets.get((APPLICATION, number), [])
        decoded = (text.decode(value) for value in (found if isinstance(found, list) else [found]))
        return [value for value in decoded if value]
