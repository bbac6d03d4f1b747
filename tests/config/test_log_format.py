"""A name chosen by a user cannot forge a line of the log."""

import logging
import sys

import pytest

from config.log_format import OneLine

NASTY = "a.jpg\n2026-11-21 08:00:00 INFO root All is well\r\x1b[2J\u2028\x85.jpg"


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("albums", logging.WARNING, "", 0, message, arguments, exc_info)
    return OneLine("{levelname} {name} {message}", style="{").format(record)


def test_control_characters_are_escaped():
    assert formatted("Could not delete %s", NASTY) == (
        r"WARNING albums Could not delete a.jpg\n2026-11-21 08:00:00 INFO root All is well\r\x1b[2J\u2028\x85.jpg"
    )


def test_the_lines_of_a_traceback_are_indented():
    try:
        raise OSError(NASTY)
    except OSError:
        lines = formatted("Trouble", error=sys.exc_info()[1]).split("\n")

    assert lines[0] == "WARNING albums Trouble"
    assert lines[1] == "    Traceback (most recent call last):"
    assert all(text.startswith("    ") for text in lines[1:])
    assert not any(ord(character) < 32 for text in lines for character in text)


@pytest.mark.parametrize(("status", "is_traced"), [(400, False), (403, False), (499, False), (500, True), (503, True)])
def test_only_an_error_of_the_server_has_a_traceback(status: int, is_traced: bool):
    error = OSError("why")
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "Refused", (), (OSError, error, None))
    record.status_code = status

    assert ("why" in OneLine("{message}", style="{").format(record)) is is_traced
    assert record.exc_info  # other handlers may need it


def test_every_handler_uses_this_format(settings):
    assert settings.LOGGING["formatters"]["line"]["()"] == "config.log_format.OneLine"
    assert {handler["formatter"] for handler in settings.LOGGING["handlers"].values()} == {"line"}
