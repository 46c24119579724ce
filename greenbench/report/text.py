"""Numbers and foreign texts as plain text: the same in every view."""

from __future__ import annotations

import math
import re
import unicodedata

from greenbench.report.model import Cell, Interval, Kind

UNKNOWN = "–"
LONGEST = 200
"""Characters of a foreign text (an error, a name) that a report repeats."""
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show as nothing: fillers, joiners, selectors of a variant."""


def cell_text(cell: Cell, kind: Kind) -> str:
    """A cell by the kind of its column."""
    if isinstance(cell, str):
        return inert(cell)
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return UNKNOWN
    if isinstance(cell, Interval):
        return _interval(cell, kind)
    return number(cell, kind)


def number(value: float, kind: Kind) -> str:
    """A number by the kind of its column, with a true minus sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if kind == "count":
        return f"{value:,.0f}"
    if kind == "p":
        return "< 0.0001" if value < 0.0001 else f"{value:.3g}"
    if kind == "share":
        return f"{100 * value:.3g} %"
    if kind == "percent":
        return f"{_signed(100 * value, 1)} %"
    if kind == "coefficient":
        return _signed(value, 2)
    return _signed(value, None) if kind == "change" else _minus(_digits(value))


def _interval(cell: Interval, kind: Kind) -> str:
    if math.isnan(cell.value):
        return UNKNOWN
    if cell.low is None or cell.high is None:
        return cell_text(cell.value, kind)
    numbers = [number(x, kind).removesuffix(" %") for x in (cell.value, cell.low, cell.high)]
    half = (cell.high - cell.low) / 2
    if kind == "change" and 1e-8 < half < 1e6:
        decimals = max(0, 1 - math.floor(math.log10(half)))
        numbers = [_signed(x, decimals) for x in (cell.value, cell.low, cell.high)]
    unit = " %" if kind == "percent" else ""
    return f"{numbers[0]}{unit} [{numbers[1]}, {numbers[2]}]"


def _digits(value: float) -> str:
    """Four significant digits, no exponent where people would not write one."""
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.0001 or size >= 1e15:
        return f"{value:.3g}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(size)))}f}"


def _signed(value: float, decimals: int | None) -> str:
    size = abs(value)
    text = f"{size:,.{decimals}f}" if decimals is not None and size < 1e6 else _digits(size)
    zero = not any(digit in text for digit in "123456789")
    return text if zero else _minus(f"{'-' if value < 0 else '+'}{text}")


def _minus(text: str) -> str:
    return "−" + text[1:] if text.startswith("-") else text


def inert(text: str, longest: int = LONGEST) -> str:
    """Foreign text on one line: control, direction and invisible characters made visible.

    A newline becomes a space; anything else that could steer a terminal or turn the reading
    direction is written as its code point.
    """
    line = " ".join(text.split())
    plain = line.isprintable() and (line.isascii() or not UNSEEN.search(line))
    shown = line if plain else "".join(map(_visible, line))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    if hidden or UNSEEN.match(character):
        return f"\\u{ord(character):04x}"
    return character
