"""From a store to the `Report` value: every section once, in reading order."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from greenbench.analysis.stated import Stated
from greenbench.report import (
    choice,
    effects,
    generated,
    listed,
    methods,
    paper,
    record,
    recorded,
    relations,
    shares,
    summary,
    traces,
    trust,
    validity,
)
from greenbench.report.context import NOTHING_STATED, Context, context
from greenbench.report.drawn import with_figures
from greenbench.report.imported import is_blocked
from greenbench.report.model import Report, Section
from greenbench.report.notebook import ShownReport
from greenbench.store import Store

ON_REQUEST: Final = {paper.KEY: paper.section}
"""Sections that a report has only where they are asked for."""


def build_report(
    store: Store,
    *,
    include_invalid: bool = False,
    stated: Stated = NOTHING_STATED,
    also: Collection[str] = (),
) -> Report:
    """What a result set says so far; never raises on what its trials did or did not do.

    Runs whose measurement failed a check are left out of the statistics unless `include_invalid`.
    `also` asks for sections of `ON_REQUEST` by their keys; they come last.
    """
    with _rare_collections():
        known = context(store, include_invalid=include_invalid, stated=stated)
        blocked = is_blocked(known.facts)
        drawn = _blocked(known, store) if blocked else recorded.sections(known)
        asked = tuple(make(known) for key, make in ON_REQUEST.items() if key in also)
        trials = listed.trials(known)
    name = known.facts.get("suite_name") or store.folder.name
    return ShownReport(
        title=f"greenbench: {name}",
        basis=known.basis,
        sections=tuple(generated.captioned(section, known) for section in (*drawn, *asked)),
        trials=trials,
    )


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Python looks for cyclic garbage after every 700 new objects, which takes a third of the time
    where millions of rows pass by that hold none."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


OBJECTS: Final = 200_000
"""New ones between two looks."""


def _blocked(known: Context, store: Store) -> tuple[Section, ...]:
    """The sections on a record whose arms ran in blocks."""
    limits = record.all_limits(known)
    sections = (
        summary.section(known, len(limits)),
        effects.section(known),
        choice.section(known),
        relations.correlations(known),
        relations.colocation(known),
        trust.section(known),
        shares.section(known),
        traces.section(known, store),
        record.failures(known),
        record.limits(limits, validity.tables(known)),
        record.provenance(known),
        methods.section(known),
    )
    return tuple(with_figures(section, known) for section in sections if section is not None)
