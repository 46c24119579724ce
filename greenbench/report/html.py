"""A report as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import math
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from greenbench.report.figures import Axis, Figure, Forest, Heatmap, Mark, Pairs, Scatter
from greenbench.report.model import Column, Report, Section, Table
from greenbench.report.text import UNKNOWN, cell_text, inert
from greenbench.report.values import Behind, Cell, Interval, Kind

AT_ONCE = 40
"""Rows of a table that are shown before someone asks for more."""
LONG = 10_000
"""Characters of a paragraph; those of a name are `text.LONGEST`."""
BASIS = {
    "measured": "energy measured",
    "estimate": "energy estimated, not measured",
    "none": "no energy recorded",
}
FRAME_HEIGHT = 720


def render_html(report: Report) -> str:
    """The whole report as a page; the same for the same record."""
    behind = _Behind(report)
    figures = [figure for section in report.sections for figure in section.figures]
    drawn = [_figure(figure, behind) for figure in figures]
    numbers = iter(range(len(figures)))
    sections = [_section(section, behind, numbers) for section in report.sections]
    trials = _trials(report, behind)
    data = {"figures": drawn, "behind": behind.selections()}  # those of the tables too
    style, script = _part("page.css"), _part("figures.js") + _part("page.js")
    page: str = _template().render(
        title=inert(report.title),
        basis=BASIS[report.basis],
        measured=report.basis == "measured",
        sections=sections,
        trials=trials,
        data=data,
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
    )
    return page


def render_frame(report: Report) -> str:
    """The page inside a frame that is sealed off, for notebooks."""
    page = html.escape(render_html(report))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="{FRAME_HEIGHT}"'
        ' title="greenbench report" style="border: 1px solid #8886; border-radius: 6px"></iframe>'
    )


class _Behind:
    """Numbers the selections of trials that a report's rows and marks name."""

    def __init__(self, report: Report) -> None:
        self._listed = report.trials is not None and bool(report.trials.table.rows)
        self._numbers: dict[Behind, int] = {}
        table = report.trials.table if report.trials else None
        groups = dict.fromkeys(group for group in (table.behind if table else ()) if group)
        self._groups = {group: number for number, group in enumerate(groups)}

    def number(self, behind: Behind | None) -> int | None:
        """The selection's number; None if there is none, or no trial is listed."""
        if behind is None or not self._listed:
            return None
        return self._numbers.setdefault(behind, len(self._numbers))

    def group(self, behind: Behind | None) -> int | None:
        """The number of a listed trial's group: its arm of its study."""
        return self._groups.get(behind) if behind else None

    def selections(self) -> list[dict[str, Any]]:
        """Each selection's words and groups, by its number."""
        return [
            {
                "label": _label(behind),
                "groups": [number for group, number in self._groups.items() if behind.holds(group)],
            }
            for behind in self._numbers
        ]


def _label(behind: Behind) -> str:
    return "; ".join(
        f"{inert(part.study)}: {' and '.join(map(inert, part.arms)) or 'all arms'}"
        for part in behind.parts()
    )


def _section(section: Section, behind: _Behind, numbers: Iterator[int]) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": inert(section.title),
        "paragraphs": [inert(text, LONG) for text in section.paragraphs],
        "points": [inert(text, LONG) for text in section.points],
        "figures": [
            {"number": next(numbers), "title": inert(figure.title), "notes": _notes(figure)}
            for figure in section.figures
        ],
        "tables": [_table(table, behind) for table in section.tables],
    }


def _notes(found: Figure | Table) -> list[str]:
    return [inert(note, LONG) for note in found.notes]


def _table(table: Table, behind: _Behind) -> dict[str, Any]:
    selections = table.behind or (None,) * len(table.rows)
    rows = [
        {"cells": _cells(row, table.columns), "behind": behind.number(selection), "group": None}
        for row, selection in zip(table.rows, selections, strict=True)
    ]
    return _shown(table, rows)


def _trials(report: Report, behind: _Behind) -> dict[str, Any] | None:
    if report.trials is None or not report.trials.table.rows:
        return None
    table = report.trials.table
    rows = [
        {"cells": _cells(row, table.columns), "behind": None, "group": behind.group(group)}
        for row, group in zip(table.rows, table.behind, strict=True)
    ]
    return _shown(table, rows)


def _shown(table: Table, rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [
        {"title": inert(column.title), "number": column.kind != "text"} for column in table.columns
    ]
    return {
        "title": inert(table.title),
        "columns": columns,
        "rows": rows[:AT_ONCE],
        "more": rows[AT_ONCE:],
        "count": len(rows),
        "notes": _notes(table),
    }


def _cells(row: tuple[Cell, ...], columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [
        {
            "text": cell_text(cell, column.kind),
            "number": column.kind != "text",
            "value": _sortable(cell),
            "word": _word(cell) if column.kind == "text" else "",
        }
        for cell, column in zip(row, columns, strict=True)
    ]


WORDS = {
    "greener": "good",
    "kept": "good",
    "improved": "good",
    "costlier": "bad",
    "damaged": "bad",
    "diverged": "bad",
    "failed": "bad",
}


def _word(cell: Cell) -> str:
    """The tone of a verdict."""
    return WORDS.get(cell.partition(" ")[0].rstrip(","), "") if isinstance(cell, str) else ""


def _sortable(cell: Cell) -> str | None:
    """A number that a column is sorted by; None for texts and what is not known."""
    value = cell.value if isinstance(cell, Interval) else cell
    if isinstance(value, str) or value is None:
        return None
    return repr(float(value)) if math.isfinite(value) else ("1e999" if value > 0 else "-1e999")


# --- figures --------------------------------------------------------------------------------------


def _figure(figure: Figure, behind: _Behind) -> dict[str, Any]:
    """A figure as data for `figures.js`; numbers come with their texts, so that all views agree."""
    head: dict[str, Any] = {"kind": figure.kind, "title": inert(figure.title)}
    if isinstance(figure, Forest):
        marks = [_mark(mark, figure.x, None, behind) for mark in figure.marks]
        return head | {"x": _axis(figure.x), "marks": marks, "band": _finite(figure.band)}
    if isinstance(figure, Scatter):
        marks = [_mark(mark, figure.x, figure.y, behind) for mark in figure.marks]
        axes = {"x": _axis(figure.x), "y": _axis(figure.y), "margin": _finite(figure.y_margin)}
        return head | axes | {"marks": marks, "front": list(figure.front)}
    if isinstance(figure, Heatmap):
        return head | _heatmap(figure, behind)
    if isinstance(figure, Pairs):
        return head | _pairs(figure, behind)
    return head | {
        "step": figure.step_s,
        "behind": behind.number(figure.behind),
        "series": [
            {"name": inert(s.name), "low": list(s.low_w), "high": list(s.high_w)}
            for s in figure.series
        ],
        "spans": [
            {"what": s.what, "label": inert(s.label), "start": s.start_s, "end": s.end_s}
            for s in figure.spans
        ],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"title": inert(axis.title), "kind": axis.kind, "better": axis.better}


def _mark(mark: Mark, x: Axis, y: Axis | None, behind: _Behind) -> dict[str, Any]:
    found = {
        "label": inert(mark.label),
        "x": _triple(mark.x),
        "xText": cell_text(mark.x, x.kind),
        "word": inert(mark.word),
        "tone": mark.tone,
        "behind": behind.number(mark.behind),
    }
    if y is not None and mark.y is not None:
        found |= {"y": _triple(mark.y), "yText": cell_text(mark.y, y.kind)}
    return found


def _heatmap(figure: Heatmap, behind: _Behind) -> dict[str, Any]:
    values = [[_finite(value) for value in row] for row in figure.values]
    texts = [[cell_text(value, "coefficient") for value in row] for row in values]
    words = figure.words or tuple(("",) * len(figure.columns) for _ in figure.rows)
    return {
        "rows": [inert(name) for name in figure.rows],
        "columns": [inert(name) for name in figure.columns],
        "values": values,
        "texts": texts,
        "words": [[inert(word) for word in row] for row in words],
        "behind": [behind.number(found) for found in figure.behind or (None,) * len(values)],
    }


def _pairs(figure: Pairs, behind: _Behind) -> dict[str, Any]:
    kind = figure.x.kind
    return {
        "x": _axis(figure.x),
        "first": inert(figure.first),
        "second": inert(figure.second),
        "pairs": [
            {
                "label": inert(pair.label),
                "first": _triple(pair.first),
                "second": _triple(pair.second),
                "firstText": _pair_text(pair.first, kind),
                "secondText": _pair_text(pair.second, kind),
                "behind": behind.number(pair.behind),
            }
            for pair in figure.pairs
        ],
    }


def _pair_text(found: Interval | None, kind: Kind) -> str:
    return UNKNOWN if found is None else cell_text(found, kind)


def _triple(found: Interval | None) -> list[float | None] | None:
    """Estimate, low, high; None where it can't be drawn."""
    if found is None or _finite(found.value) is None:
        return None
    return [found.value, _finite(found.low), _finite(found.high)]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# --- the page -------------------------------------------------------------------------------------


@cache
def _part(name: str) -> str:
    return (files("greenbench.report") / "page" / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(
        loader=DictLoader({"page": _part("page.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment.get_template("page")


def _hash(text: str) -> str:
    """What a policy names an inline script or style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
