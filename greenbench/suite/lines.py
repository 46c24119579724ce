"""On which line of a TOML text each key stands, so that errors can say so."""

from __future__ import annotations

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"""^\s*(\[\[?)\s*([\w."' \t-]+?)\s*\]\]?\s*(#.*)?$""")
_KEY = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def key_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of each table header and each key that starts a line.

    A scan, not a parser: keys inside inline tables are not found; ask for their parent.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), start=1):
        inside, quoted = quoted, _open_quote(line, quoted)
        if inside:
            continue
        if header := _HEADER.match(line):
            names = _PART.findall(header[2])
            table = _table(names, counts, new=header[1] == "[[")
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = table + tuple(part.strip("\"'") for part in _PART.findall(key[1]))
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
    return found


def line_of(path: Sequence[str | int], lines: dict[Path, int]) -> int | None:
    """The line of the key, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in lines:
            return lines[tuple(path[:length])]
    return None


def _table(names: list[str], counts: dict[Path, int], *, new: bool) -> Path:
    """The path of a header, with the positions of the arrays of tables that it goes through."""
    path: Path = ()
    for depth, name in enumerate(names, start=1):
        path += (name.strip("\"'"),)
        if new and depth == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path


def _open_quote(line: str, quoted: str) -> str:
    """The triple quote that is still open after this line, or nothing."""
    for mark in re.findall(r'"""|\'\'\'', line):
        if not quoted:
            quoted = mark
        elif quoted == mark:
            quoted = ""
    return quoted
