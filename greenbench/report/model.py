"""The `Report` value: plain text and numbers in sections and tables, free of any markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Basis = Literal["measured", "estimate", "none"]
Kind = Literal["text", "count", "quantity", "change", "percent", "share", "p", "coefficient"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval; without bounds the noise is not known."""

    value: float
    low: float | None = None
    high: float | None = None


Cell = str | int | float | Interval | None
"""None is what is not known (a table turns NaN into it); it shows as a dash, never as 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """How the cells below it are read.

    text; count; quantity (in the unit that the title names); change (signed, in that unit);
    percent (a relative change, 0.1 shows as +10 %); share (0.1 shows as 10 %); p; coefficient (signed, in [-1, 1]).
    A text in a column of numbers says why there is none.
    """

    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of raw values; views format them by their columns."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = tuple(tuple(None if cell != cell else cell for cell in row) for row in self.rows)  # noqa: PLR0124 (NaN)
        object.__setattr__(self, "rows", known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report; `key` is its stable name for `--section`."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a result set says, summary first.

    `basis` says what energy rests on: measured, an estimate (then nothing is concluded from it),
    or none at all.
    """

    title: str
    basis: Basis
    sections: tuple[Section, ...]

    def section(self, key: str) -> Section | None:
        """The section of that name, or None."""
        return next((section for section in self.sections if section.key == key), None)

    def only(self, keys: Sequence[str]) -> Report:
        """The same report with these sections alone, in the report's order."""
        return replace(self, sections=tuple(s for s in self.sections if s.key in keys))
