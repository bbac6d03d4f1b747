"""Parses the capture times of files."""

from datetime import UTC, datetime, timedelta


def parse_capture_time(iso: str | None) -> tuple[datetime | None, int | None]:
    """Returns the capture time and its offset from UTC in minutes. Without an offset, the local time is stored as UTC."""
    if not iso:
        return None, None
    taken = datetime.fromisoformat(iso)
    offset = taken.utcoffset()
    if offset is None:
        return taken.replace(tzinfo=UTC), None
    return taken, offset // timedelta(minutes=1)
