"""Reads a suite file and says everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenbench.api import Limits
from greenbench.errors import SuiteError, UsageError
from greenbench.suite.problems import located, shape_problem
from greenbench.suite.spec import Analysis, Cooldown, Measure, Retry, Suite
from greenbench.suite.studies import study_specs

if TYPE_CHECKING:
    from greenbench.plugins import Plugins
    from greenbench.suite.tables import SuiteTable

"""The operator whose mutants change nothing: the A/A arm."""


def load_suite(path: Path | str, plugins: Plugins) -> Suite:
    """Reads, checks and returns the suite in the file at `path`.

    Raises `SuiteError` with every problem found, each as `FILE:LINE: dotted.key: what was
    found; allowed: …; did you mean …?`, and `UsageError` if the file can't be read.
    """
    file = Path(path)
    text = _read(file)
    return parse_suite(text, plugins, file)


def parse_suite(text: str, plugins: Plugins, file: Path | None = None) -> Suite:
    """The suite that `text` holds; `file` is what errors call it. Raises as `load_suite`."""
    from pydantic import ValidationError

    from greenbench.suite.meaning import meaning_problems
    from greenbench.suite.tables import TABLES, SuiteTable

    name = str(file) if file else "suite"
    data = _parsed(text, name)
    table, problems = None, []
    try:
        table = SuiteTable.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = [shape_problem(dict(problem), TABLES) for problem in found]
    problems += meaning_problems(data, [problem.path for problem in problems], plugins)
    if problems or table is None:
        raise SuiteError(located(problems, name, text))
    return replace(_suite(table), text=text, path=file)


def suite_schema() -> dict[str, Any]:
    """The JSON Schema of a suite file, for editors."""
    from greenbench.suite.tables import SuiteTable

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | SuiteTable.model_json_schema()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SuiteError(
            [f"{file}: isn't UTF-8 text (byte {error.start}); save it as such"]
        ) from error
    except OSError as error:
        raise UsageError(
            f"{file}: can't be read: {error.strerror or error}",
            "Name a suite file, such as suites/quick.toml.",
        ) from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r"\(at line (\d+), column (\d+)\)", message)
        where = f"{name}:{place[1]}:{place[2]}" if place else name
        raise SuiteError([f"{where}: not TOML: {message}"]) from error


def _suite(table: SuiteTable) -> Suite:
    backends = table.measure.backends
    measure = table.measure.model_dump() | {
        "backends": None if isinstance(backends, str) else tuple(backends)
    }
    limits = table.limits.model_dump() | {
        "gpus": _gpus(table.limits.gpus),
        "network": tuple(table.limits.network),
    }
    return Suite(
        name=table.name,
        description=table.description,
        seed=table.seed,
        executor=table.executor,
        measure=Measure(**measure),
        cooldown=Cooldown(**table.cooldown.model_dump()),
        analysis=Analysis(**table.analysis.model_dump()),
        limits=Limits(**limits),
        retry=Retry(**table.retry.model_dump()),
        studies=tuple(
            spec
            for position, study in enumerate(table.study)
            for spec in study_specs(study, position, table.blocks)
        ),
    )


def _gpus(gpus: int | str | list[str]) -> tuple[str, ...]:
    """As `api.Limits` has it: nothing, `("all",)`, `("count:2",)`, or the ids."""
    if isinstance(gpus, int):
        return (f"count:{gpus}",) if gpus else ()
    return (gpus,) if isinstance(gpus, str) else tuple(gpus)
