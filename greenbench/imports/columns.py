"""Whether a map and a file fit: every column that the map names is there, nearest spelling if not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenbench.errors import UsageError
from greenbench.imports.load import ColumnMap
from greenbench.imports.tables import HyperparametersTable
from greenbench.suite.lines import Path
from greenbench.suite.problems import Problem, did_you_mean, found, located


def check_columns(chosen: ColumnMap, columns: Sequence[str], file: str) -> None:
    """Raises `UsageError` with every column of the map that the file has not."""
    problems = [
        Problem(
            path,
            f"found {found(name)}; {file} has no such column{did_you_mean(name, columns)}",
        )
        for path, name in named_columns(chosen)
        if name not in columns
    ]
    if problems:
        shown = ", ".join(columns[:40]) + (", …" if len(columns) > 40 else "")
        raise UsageError(
            "\n".join(located(problems, chosen.source, chosen.text)), f"{file} has: {shown}"
        )


def named_columns(chosen: ColumnMap) -> Iterator[tuple[Path, str]]:
    """Each column that the map names, with the key that names it."""
    table = chosen.table
    run, scenario = table.run, table.scenario
    yield from _several(("run", "model"), run.model)
    for key in ("id", "timestamp", "time", "block"):
        yield from _one(("run", key), getattr(run, key))
    if run.status:
        yield from _one(("run", "status", "column"), run.status.column)
        yield from _one(("run", "status", "error"), run.status.error)
    if run.gpu_use:
        yield ("run", "gpu_use", "column"), run.gpu_use.column
    if scenario:
        yield from _one(("scenario", "column"), scenario.column)
        yield from _several(("scenario", "background"), scenario.background or ())
    if table.hyperparameters:
        yield from _of_hyperparameters(table.hyperparameters)
    for part in ("energy", "metrics", "filters"):
        for place, entry in enumerate(getattr(table, part)):
            yield (part, place, "column"), entry.column
    for place, entry in enumerate(table.agree):
        yield ("agree", place, "column"), entry.column
        yield from _several(("agree", place, "equals"), entry.equals)


def _of_hyperparameters(table: HyperparametersTable) -> Iterator[tuple[Path, str]]:
    for key in ("changed", "value", "default", "says_changed", "says_count"):
        yield from _one(("hyperparameters", key), getattr(table, key))
    for form in ("columns", "executed"):
        for name, column in getattr(table, form).items():
            yield ("hyperparameters", form, name), column


def _one(path: Path, name: str | None) -> Iterator[tuple[Path, str]]:
    if name is not None:
        yield path, name


def _several(path: Path, names: Sequence[str]) -> Iterator[tuple[Path, str]]:
    for place, name in enumerate(names):
        yield (*path, place), name
