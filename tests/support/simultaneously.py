"""Runs functions at the same time, each with a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def run(*functions: Callable[[], None]) -> None:
    """Returns when all functions have ended. Raises the first one's error."""

    def run_and_close(function: Callable[[], None]) -> None:
        try:
            function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(run_and_close, function) for function in functions]:
            future.result(timeout=300)
