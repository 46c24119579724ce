"""What a cell says: a number, a hyperparameter's value, or nothing; what it can't say is a problem."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from greenbench.api import Value
from greenbench.imports.reading import Row
from greenbench.suite.problems import found

WHOLE = re.compile(r"[+-]?\d+")
TRUTHS: dict[str, bool] = {"true": True, "false": False}


@dataclass(slots=True)
class Cells:
    """Reads the cells of one file; `problems` collects those that are not what they must be."""

    file: str
    missing: Collection[str]
    problems: list[str] = field(default_factory=list)

    def text(self, row: Row, column: str | None) -> str:
        """The cell as it stands, "" where nothing was recorded or no column is named."""
        cell = row.cells[column] if column is not None else ""
        return "" if cell in self.missing else cell

    def joined(self, row: Row, columns: Collection[str]) -> str:
        """The cells of several columns that say something, joined by "/"."""
        return "/".join(cell for column in columns if (cell := self.text(row, column)))

    def number(self, row: Row, column: str) -> float | None:
        """The cell's number (NaN and infinity among them); None where nothing was recorded."""
        cell = self.text(row, column)
        if not cell:
            return None
        try:
            return float(cell)
        except ValueError:
            self.bad(row, column, cell, "a number is needed")
            return None

    def bad(self, row: Row, column: str, cell: str, needed: str) -> None:
        """Keeps a problem with its line and column."""
        self.problems.append(
            f"{self.file}:{row.line}: column {found(column)}: found {found(cell)}; {needed}"
        )


def value_of(cell: str) -> Value:
    """A hyperparameter's value: a whole number, a number, true or false, otherwise a text.

    A number that is too large for a float is a text too.
    """
    try:
        number = float(cell)
    except ValueError:
        return TRUTHS.get(cell.lower(), cell)
    if not math.isfinite(number):
        return cell
    return int(cell) if WHOLE.fullmatch(cell) else number
