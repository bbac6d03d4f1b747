"""A chart of lines over a common axis, one below the other, each with a scale of its own that begins at nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 800, 180, 60


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]


def svg(across: str, lines: Sequence[Line]) -> str:
    last = max(x for line in lines for x, _ in line.points)
    high = len(lines) * (HEIGHT + MARGIN) + MARGIN
    parts = [_drawn(line, last, MARGIN + number * (HEIGHT + MARGIN)) for number, line in enumerate(lines)]
    foot = f'<text x="{MARGIN + WIDTH / 2}" y="{high - 12}" text-anchor="middle">{escape(across)}, to {last:g}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * MARGIN} {high}"'
        ' font-family="sans-serif" font-size="14">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}{foot}</svg>\n'
    )


def _drawn(line: Line, last: float, top: float) -> str:
    most = max(y for _, y in line.points) or 1
    at = [(MARGIN + WIDTH * x / last, top + HEIGHT * (1 - y / most)) for x, y in line.points]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    return (
        f'<text x="{MARGIN}" y="{top - 10}">{escape(line.name)}</text>'
        f'<text x="{MARGIN - 8}" y="{top + 5}" text-anchor="end">{most:.3g}</text>'
        f'<text x="{MARGIN - 8}" y="{top + HEIGHT}" text-anchor="end">0</text>'
        f'<path d="M{MARGIN} {top}V{top + HEIGHT}H{MARGIN + WIDTH}" fill="none" stroke="#999"/>'
        f'<polyline points="{points}" fill="none" stroke="#0b6" stroke-width="2"/>'
    )
