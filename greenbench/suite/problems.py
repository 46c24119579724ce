"""What is wrong with a suite, said so that it can be put right: found, allowed, did you mean."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from greenbench.suite.lines import Path, key_lines, line_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from greenbench.plugins import PluginProblem

    Tables = Mapping[tuple[str, ...], type[BaseModel]]
    """A file's tables by the names in front of them."""

LONGEST_FOUND = 60
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and the key it is wrong at."""

    path: Path
    text: str

    def below(self, *parents: str | int) -> Problem:
        """The same problem, seen from further out."""
        return Problem((*parents, *self.path), self.text)


def located(problems: Iterable[Problem], file: str, text: str) -> list[str]:
    """Each problem as `FILE:LINE: dotted.key: text`, in the order of the file, none twice."""
    lines = key_lines(text)
    unique = dict.fromkeys(problems)
    placed = [(line_of(problem.path, lines), problem) for problem in unique]
    placed.sort(key=lambda pair: pair[0] or 0)
    return [
        f"{file}{f':{line}' if line else ''}: {dotted(problem.path)}: {problem.text}"
        for line, problem in placed
    ]


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `study[0].mutate[1].factors[0]`; lists count from 0."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def undotted(text: str) -> Path:
    """The opposite of `dotted`: `factors[1]` → `("factors", 1)`."""
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in _PART.findall(text))


def found(value: object) -> str:
    """A value as it looks in TOML, shortened."""
    if isinstance(value, Mapping):
        return "a table"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 1] + "…"


def did_you_mean(word: object, allowed: Collection[str]) -> str:
    """`; did you mean "epochs"?` if something allowed is spelt much like it, else nothing."""
    if not isinstance(word, str) or word in allowed:
        return ""
    spellings = {name.lower().replace("-", "_"): name for name in allowed}
    close = get_close_matches(word.lower().replace("-", "_"), spellings, n=1, cutoff=0.6)
    return f'; did you mean "{spellings[close[0]]}"?' if close else ""


def unknown(name: str, allowed: Sequence[str], what: str, problems: Sequence[PluginProblem]) -> str:
    """Text for a name that no plugin offers: what was found, what is there, and the nearest
    spelling or the broken plugins that it may belong to."""
    listed = ", ".join(allowed) or f"nothing, no plugin offers any {what}"
    hint = did_you_mean(name, allowed)
    certain = any(name in problem.names for problem in problems)
    culprit = _blame(name, problems) if certain or not hint else ""
    return f"found {found(name)}; allowed: {listed}{culprit or hint}"


def _blame(name: str, problems: Sequence[PluginProblem]) -> str:
    """Which broken plugin should have offered `name`, or may have; empty if none is broken."""
    certain = [p for p in problems if name in p.names]
    possible = certain or [p for p in problems if not p.names]
    if not possible:
        return ""
    listed = "; ".join(f"{p.distribution} {p.version} ({p.error})" for p in possible)
    if certain:
        return f"; it should come from {listed}, which can't be used"
    return f"; it may belong to a plugin that can't be used: {listed}"


def shape_problem(error: Mapping[str, Any], tables: Tables) -> Problem:
    """One of pydantic's errors as a problem at its key."""
    path = tuple(part for part in error["loc"] if not str(part).startswith("<"))
    return Problem(path, shape_text(error, path, tables))


def shape_text(error: Mapping[str, Any], path: Path, tables: Tables) -> str:
    """What one of pydantic's errors means, in this project's words."""
    kind = str(error["type"])
    if kind == "extra_forbidden":
        return _unknown_key(path, tables)
    if kind == "missing":
        return f"is missing: {_description(path, tables)}"
    allowed = _SEVERAL_FORMS.get(_names(path)) or _allowed(kind, error)
    words = re.findall(r"'([^']*)'|\"([^\"]*)\"", allowed)
    hint = did_you_mean(error["input"], [a or b for a, b in words])
    return f"found {found(error['input'])}; allowed: {allowed}{hint}"


_MODELS = 'a list of models: "NAME", or {model = "NAME", hyperparameters = {epochs = 5}}'
_SEVERAL_FORMS: dict[tuple[str, ...], str] = {
    ("measure", "backends"): '"auto", or a list of names such as ["nvml", "rapl"]',
    ("limits", "gpus"): (
        'a number of GPUs, "all", or a list of texts such as ["0", "GPU-1b3c…", "0:1", "MIG-7c2e…"]'
    ),
    ("study", "operators"): 'an operator such as "paper", or a list of them',
    ("study", "scenarios"): '"solo", or a table such as {kind = "homogeneous", copies = 2}',
    ("study", "scenarios", "companions"): _MODELS,
    ("study", "scenarios", "background"): _MODELS,
}
_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', with a letter or digit first",
}


def _allowed(kind: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    texts = {
        "literal_error": "{expected}",
        "value_error": "{error}",
        "greater_than": "more than {gt}",
        "greater_than_equal": "{ge} or more",
        "less_than": "less than {lt}",
        "less_than_equal": "{le} or less",
        "too_short": "at least {min_length} of them",
        "too_long": "at most {max_length} of them",
        "string_too_short": "at least {min_length} letters",
    }
    if kind in texts:
        return texts[kind].format(**context).replace("'", '"')
    return _TYPES.get(kind, str(error["msg"]))


def _unknown_key(path: Path, tables: Tables) -> str:
    key = str(path[-1])
    here = _names(path[:-1])
    allowed = list(tables[here].model_fields)
    hint = did_you_mean(key, allowed)
    if not hint:
        homes = [dotted(place) for place, table in tables.items() if key in table.model_fields]
        hint = "".join(f"; it belongs to [{home}]" for home in homes[:1] if home)
    return f"found an unknown key; allowed: {', '.join(allowed)}{hint}"


def _description(path: Path, tables: Tables) -> str:
    field = tables[_names(path[:-1])].model_fields[str(path[-1])]
    text = field.description or "it is required"
    return text[0].lower() + text[1:].rstrip(".")


def _names(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))
