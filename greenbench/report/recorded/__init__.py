"""The sections of a report on runs without blocks: arms as independent samples, and what the record
gives away about itself."""

from __future__ import annotations

from greenbench.analysis import limits as analysis
from greenbench.analysis.limits import Limit
from greenbench.report import imported, record
from greenbench.report.context import Context
from greenbench.report.diagnostics import section as diagnostics
from greenbench.report.model import Section
from greenbench.report.recorded.colocation import colocation
from greenbench.report.recorded.correlations import correlations
from greenbench.report.recorded.effects import effects
from greenbench.report.recorded.methods import methods
from greenbench.report.recorded.runs import Recorded
from greenbench.report.recorded.summary import summary


def sections(context: Context) -> tuple[Section, ...]:
    """Every section of a report on runs without blocks, in reading order."""
    known = Recorded(context)
    limits = all_limits(context)
    found = (
        summary(known, len(limits)),
        effects(known),
        correlations(known),
        colocation(known),
        diagnostics(context, known.diagnosis, known.quantity),
        record.failures(context),
        record.limits(limits),
        record.provenance(context),
        methods(known),
    )
    return tuple(section for section in found if section is not None)


def all_limits(context: Context) -> list[Limit]:
    """Each limit once, the weightiest kinds first."""
    found = [
        *imported.limits(context.facts),
        *record.of_basis(context),
        *analysis.of_trials(context.frames, context.cohorts),
        *analysis.of_energy(context.frames, context.cohorts),
        *analysis.of_host(context.frames),
    ]
    return list(dict.fromkeys(found))
