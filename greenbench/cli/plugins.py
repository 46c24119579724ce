"""`greenbench plugins`: what was found, who provides it, and what is wrong with the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from greenbench.api import Provided


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--verbose", is_flag=True, help="Show the whole error of a broken plugin.")
def plugins(as_json: bool, verbose: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """List models, data sets, mutation operators, energy backends, executors, report sections."""
    from greenbench.plugins import load_plugins

    found = load_plugins()
    offered: list[tuple[str, Provided[Any]]] = [
        (registry.kind, registry[name])
        for registry in found.registries()
        for name in registry.names()
    ]
    sections = found.implementing("greenbench_report_sections")
    offered += [("report section", plugin) for plugin in sections]
    rows = [
        {
            "kind": kind,
            "name": provided.name,
            "distribution": provided.distribution,
            "version": provided.version,
            "state": "ok",
        }
        for kind, provided in offered
    ]
    rows += [
        {
            "kind": "plugin",
            "name": problem.entry_point,
            "distribution": problem.distribution,
            "version": problem.version,
            "state": problem.error,
        }
        for problem in found.problems
    ]
    if as_json:
        click.echo(json.dumps({"plugins": rows}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "name", "distribution", "version", "state"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        state = Text(row["state"], style="green" if row["state"] == "ok" else "red")
        table.add_row(*(Text(row[key]) for key in list(row)[:4]), state)
    console = Console()
    console.print(table)
    if verbose:
        for problem in found.problems:
            console.print(Text(f"\n{problem.distribution}: {problem.entry_point}", style="bold"))
            console.print(Text(problem.detail or problem.error))
