"""Finds a map by name or path, reads it, and says everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenbench.errors import UsageError
from greenbench.suite.problems import did_you_mean, located, shape_problem

if TYPE_CHECKING:
    from greenbench.imports.tables import MapTable

READY = files("greenbench.imports") / "maps"
"""The maps that come with greenbench."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """A checked map; `text` is the file as it was read, `source` what errors call it."""

    table: MapTable
    text: str
    source: str


def map_names() -> list[str]:
    """The names of the maps that come with greenbench, sorted."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in READY.iterdir()
        if entry.name.endswith(".toml")
    )


def map_text(name: str) -> str:
    """The TOML of a ready map, to start one's own from."""
    return _text(name)[0]


def map_schema() -> dict[str, Any]:
    """The JSON Schema of a map file, for editors."""
    from greenbench.imports.tables import MapTable

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | MapTable.model_json_schema()


def load_map(name: str) -> ColumnMap:
    """The map of that name, or in the file at that path.

    Raises `UsageError` with every problem found, each as `FILE:LINE: dotted.key: what was found;
    allowed: …; did you mean …?`.
    """
    from pydantic import ValidationError

    from greenbench.imports.tables import TABLES, MapTable

    text, source = _text(name)
    try:
        table = MapTable.model_validate(_parsed(text, source))
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = [shape_problem(dict(problem), TABLES) for problem in found]
        raise UsageError("\n".join(located(problems, source, text))) from error
    return ColumnMap(table=table, text=text, source=source)


def _text(name: str) -> tuple[str, str]:
    names = map_names()
    if name in names:
        return (READY / f"{name}.toml").read_text(encoding="utf-8"), f"map {name}"
    path = Path(name)
    try:
        return path.read_text(encoding="utf-8"), name
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name}: isn't UTF-8 text (byte {error.start})", "save the map as UTF-8"
        ) from error
    except OSError as error:
        raise UsageError(
            f"no map {name!r}, and no file of that name can be read:"
            f" {error.strerror or error}{did_you_mean(name, names)}",
            f"ready maps: {', '.join(names)}; or name a TOML file (docs/import.md)",
        ) from error


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"{source}:{place[1]}:{place[2]}" if place else source
        raise UsageError(f"{where}: not TOML: {error}") from error
