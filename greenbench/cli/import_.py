"""`greenbench import`: measurements made elsewhere become a result set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from greenbench.cli.results import FOLDER
from greenbench.cli.suite import REPORTS

if TYPE_CHECKING:
    from greenbench.imports import Recorded
    from greenbench.imports.runs import Remark

LINES_SHOWN = 5


@click.command("import")
@click.argument("file", type=FOLDER, required=False)
@click.option("--map", "name", help="A ready map's name, or a TOML file (docs/import.md).")
@click.option("--results", type=FOLDER, help="Folder of the new result set [reports/FILE].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--list-maps", is_flag=True, help="List the ready maps.")
@click.option("--show-map", metavar="NAME", help="Print a ready map, to start your own from.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a map.")
def import_(
    *,
    file: Path | None,
    name: str | None,
    results: Path | None,
    as_json: bool,
    list_maps: bool,
    show_map: str | None,
    schema: bool,
) -> None:
    """Import a CSV file of measurements made elsewhere.

    \b
      greenbench import emissions.csv --map codecarbon
      greenbench report reports/emissions
    """
    from greenbench.errors import UsageError
    from greenbench.imports import import_file, load_map, map_names, map_schema, map_text

    if schema:
        click.echo(json.dumps(map_schema(), indent=2, ensure_ascii=False))
    elif show_map is not None:
        click.echo(map_text(show_map), nl=False)
    elif list_maps:
        for ready in map_names():
            click.echo(f"{ready}: {load_map(ready).table.description}")
    elif file is None or name is None:
        raise UsageError(
            "name a file and a map: greenbench import FILE.csv --map MAP",
            f"ready maps: {', '.join(map_names())}; docs/import.md says how to write one",
        )
    else:
        folder = results or REPORTS / file.stem
        found = import_file(file, name, folder)
        click.echo(json.dumps(_data(found, folder)) if as_json else _text(found, folder))


def _data(found: Recorded, folder: Path) -> dict[str, object]:
    def remarks(of: Sequence[Remark]) -> list[dict[str, object]]:
        return [{"text": r.text, "rows": len(r.lines), "lines": list(r.lines)} for r in of]

    return {
        "results": str(folder),
        "rows": len(found.file.rows),
        "taken": len(found.runs),
        "left_out": remarks(found.left_out),
        "gaps": remarks(found.gaps),
        "findings": remarks(found.findings),
    }


def _text(found: Recorded, folder: Path) -> str:
    from greenbench.report import inert

    lines = [f"{len(found.runs)} of {len(found.file.rows)} rows taken from {found.file.name}."]
    for title, remarks in (
        ("Left out", found.left_out),
        ("Taken, with gaps (what is missing stays missing)", found.gaps),
        ("To look at", found.findings),
    ):
        if remarks:
            lines += ["", f"{title}:"]
            lines += [f"  {len(r.lines):>5}  {inert(r.text)} ({_lines(r)})" for r in remarks]
    lines += ["", f"Result set: {folder}", f"Next: greenbench report {folder}"]
    return "\n".join(lines)


def _lines(remark: Remark) -> str:
    shown = ", ".join(map(str, remark.lines[:LINES_SHOWN]))
    rest = ", …" if len(remark.lines) > LINES_SHOWN else ""
    return f"line{'s' if len(remark.lines) > 1 else ''} {shown}{rest}"
