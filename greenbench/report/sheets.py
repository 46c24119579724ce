"""A report's tables as CSV: one long table of everything, or a file a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from greenbench.report.model import Column, Report, Table
from greenbench.report.text import inert
from greenbench.report.values import Cell, Interval
from greenbench.spreadsheet import harmless

LONG = ("section", "table", "row", "column", "kind", "value", "low", "high", "text")


def render_csv(report: Report) -> str:
    """Every cell of every table as a line of its own.

    section (key), table (title), row (from 1), column (title), kind (see `report.values.Kind`),
    value, low and high (numbers in full, as the column's kind counts them: 0.1 is 10 %), text.
    What is not known is empty. A text that a spreadsheet would run gets a leading apostrophe.
    """
    lines: list[Sequence[str]] = [LONG]
    for section in report.sections:
        for table in section.tables:
            lines += _long(section.key, table)
    return _written(lines)


def write_csv(report: Report, folder: Path) -> list[Path]:
    """One file a table, named by section and title; an interval takes three columns."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for section in report.sections:
        for table in section.tables:
            name = _free(f"{section.key}-{slug(table.title)}", written)
            path = folder / f"{name}.csv"
            path.write_text(_written(_wide(table)), encoding="utf-8", newline="")
            written[name] = path
    return list(written.values())


def slug(title: str) -> str:
    """A title as part of a file's name: ASCII letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "table"


def _text(text: str) -> str:
    """A text that no spreadsheet runs, on one line."""
    return harmless(inert(text, 10_000))


def _long(key: str, table: Table) -> Iterator[Sequence[str]]:
    for number, row in enumerate(table.rows, 1):
        for cell, column in zip(row, table.columns, strict=True):
            head = (key, _text(table.title), str(number), _text(column.title), column.kind)
            text = _text(cell) if isinstance(cell, str) else ""
            yield (*head, *_numbers(cell), text)


def _wide(table: Table) -> Iterator[Sequence[str]]:
    spans = [
        any(isinstance(row[place], Interval) for row in table.rows) for place in _places(table)
    ]
    yield [
        name
        for column, span in zip(table.columns, spans, strict=True)
        for name in _heads(column, wide=span)
    ]
    for row in table.rows:
        line: list[str] = []
        for cell, span in zip(row, spans, strict=True):
            if isinstance(cell, str):
                line += [_text(cell), "", ""] if span else [_text(cell)]
            else:
                line += _numbers(cell) if span else _numbers(cell)[:1]
        yield line


def _places(table: Table) -> range:
    return range(len(table.columns))


def _heads(column: Column, *, wide: bool) -> list[str]:
    title = _text(column.title)
    return [title, f"{title} low", f"{title} high"] if wide else [title]


def _numbers(cell: Cell) -> list[str]:
    if isinstance(cell, Interval):
        return ["" if n is None else repr(float(n)) for n in (cell.value, cell.low, cell.high)]
    return ["" if cell is None or isinstance(cell, str) else repr(cell), "", ""]


def _free(name: str, taken: Iterable[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _written(lines: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
