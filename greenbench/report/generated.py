"""The label of data that were generated, for every place where results on them show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from greenbench.report.context import Context
from greenbench.report.figures import Figure
from greenbench.report.model import Section

LABEL = "Generated data, not recorded from the world"


def studies(*sides: Context) -> list[str]:
    """The studies whose data were generated, in one of the records at least."""
    found = (s for side in sides for s in side.studies() if side.study_facts(s).get("synthetic"))
    return list(dict.fromkeys(found))


def lines(*sides: Context) -> Iterator[str]:
    """The label with the studies that it is for; nothing where all data were recorded."""
    if found := studies(*sides):
        yield f"{LABEL}: {'; '.join(found)}."


def captioned(section: Section, *sides: Context) -> Section:
    """The section with the label below every figure that shows one of these studies."""
    found = studies(*sides)
    if not found:
        return section
    return replace(section, figures=tuple(_captioned(f, found) for f in section.figures))


def _captioned(figure: Figure, found: Sequence[str]) -> Figure:
    shown = _shown(figure)
    if shown and not shown & set(found):
        return figure
    return replace(figure, notes=(*figure.notes, f"{LABEL}."))


def _shown(figure: Figure) -> set[str]:
    """The studies that a figure shows, by the trials behind its marks; empty: not known."""
    if figure.kind == "trace":
        behind = [figure.behind]
    elif figure.kind == "heatmap":
        behind = list(figure.behind)
    else:
        marks = figure.pairs if figure.kind == "pairs" else figure.marks
        behind = [mark.behind for mark in marks]
    return {part.study for found in behind if found is not None for part in found.parts()}
