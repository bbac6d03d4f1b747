"""Charts as SVG paths. Pure: from numbers to coordinates; the template draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 150
"""The size of a chart in its own coordinates; the page scales it."""
STEPS = (1, 2, 5)

Values = Sequence[float | None]
"""One per point of time, oldest first; None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: `path` is the d attribute of a <path>; `colour` the name of a class."""

    name: str
    colour: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    key: str
    title: str
    unit: str
    top: float
    """The value of the upper edge."""
    lines: tuple[Line, ...]
    is_empty: bool
    """True if nothing was measured, or everything was 0."""


def draw(key: str, title: str, unit: str, lines: Sequence[tuple[str, str, Values]]) -> Chart:
    """Returns a chart of lines with a common scale from 0. `lines`: name, colour and values of each."""
    highest = max((value for _, _, values in lines for value in values if value is not None), default=0.0)
    top = rounded_up(highest)
    drawn = tuple(Line(name, colour, path(values, top)) for name, colour, values in lines)
    return Chart(key, title, unit, top, drawn, is_empty=not highest)


def path(values: Values, top: float) -> str:
    """Returns a line through the values, with gaps where there are none. A single value becomes a short dash."""
    step = WIDTH / len(values) if values else 0
    commands, is_drawing = [], False
    for index, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        left, y = index * step, HEIGHT * (1 - value / top)
        commands.append(f"{'L' if is_drawing else 'M'}{left:.4g} {y:.4g}H{left + step:.4g}")
        is_drawing = True
    return "".join(commands)


def position(index: int, count: int) -> float:
    """The x coordinate at which point `index` of `count` begins."""
    return round(WIDTH * index / count, 1)


def rounded_up(value: float) -> float:
    """Returns the first of 1, 2, 5, 10, 20, 50 … that is not below the value, at least 1."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (*STEPS, 10) if step * power >= value)
