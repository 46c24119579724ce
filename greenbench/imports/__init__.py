"""Measurements made elsewhere: a CSV file and a map of its columns become a result set."""

from __future__ import annotations

from pathlib import Path

from greenbench.errors import UsageError
from greenbench.imports.columns import check_columns, named_columns
from greenbench.imports.findings import examined
from greenbench.imports.load import load_map, map_names, map_schema, map_text
from greenbench.imports.reading import read_file
from greenbench.imports.runs import Recorded, recorded
from greenbench.imports.write import write_result_set

__all__ = [
    "Recorded",
    "import_file",
    "load_map",
    "map_names",
    "map_schema",
    "map_text",
]


def import_file(file: Path, name: str, folder: Path) -> Recorded:
    """Imports `file` by the map of that `name` (or path) into a new result set in `folder`.

    Returns what was taken, and what was left out, is missing or looks wrong, with the lines.
    Raises `UsageError` where the map or the file can't be used, `ResultsError` where the result
    set can't be written. Nothing is written unless everything could be read.
    """
    chosen = load_map(name)
    columns = [column for _, column in named_columns(chosen)]
    data = read_file(file, chosen.table.file, columns)
    check_columns(chosen, data.columns, data.name)
    found = examined(recorded(data, chosen))
    if not found.runs:
        reasons = "; ".join(f"{len(r.lines)}: {r.text}" for r in found.left_out)
        raise UsageError(f"{file}: no row could be taken ({reasons})")
    write_result_set(found, folder).close()
    return found
