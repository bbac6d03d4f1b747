"""Typed readers of environment variables; no other module reads os.environ. Invalid values raise ImproperlyConfigured."""

import os
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def secret(name: str) -> str:
    """Returns the value of `name`, or the content of the file in `{name}_FILE`, as container secrets are passed."""
    file = text(f"{name}_FILE")
    if not file:
        return text(name)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"Can't read {name}_FILE: {error}") from error


def one_of(name: str, default: str, *, choices: set[str]) -> str:
    raw = text(name, default).lower() or default
    if raw not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(choices))}, not {raw!r}.")
    return raw


def flag(name: str, default: bool = False) -> bool:
    raw = text(name, str(default)).lower()
    if raw in TRUE:
        return True
    if raw in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}.")


def number(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    return int(_within(name, value, minimum, maximum))


def seconds(name: str, default: float, *, least: float = 0.0, most: float | None = None) -> float:
    raw = text(name, str(default))
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number of seconds, not {raw!r}.") from None
    return _within(name, value, least, most)


def size(name: str, default: str) -> int:
    """Returns bytes, from a whole number with an optional binary unit: 512M, 2G, 65536."""
    raw = text(name, default).upper().removesuffix("B").removesuffix("I")
    scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}.get(raw[-1:], 1)
    digits = raw[:-1] if scale > 1 else raw
    if not digits.isascii() or not digits.isdigit():
        raise ImproperlyConfigured(f"{name} must be a size such as 512M or 2G, not {raw!r}.")
    return int(digits) * scale


def items(name: str, default: str = "") -> list[str]:
    """Returns the items of a comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def numbers(name: str, default: str = "", *, minimum: int = 0, maximum: int | None = None) -> list[int]:
    """Returns the whole numbers of a comma-separated list."""
    try:
        values = [int(word) for word in items(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be whole numbers separated by commas, not {text(name)!r}.") from None
    return [int(_within(name, value, minimum, maximum)) for value in values]


def path(name: str, default: Path) -> Path:
    raw = text(name)
    return Path(raw).expanduser().resolve() if raw else default


def for_subprocess(overrides: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    """Returns the environment for another installation: without variables that begin with `prefixes`, and with `overrides`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return inherited | dict(overrides)


def _within(name: str, value: float, least: float, most: float | None) -> float:
    if not value >= least or (most is not None and value > most):  # "not >=" also rejects NaN
        upper = "" if most is None else f" and at most {most:g}"
        raise ImproperlyConfigured(f"{name} must be at least {least:g}{upper}, not {value:g}.")
    return value
