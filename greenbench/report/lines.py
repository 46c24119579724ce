"""Figures as lines of text: forest plots and sparklines for terminals and log files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from greenbench.report.figures import Forest, Mark, Tone, Trace
from greenbench.report.text import cell_text, inert, number

LABEL = 30
"""Columns of a label at most."""
NARROW = 16
"""Below so many columns for the plot itself there is none."""
MOST = 40
"""Lines of a forest plot; the table has all."""
BARS = "▁▂▃▄▅▆▇█"
SHAPES: dict[Tone, str] = {"good": "▼", "bad": "■", "plain": "○", "quiet": "·"}
BAND = "░"


def forest_lines(figure: Forest, width: int) -> Iterator[tuple[str, Tone]]:
    """Label, interval on a line through zero, and the numbers, with each line's tone."""
    marks = [mark for mark in figure.marks if math.isfinite(mark.x.value)]
    if not marks:
        return
    texts = [cell_text(mark.x, figure.x.kind) for mark in marks]
    label = min(LABEL, max(cell_len(inert(mark.label)) for mark in marks))
    beside = max(map(cell_len, texts))
    room = width - label - beside - 4
    if room < NARROW:
        return
    low, high = _ends(marks, figure.band)
    for mark, text in list(zip(marks, texts, strict=True))[:MOST]:
        plot = _line(mark, figure.band, low, high, room)
        name = set_cell_size(_cut(inert(mark.label), label), label)
        yield f"  {name} {plot} {text:>{beside}}", mark.tone
    ends = [number(end, figure.x.kind) for end in (low, high)]
    gap = " " * max(1, room - cell_len(ends[0]) - cell_len(ends[1]))
    yield f"  {' ' * label} {ends[0]}{gap}{ends[1]}", "quiet"
    if len(marks) > MOST:
        yield f"  … and {len(marks) - MOST} more in the table", "quiet"


def spark_lines(figure: Trace, width: int) -> Iterator[str]:
    """The mean power of each channel as bars from zero to its highest, which stands beside it."""
    label = min(LABEL, max(cell_len(inert(series.name)) for series in figure.series))
    room = max(10, width - label - 20)
    for series in figure.series:
        middle = [
            None if low is None or high is None else (low + high) / 2
            for low, high in zip(series.low_w, series.high_w, strict=True)
        ]
        means = _bucketed(middle, room)
        most = max((mean for mean in means if mean is not None), default=0.0)
        bars = "".join(_bar(mean, most) for mean in means)
        name = set_cell_size(_cut(inert(series.name), label), label)
        yield f"  {name} {bars} ≤ {number(most, 'quantity')} W"
    length_s = figure.step_s * max(len(series.low_w) for series in figure.series)
    yield f"  {' ' * label} 0 s{number(length_s, 'quantity') + ' s':>{room - 3}}"


def _ends(marks: Sequence[Mark], band: float | None) -> tuple[float, float]:
    known = [0.0, *(mark.x.value for mark in marks)]
    known += [e for mark in marks for e in (mark.x.low, mark.x.high) if e is not None]
    known += [band, -band] if band is not None else []
    finite = [value for value in known if math.isfinite(value)]
    low, high = min(finite), max(finite)
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _line(mark: Mark, band: float | None, low: float, high: float, room: int) -> str:
    def at(value: float) -> int:
        share = (min(max(value, low), high) / 2 - low / 2) / (high / 2 - low / 2)
        return min(room - 1, max(0, round(share * (room - 1))))

    cells = [" "] * room
    if band is not None and math.isfinite(band):
        for place in range(at(-band), at(band) + 1):
            cells[place] = BAND
    cells[at(0.0)] = "│"
    if mark.x.low is not None and mark.x.high is not None:
        for place in range(at(mark.x.low), at(mark.x.high) + 1):
            cells[place] = "─"
    cells[at(mark.x.value)] = SHAPES[mark.tone]
    return "".join(cells)


def _bucketed(values: Sequence[float | None], count: int) -> list[float | None]:
    found: list[float | None] = []
    for place in range(count):
        first = place * len(values) // count
        last = max(first + 1, (place + 1) * len(values) // count)
        known = [value for value in values[first:last] if value is not None]
        found.append(sum(known) / len(known) if known else None)
    return found


def _bar(mean: float | None, most: float) -> str:
    if mean is None:
        return " "
    share = mean / most if most > 0 else 0.0
    return BARS[min(len(BARS) - 1, max(0, math.ceil(share * len(BARS)) - 1))]


def _cut(text: str, longest: int) -> str:
    if cell_len(text) <= longest:
        return text
    return set_cell_size(text, longest - 1).rstrip() + "…"
