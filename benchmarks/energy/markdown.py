"""Tables as every script here prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; what is not known is a dash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join('–' if c is None else str(c) for c in line)} |" for line in lines
    )


def times(other: float | None, ours: float) -> str | None:
    """How many times ours the other is."""
    return (
        None
        if other is None
        else f"×{other / ours:.2g}"
        if other < 10 * ours
        else f"×{other / ours:.0f}"
    )


def micro(time_us: float) -> str:
    """Microseconds with two digits or more."""
    return f"{time_us:.1f} µs" if time_us < 10 else f"{time_us:,.0f} µs"


def reached(*, held: bool) -> str:
    return "reached" if held else "**missed**"
