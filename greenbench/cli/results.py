"""`greenbench results`: list, show and export result sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from greenbench.cli.suite import REPORTS

if TYPE_CHECKING:
    from greenbench.store import Store

FOLDER = click.Path(path_type=Path)


@click.group()
def results() -> None:
    """List, show and export result sets."""


@results.command("list")
@click.option("--root", type=FOLDER, default=REPORTS, show_default=True, help="Where to look.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_(root: Path, as_json: bool) -> None:  # noqa: FBT001
    """List the result sets below a folder, oldest first."""
    from greenbench.report import list_results

    rows = list_results(root)
    if as_json:
        click.echo(json.dumps({"results": rows}, indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo(f"no result set in {root}")
        return
    from greenbench.cli.tables import print_rows

    print_rows(rows)


@results.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def show(folder: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Show every trial of a result set (default: the latest) and its status."""
    from greenbench.report import results_json

    store = open_latest(folder)
    try:
        found = results_json(store)
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    from greenbench.cli.tables import print_rows

    names = ("key", "study", "arm", "block", "status", "train_s", "energy_j", "error")
    print_rows([{name: trial.get(name) for name in names} for trial in found["trials"]])


@results.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv")
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder to write into.")
def export(folder: Path | None, form: Literal["csv", "parquet"], output: Path) -> None:
    """Export a result set (default: the latest) to CSV or Parquet files, one a table."""
    from greenbench.export import export_tables

    store = open_latest(folder)
    try:
        for path in export_tables(store, output, form):
            click.echo(path)
    finally:
        store.close()


def open_latest(folder: Path | None) -> Store:
    """The named result set, or the latest below `reports/`."""
    from greenbench.errors import ResultsError
    from greenbench.store import Store, result_sets

    if folder is not None:
        return Store.open(folder, read_only=True)
    found = result_sets(REPORTS)
    if not found:
        raise ResultsError(
            f"no result set in {REPORTS}",
            "run a suite first: greenbench suite run suites/quick.toml",
        )
    return Store.open(found[-1], read_only=True)
