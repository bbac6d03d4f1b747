"""A client's connection, as the body of a request is read from it."""


class Line:
    """A connection that delivers `counts` bytes per read, repeating the last count. With `breaks`, it is reset at the end."""

    def __init__(self, content: bytes, *counts: int, breaks: bool = False) -> None:
        self._rest, self._counts, self._breaks = memoryview(content), list(counts), breaks

    def readinto(self, buffer: memoryview) -> int:
        count = self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]
        chunk, self._rest = self._rest[: min(count, len(buffer))], self._rest[min(count, len(buffer)) :]
        if not chunk and self._breaks:
            raise ConnectionResetError
        buffer[: len(chunk)] = chunk
        return len(chunk)
