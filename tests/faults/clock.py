"""A sitecustomize.py that sets Django's clock ahead by the number of seconds in the file `seconds-ahead` next to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

AHEAD = Path(__file__).with_name("seconds-ahead")


def now() -> datetime:
    return datetime.now(tz=UTC) + timedelta(seconds=float(AHEAD.read_text()))


timezone.now = now
