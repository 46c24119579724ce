"""What the members of a cohort did at the same time: its windows, its start, its background."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from greenbench.api import Window
from greenbench.cohort import CohortRun
from greenbench.host.evidence import Beside, Together

Span = tuple[float, float]


def cohort_windows(run: CohortRun) -> list[Window]:
    """`train` (first start to last end of those that train once), `overlap` (all members train;
    several, counted from 1, where a background started again) and `ready_idle`, as far as the
    cohort got to them."""
    trains = _trains(run)
    if len(trains) < len(run.front) or not trains:
        return []
    first_s, last_s = min(w.start_s for w in trains), max(w.end_s for w in trains)
    windows = [Window(kind="train", start_s=first_s, end_s=last_s)]
    if len(run.members) > 1:
        spans = overlaps(run)
        single = len(spans) == 1
        windows += [
            Window(kind="overlap", start_s=a, end_s=b, number=0 if single else number)
            for number, (a, b) in enumerate(spans, start=1)
        ]
    ready_s = [m.conversation.ready_s for m in run.front]
    ready_s += [runs[0].ready_s for runs in run.backgrounds.runs.values()]
    last_ready_s = max(stamp_s or 0.0 for stamp_s in ready_s)
    if run.first_go_s is not None and last_ready_s < run.first_go_s:
        windows.append(Window(kind="ready_idle", start_s=last_ready_s, end_s=run.first_go_s))
    return windows


def overlaps(run: CohortRun) -> list[Span]:
    """When all members trained, in order; empty if they never did."""
    spans = [[(w.start_s, w.end_s)] for w in _trains(run)]
    spans += [_trained(run, slot) for slot in run.backgrounds.series]
    return reduce(common, spans) if spans else []


def start_spread(run: CohortRun) -> dict[str, Any] | None:
    """How far apart the members that were released together began to train, as a row of the table
    `starts`; None if one did not."""
    begun = [
        w.start_s if (w := m.conversation.window("train")) else m.conversation.begun_s("train")
        for m in run.front
    ]
    known = [stamp_s for stamp_s in begun if stamp_s is not None]
    if not known or len(known) < len(begun):
        return None
    first_s, last_s = min(known), max(known)
    return {
        "members": len(known),
        "first_s": first_s,
        "last_s": last_s,
        "spread_s": last_s - first_s,
    }


def beside(run: CohortRun, window: Window) -> list[Beside]:
    """What each background did in the foreground's train window."""
    whole = [(window.start_s, window.end_s)]
    found = []
    for slot, runs in sorted(run.backgrounds.runs.items()):
        spans = common(_trained(run, slot), whole)
        during = [r for r in runs if r.end_s > window.start_s and r.started_s < window.end_s]
        found.append(
            Beside(
                model=run.launches[slot].trial.model,
                trained_s=sum(b - a for a, b in spans),
                runs=len(during),
                cpu_time_s=run.backgrounds.cpu_time_s.get(slot),
            )
        )
    return found


def together(run: CohortRun) -> Together | None:
    """How long the members that train once did so at the same time; None where there is only one,
    or one of them did not end its training."""
    trains = _trains(run)
    if len(trains) < max(2, len(run.front)):
        return None
    starts_s, ends_s = [w.start_s for w in trains], [w.end_s for w in trains]
    return Together(
        members=len(trains),
        whole_s=max(ends_s) - min(starts_s),
        overlap_s=max(0.0, min(ends_s) - max(starts_s)),
    )


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """What two ordered sets of intervals have in common."""
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return sorted((a, b) for a, b in pairs if a < b)


def _trains(run: CohortRun) -> list[Window]:
    return [w for m in run.front if (w := m.conversation.window("train")) is not None]


def _trained(run: CohortRun, slot: int) -> list[Span]:
    return [r.training for r in run.backgrounds.runs.get(slot, ()) if r.training is not None]
