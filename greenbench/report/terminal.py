"""A report on a terminal or in a log file: readable at 80 columns, colour only as a help."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from greenbench.report.model import Interval, Report, Section, Table
from greenbench.report.text import cell_text, inert

COLOURS = {
    "greener": "green",
    "kept": "green",
    "improved": "green",
    "costlier": "red",
    "damaged": "red",
    "diverged": "red",
}
NARROWEST = 14
"""No column is squeezed below its longest word up to here."""
ROOM = 50
"""What a line needs beside intervals that stay on it."""


def render_terminal(report: Report, console: Console) -> None:
    """Prints the report, summary first."""
    console.print(Text(inert(report.title), style="bold"))
    for section in report.sections:
        _section(section, console)


def _section(section: Section, console: Console) -> None:
    console.print()
    console.rule(Text(inert(section.title), style="bold"), align="left")
    for paragraph in section.paragraphs:
        console.print(Text(inert(paragraph, 10_000)))
    if section.points:
        points = RichTable.grid(padding=(0, 1, 0, 0))
        for point in section.points:
            points.add_row(Text("•"), Text(inert(point, 10_000)))
        console.print(points)
    for table in section.tables:
        _table(table, console)


def _table(table: Table, console: Console) -> None:
    drawn = RichTable(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    texts = [
        [cell_text(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    for column, width in zip(table.columns, _least_widths(table, texts, console), strict=True):
        drawn.add_column(
            Text(inert(column.title)),
            justify="left" if column.kind == "text" else "right",
            overflow="fold",
            min_width=width,
        )
    for row in texts:
        drawn.add_row(*map(_cell, row))
    console.print()
    console.print(Text(inert(table.title), style="bold"))
    console.print(drawn)
    for note in table.notes:
        console.print(Padding(Text(inert(note, 10_000), style="dim"), (0, 0, 0, 2)))


def _least_widths(table: Table, texts: list[list[str]], console: Console) -> list[int]:
    """Intervals stay on one line if all of a table's can; words stay whole up to a length."""
    columns = list(zip(*texts, strict=True)) or [()] * len(table.columns)
    widths = [
        min(NARROWEST, max(map(_longest_word, (column.title, *found))))
        for column, found in zip(table.columns, columns, strict=True)
    ]
    whole = {
        place: max(map(len, found))
        for place, found in enumerate(columns)
        if any(isinstance(row[place], Interval) for row in table.rows)
    }
    if sum(whole.values()) + ROOM < console.width:
        widths = [whole.get(place, width) for place, width in enumerate(widths)]
    fits = sum(widths) + 2 * len(widths) + 2 <= console.width
    return widths if fits else [1] * len(widths)


def _longest_word(text: str) -> int:
    return max((len(word) for word in text.split()), default=1)


def _cell(text: str) -> Text:
    return Text(text, style=COLOURS.get(text.partition(" ")[0], ""))
