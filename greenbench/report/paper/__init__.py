"""The section that answers the paper's three questions: as the study has it, and better founded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from greenbench.analysis.questions import (
    scatter_beside,
)
from greenbench.analysis.verdicts import FINE
from greenbench.report import diagnostics, generated
from greenbench.report.context import Context
from greenbench.report.model import Column, Interval, Section, Table
from greenbench.report.paper.answers import Answers
from greenbench.report.paper.correlations import correlations
from greenbench.report.paper.greener import PUBLISHED, greener_mutants
from greenbench.report.relations import name as quantity_name
from greenbench.report.values import whole_studies

KEY = "paper"
ABOUT = (
    "The questions of arXiv 2603.06195, each answered twice: as the study has it (its tests, its"
    " correlations, every run a point of its own), and better founded (settings as points,"
    " intervals, corrected for the number of comparisons, non-inferiority of performance within the"
    " stated margin, no effect called inside the noise floor or the drift of its series)."
)


def section(context: Context) -> Section:
    """The three questions; says why where a question can't be answered."""
    known = Answers(context)
    if known.runs.empty or not known.diagnosis.series:
        return Section(
            key=KEY,
            title="The paper's questions",
            paragraphs=(
                ABOUT,
                *generated.lines(context),
                (
                    "No hyperparameter was changed on its own beside a completed original, so none of"
                    " the questions can be answered."
                ),
            ),
        )
    solo, beside = (known.studies(solo=alone) for alone in (True, False))
    paragraphs = [ABOUT, *generated.lines(context), PUBLISHED]
    if not context.measured:
        paragraphs.append(
            "Energy was not measured, so nothing is said of it; what follows is about time."
        )
    if not beside:
        paragraphs.append(
            "No run was beside another training, so the third question has no answer."
        )
    gave_away = diagnostics.section(context, known.diagnosis, known.total)
    tables = [
        *correlations(known, solo, "1. Alone"),
        *greener_mutants(known, solo, "2. Alone"),
        *correlations(known, beside, "3. In parallel"),
        *greener_mutants(known, beside, "3. In parallel"),
        *_scatter(known),
        *(replace(t, title=f"Diagnostics: {_lower(t.title)}") for t in gave_away.tables),
    ]
    return Section(
        key=KEY,
        title="The paper's questions",
        paragraphs=(*paragraphs, *gave_away.paragraphs[1:]),
        points=tuple(_points(known, solo, beside)),
        tables=tuple(table for table in tables if table.rows),
    )


def _points(known: Answers, solo: set[str], beside: set[str]) -> Iterator[str]:
    """The counts, in both senses."""
    for studies, words in ((solo, "alone"), (beside, "in parallel")):
        if not studies:
            continue
        mutants = known.tests[known.tests["study"].isin(studies)].groupby("study")["arm"].nunique()
        count, total = int(mutants.sum()), len(known.greener([known.total], studies))
        what = quantity_name(known.total)
        if known.energies:
            what = f"total energy ({', '.join(map(quantity_name, known.energies))})"
        text = f"{known.better.capitalize()} {words}, by the published test on {what}: {total} of {count} mutants"
        if len(known.energies) > 1:
            every = len(known.greener(known.energies, studies))
            text += f"; with each channel significantly lower instead of their total: {every}"
        yield f"{text}. Performance not significantly lower in either."
        if known.context.measured:
            rows = known.verdicts[known.verdicts["study"].isin(studies)]
            called = rows[rows["energy"] == "greener"]
            fine = called["performance"].isin(FINE).sum()
            yield (
                f"Greener {words}, better founded: {len(called)} of {len(rows)} mutants;"
                f" {fine} of these with performance kept within the stated margin."
            )


def _scatter(known: Answers) -> Iterator[Table]:
    found = scatter_beside(known.runs, known.total)
    rows = tuple(
        (
            str(row["study"]),
            float(row["solo"]),
            float(row["beside"]),
            Interval(float(row["ratio"]), float(row["low"]), float(row["high"])),
        )
        for row in found.to_dict("records")
    )
    yield Table(
        title=f"3. How much repeats scatter in {quantity_name(known.total)}, alone and in parallel",
        columns=(
            Column("Study"),
            Column("Alone", "share"),
            Column("In parallel", "share"),
            Column("Ratio [95 %]", "quantity"),
        ),
        rows=rows,
        notes=(
            (
                "Relative standard deviation of runs of the same configuration, pooled over arms; the"
                " interval is F's, for normal noise."
            ),
        ),
        behind=whole_studies(rows),
    )


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
