"""Times that a file states."""

from datetime import UTC, datetime, timedelta


def moment(iso: str | None) -> tuple[datetime | None, int | None]:
    """The camera's time, and its offset from UTC in minutes if it told one; without, its clock is kept as if it were UTC."""
    if not iso:
        return None, None
    taken = datetime.fromisoformat(iso)
    offset = taken.utcoffset()
    if offset is None:
        return taken.replace(tzinfo=UTC), None
    return taken, offset // timedelta(minutes=1)
