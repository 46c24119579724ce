"""`greenbench data`: list, fetch and verify the data sets that models train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from greenbench.api import DataSet, Provided
    from greenbench.plugins import Registry


@click.group()
def data() -> None:
    """List, fetch and verify the data sets that models train on.

    Prepared ones lie in $GREENBENCH_DATA, by default ~/.cache/greenbench/data.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_(as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """List all data sets: what they are, and whether they can be used now."""
    from greenbench.cli.tables import print_rows

    rows = [_row(offered.value) for offered in _offered().offered.values()]
    if as_json:
        click.echo(json.dumps({"data_sets": rows}, indent=2, ensure_ascii=False))
        return
    columns = ("name", "label", "state", "MB")
    print_rows([{column: row[column] for column in columns} for row in rows])


@data.command()
@click.argument("name")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True),
    help="Folder (or archive) with the files as they are published; nothing is downloaded then.",
)
@click.option("--again", is_flag=True, help="Prepare it anew, also if it is there.")
def fetch(name: str, folder: Path | None, again: bool) -> None:  # noqa: FBT001
    """Download a data set, or take it from a folder, and prepare it for training."""
    from greenbench.datasets import prepare

    click.echo(prepare(_one(name), folder, lambda line: click.echo(line, err=True), again=again))


@data.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare prepared data sets (default: all) with their checksums."""
    from greenbench import datasets

    wanted = [_one(name).value for name in names] or [
        offered.value
        for offered in _offered().offered.values()
        if datasets.prepared_folder(offered.value)
    ]
    for data_set in wanted:
        if not data_set.source:
            click.echo(f"{data_set.name}: comes with its package, nothing is cached")
            continue
        manifest = datasets.verify(data_set)
        click.echo(f"{data_set.name}: {len(manifest.files)} files as prepared, {manifest.digest}")
    if not wanted:
        click.echo(f"nothing is prepared in {datasets.cache_folder()}")


@data.command()
@click.argument("name", required=False)
def path(name: str | None) -> None:
    """Print the folder of prepared data sets, or that of one of them."""
    from greenbench import datasets
    from greenbench.errors import DataError

    if name is None:
        click.echo(datasets.cache_folder())
        return
    data_set = _one(name).value
    folder = datasets.prepared_folder(data_set)
    if folder is None:
        raise DataError(
            f"data set {name} has no folder: "
            + ("it is not prepared" if data_set.source else "it comes with its package"),
            f"`greenbench data fetch {name}` prepares it." if data_set.source else "",
        )
    click.echo(folder)


def _offered() -> Registry[DataSet]:
    from greenbench.plugins import load_plugins

    return load_plugins().data_sets


def _one(name: str) -> Provided[DataSet]:
    from greenbench.errors import UsageError

    offered = _offered()
    if name not in offered:
        known = ", ".join(offered.names()) or "none; install greenbench-data"
        raise UsageError(f"no data set is called {name!r}", f"There are: {known}.")
    return offered[name]


def _row(data_set: DataSet) -> dict[str, Any]:
    from greenbench import datasets

    folder = datasets.prepared_folder(data_set)
    size = datasets.read_manifest(data_set, folder).size_bytes if folder else None
    missing = "not prepared" if data_set.source else "ready"
    return {
        "name": data_set.name,
        "label": data_set.label,
        "state": "prepared" if folder else missing,
        "MB": None if size is None else size / 1e6,
        "synthetic": data_set.synthetic,
        "description": data_set.description,
    }
