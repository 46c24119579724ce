"""A CSV file's cells as they stand in it, each row with its line; nothing is interpreted here."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenbench.errors import UsageError
from greenbench.imports.tables import FileTable

LONGEST_CELL = 1_000_000
"""Characters of one cell; a quote that was never closed runs into this."""
MOST_PROBLEMS = 20
"""So many problems of a file are listed, the rest is counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line of the file that it ends on (the header's is 1), and its cells."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that was read whole: its name, size and digest, its columns and rows."""

    name: str
    sha256: str
    size: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_file(path: Path, table: FileTable, columns: Sequence[str] | None = None) -> DataFile:
    """The rows of a file, of the named columns that it has, or of all.

    Raises `UsageError` where the file can't be read, isn't in that encoding, is empty, names a
    column twice, or has rows of another width than its header, each with its line.
    """
    data = _bytes(path)
    text = _decoded(path, data, table.encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter, strict=True)
    csv.field_size_limit(LONGEST_CELL)
    header = _header(path, reader)
    wanted = [name for name in header if columns is None or name in columns]
    places = [header.index(name) for name in wanted]
    rows: list[Row] = []
    problems: list[str] = []
    for line, cells in _records(path, reader):
        if len(cells) != len(header):
            problems.append(f"{path}:{line}: {len(cells)} cells, the header has {len(header)}")
            continue
        kept = (cells[place].strip() for place in places)
        rows.append(Row(line, dict(zip(wanted, kept, strict=True))))
    complain(problems, "put the rows right, or name the delimiter in the map's [file]")
    if not rows:
        raise UsageError(f"{path}: has a header and no rows: there is nothing to import")
    return DataFile(
        name=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        columns=tuple(header),
        rows=tuple(rows),
    )


def complain(problems: Sequence[str], remedy: str) -> None:
    """Raises `UsageError` with the first problems and the number of the rest, if there are any."""
    if problems:
        rest = len(problems) - MOST_PROBLEMS
        more = [f"… and {rest} more"] if rest > 0 else []
        raise UsageError("\n".join([*problems[:MOST_PROBLEMS], *more]), remedy)


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror or error}") from error
    if not data.strip():
        raise UsageError(f"{path}: is empty: there is nothing to import")
    return data


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise UsageError(
            f"the map's file.encoding {encoding!r} is none that Python knows",
            'such as "utf-8", "utf-16" or "latin-1"',
        ) from error
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = data[:start].count(b"\n") + 1
        raise UsageError(
            f"{path}:{line}: isn't {encoding} text (byte {start})",
            'state the right one in the map: [file] encoding = "utf-16" or "latin-1"',
        ) from error
    if "\0" in text:
        raise UsageError(
            f"{path}: isn't {encoding} text (it holds NUL characters)",
            'state the right one in the map: [file] encoding = "utf-16-le"',
        )
    return text.removeprefix("\ufeff")


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    for _, cells in _records(path, reader):
        header = [cell.strip() for cell in cells]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise UsageError(
                f"{path}:1: the header names {', '.join(map(repr, twice))} more than once",
                "give every column a name of its own",
            )
        return header
    raise UsageError(f"{path}: is empty: there is nothing to import")


def _records(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Records with the line that they end on; empty lines are none."""
    line = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(
                f"{path}:{getattr(reader, 'line_num', line)}: not CSV: {error}",
                "put the line right, or name the delimiter in the map's [file]",
            ) from error
        line = getattr(reader, "line_num", line + 1)
        if cells:
            yield line, cells
