"""IPTC's older block (IIM 4.2), which photo agencies and Photoshop still write."""

from __future__ import annotations

from datetime import datetime

from PIL import Image, ImageFile, IptcImagePlugin

from processing.pipeline.metadata import moments, text

APPLICATION = 2
DATE_CREATED, TIME_CREATED = 55, 60


class Iptc:
    def __init__(self, image: Image.Image) -> None:
        self._datasets = _datasets(image)

    @property
    def created(self) -> datetime | None:
        return moments.from_iptc(self.value(DATE_CREATED), self.value(TIME_CREATED))

    def value(self, number: int) -> str | None:
        return next(iter(self.values(number)), None)

    def values(self, number: int) -> list[str]:
        found = self._datasets.get((APPLICATION, number), [])
        decoded = (text.decode(value) for value in (found if isinstance(found, list) else [found]))
        return [value for value in decoded if value]


def _datasets(image: Image.Image) -> dict[tuple[int, int], bytes | list[bytes]]:
    if not isinstance(image, ImageFile.ImageFile):
        return {}
    try:
        return IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # noqa: BLE001 - Pillow raises anything over a broken block; the photo is not to blame.
        return {}
