"""The `Report` value: plain text and numbers in sections and tables, free of any markup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from numpy import generic

from greenbench.report.figures import Figure
from greenbench.report.values import Behind, Cell, Interval, Kind

__all__ = [
    "Basis",
    "Behind",
    "Cell",
    "Column",
    "Figure",
    "Interval",
    "Kind",
    "Report",
    "Section",
    "Table",
    "Trials",
]
Basis = Literal["measured", "estimate", "none"]


@dataclass(frozen=True, slots=True)
class Column:
    """A title, and how the cells below it are read; a text among numbers says why there is none."""

    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of raw values; views format them by their columns.

    `behind` names, row by row, the trials that it rests on (or is empty).
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    behind: tuple[Behind | None, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(map(_known, row)) for row in self.rows))


def _known(cell: Cell) -> Cell:
    """A plain Python number for NumPy's, and None for NaN."""
    found: Cell = cell.item() if isinstance(cell, generic) else cell
    value = found.value if isinstance(found, Interval) else found
    return None if isinstance(value, float) and math.isnan(value) else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report; `key` is its stable name for `--section`."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The trials that numbers rest on, one row each, with `table.behind` naming study and arm.

    `total` is how many there are: a large result set lists some of each arm only.
    """

    table: Table
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a result set says, summary first.

    `basis` says what energy rests on: measured, an estimate (then nothing is concluded from it),
    or none at all.
    """

    title: str
    basis: Basis
    sections: tuple[Section, ...]
    trials: Trials | None = None

    def section(self, key: str) -> Section | None:
        """The section of that name, or None."""
        return next((section for section in self.sections if section.key == key), None)

    def only(self, keys: Sequence[str]) -> Self:
        """The same report with these sections alone, in the report's order."""
        return replace(self, sections=tuple(s for s in self.sections if s.key in keys))
