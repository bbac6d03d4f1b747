"""A line of the log is one line: what strangers' names and addresses hold cannot forge another."""

import logging
import re
from typing import Any

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """Control characters of messages are written out; a trace keeps its lines, set in, so that none looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return CONTROLS.sub(_written_out, super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return _set_in(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _set_in(super().formatStack(stack_info))


def _set_in(lines: str) -> str:
    return "\n".join("    " + CONTROLS.sub(_written_out, line) for line in lines.split("\n"))


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
