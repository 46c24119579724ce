"""A report on a terminal or in a log file: readable at 80 columns, colour only as a help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from greenbench.report.figures import Forest, Trace
from greenbench.report.lines import forest_lines, spark_lines
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
TIGHT = 10
"""The same for names and numbers where a line has no room for that."""


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
    for figure in section.figures:
        if isinstance(figure, Forest):
            _forest(figure, console)
        elif isinstance(figure, Trace):
            _trace(figure, console)
    for table in section.tables:
        _table(table, console)


TONES = {"good": "green", "bad": "red", "quiet": "dim", "plain": ""}


def _forest(figure: Forest, console: Console) -> None:
    console.print()
    console.print(Text(inert(figure.title), style="bold"))
    for text, tone in forest_lines(figure, console.width):
        console.print(Text(text, style=TONES[tone], no_wrap=True, overflow="crop"))
    _notes(figure.notes, console)


def _notes(notes: Sequence[str], console: Console) -> None:
    for note in notes:
        console.print(Padding(Text(inert(note, 10_000), style="dim"), (0, 0, 0, 2)))


def _trace(figure: Trace, console: Console) -> None:
    console.print()
    console.print(Text(inert(figure.title), style="bold"))
    for text in spark_lines(figure, console.width):
        console.print(Text(text, no_wrap=True, overflow="crop"))
    _notes(figure.notes, console)


def _table(table: Table, console: Console) -> None:
    drawn = RichTable(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    texts = [
        [cell_text(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    for column, width in zip(table.columns, _widths(table, texts, console.width), strict=True):
        drawn.add_column(
            Text(inert(column.title)),
            justify="left" if column.kind == "text" else "right",
            overflow="fold",
            width=width,
        )
    for row in texts:
        drawn.add_row(*map(_cell, row))
    console.print()
    console.print(Text(inert(table.title), style="bold"))
    console.print(drawn)
    _notes(table.notes, console)


def _widths(table: Table, texts: list[list[str]], width: int) -> list[int]:
    """What each column gets of a line: all it would like, else less for the widest first.

    Words stay whole up to a length, verdicts before names and numbers, and intervals stay on one
    line if all of a table's can.
    """
    columns = [
        [inert(column.title), *(row[place] for row in texts)]
        for place, column in enumerate(table.columns)
    ]
    wanted = [max(map(cell_len, found)) for found in columns]
    words = [max(map(_longest_word, found)) for found in columns]
    least = [min(NARROWEST, word) for word in words]
    told = [column.kind == "text" and place > 0 for place, column in enumerate(table.columns)]
    tight = [
        word if word_kept else min(TIGHT, word) for word, word_kept in zip(least, told, strict=True)
    ]
    whole = [
        max((cell_len(row[place]) for row in texts), default=0)
        if any(isinstance(row[place], Interval) for row in table.rows)
        else 0
        for place in range(len(columns))
    ]
    room = max(width - 2 * len(columns), len(columns))
    for floor in ([max(pair) for pair in zip(least, whole, strict=True)], least, tight):
        if sum(floor) <= room:
            return _shrunk(wanted, floor, room)
    return _shrunk(wanted, [1] * len(columns), room)


def _shrunk(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    found = [max(pair) for pair in zip(wanted, least, strict=True)]
    while sum(found) > room:
        over = [(n, -place) for place, n in enumerate(found) if n > least[place]]
        if not over:
            break
        found[-max(over)[1]] -= 1
    return found


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split()), default=1)


def _cell(text: str) -> Text:
    return Text(text, style=COLOURS.get(text.partition(" ")[0], ""))
