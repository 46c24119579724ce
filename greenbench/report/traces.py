"""Power over time of chosen cohorts, thinned to what a picture can show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from greenbench.analysis.channels import channel_from, disjoint
from greenbench.api import Channel, Window
from greenbench.energy.samples import SampleChunk
from greenbench.energy.timeline import Timeline
from greenbench.errors import EnergyError
from greenbench.report.context import Context
from greenbench.report.figures import Series, Span, Trace
from greenbench.report.model import Section
from greenbench.report.values import Behind
from greenbench.store import Store

STEPS = 400
"""Steps of a trace: about one a pixel of the column that a page gives it."""
MOST_STUDIES = 8
"""Studies whose traces are drawn; each has two."""
BEFORE_S, AFTER_S = 3.0, 3.0
"""Shown around the training windows."""
MOST_SPANS = 400
"""Epochs and validations that are marked; of more, those of every second epoch, or third, and so on."""
ABOUT = (
    "Of each study the original's run whose energy is in the middle, and a run of the mutant whose"
    " energy differs most; every run's samples are in the record. A step shows the lowest and the"
    " highest mean power between two readings that fall into it."
)
SHOWN = ("ready_idle", "train", "epoch", "validation", "test")


def section(context: Context, store: Store) -> Section | None:
    """Two traces a study: the original whose energy is in the middle, and the mutant that differs
    most; None if the record holds no samples of them."""
    figures: list[Trace] = []
    for study in context.studies()[:MOST_STUDIES]:
        for row in _chosen(context, study):
            figures += _trace(store, row)
    if not figures:
        return None
    return Section(
        key="traces",
        title="Power over time",
        paragraphs=(ABOUT,),
        figures=tuple(figures),
    )


def _chosen(context: Context, study: str) -> Iterator[pd.Series]:
    table = context.cohorts_of(study)
    originals = table[table["original"].astype(bool)].sort_values(context.quantity)
    if len(originals):
        yield originals.iloc[(len(originals) - 1) // 2]
    rows = context.rows(context.quantity, study)
    rows = rows[~rows["null"].astype(bool)]
    if len(rows):
        most = rows["estimate"].astype(float).abs().to_numpy().argmax()
        runs = table[table["arm"] == rows["arm"].iloc[most]].sort_values(context.quantity)
        if len(runs):
            yield runs.iloc[(len(runs) - 1) // 2]


def _trace(store: Store, row: pd.Series) -> Iterator[Trace]:
    run, session = int(row["cohort_run"]), int(row["session"])
    windows = _windows(store, run)
    if not windows:
        return
    start_s = min(w["start_s"] for w in windows) - BEFORE_S
    end_s = max(w["end_s"] for w in windows) + AFTER_S
    channels = _channels(store, session)
    timeline = Timeline(channels)
    try:
        timeline.add(_chunks(store, session, [c.name for c in channels], start_s, end_s))
    except EnergyError:
        return
    step_s = (end_s - start_s) / STEPS
    whole = Window(kind="train", start_s=start_s, end_s=end_s)
    series = [
        Series(name=channel.name, low_w=low, high_w=high)
        for channel in channels
        if (points := timeline.power_w(channel.name, whole))
        for low, high in [thinned(points, start_s, step_s)]
    ]
    if series:
        marked, every = _marked(windows)
        what = str(row["mutation"]) or "original"
        yield Trace(
            title=f"{row['study']}: {what}, block {int(row['block'])}",
            step_s=step_s,
            series=tuple(series),
            spans=tuple(_span(w, start_s) for w in marked),
            notes=(f"Of the epochs one in {every} is marked.",) if every > 1 else (),
            behind=Behind(str(row["study"]), (str(row["arm"]),)),
        )


def thinned(
    points: Sequence[tuple[float, float]], start_s: float, step_s: float, steps: int = STEPS
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """The lowest and the highest power in each of `steps` equal steps from `start_s` on.

    `points`: (s, mean W since the point before; NaN: not known). A step in which no point falls
    has the power that reaches over it.
    """
    low: list[float | None] = [None] * steps
    high: list[float | None] = [None] * steps
    for (before_s, _), (at_s, power_w) in pairwise(points):
        if not math.isfinite(power_w):
            continue
        first = min(max(int((before_s - start_s) / step_s), 0), steps - 1)
        last = min(max(int((at_s - start_s) / step_s), first), steps - 1)
        for step in range(first, last + 1):
            known_low, known_high = low[step], high[step]
            low[step] = power_w if known_low is None else min(known_low, power_w)
            high[step] = power_w if known_high is None else max(known_high, power_w)
    return tuple(map(_short, low)), tuple(map(_short, high))


def _short(power_w: float | None) -> float | None:
    """To 5 digits: more is not drawn, and a page carries them all."""
    return None if power_w is None else float(f"{power_w:.5g}")


def _windows(store: Store, run: int) -> list[dict[str, Any]]:
    """What is marked on a trace; a trial's training that is the whole cohort's is marked once."""
    marks = ", ".join("?" * len(SHOWN))
    rows = store.connection.execute(
        f"""SELECT w.kind, w.number, w.start_s, w.end_s, t.slot FROM windows w
            LEFT JOIN attempts a ON a.id = w.attempt LEFT JOIN trials t ON t.key = a.trial
            WHERE w.cohort_run = ? AND w.kind IN ({marks})
            AND (w.attempt IS NOT NULL OR w.kind IN ('train', 'ready_idle'))
            AND (w.attempt IS NULL OR w.kind <> 'train' OR NOT EXISTS (SELECT 1 FROM windows o
                 WHERE o.cohort_run = w.cohort_run AND o.attempt IS NULL AND o.kind = 'train'
                 AND o.start_s = w.start_s AND o.end_s = w.end_s))
            ORDER BY w.attempt IS NOT NULL, w.start_s, w.kind, w.number""",
        (run, *SHOWN),
    ).fetchall()
    names = ("kind", "number", "start_s", "end_s", "slot")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _marked(windows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The windows that are marked: of epochs and their validations one in so many, which is told."""
    parts = ("epoch", "validation")
    every = max(1, math.ceil(sum(w["kind"] in parts for w in windows) / MOST_SPANS))
    return [w for w in windows if w["kind"] not in parts or w["number"] % every == 0], every


def _span(window: dict[str, Any], start_s: float) -> Span:
    kind, slot = str(window["kind"]), window["slot"]
    label = {"ready_idle": "ready", "train": "training"}.get(kind, kind)
    if kind in ("epoch", "validation"):
        label = f"{label} {int(window['number']) + 1}"
    if slot is not None and int(slot):
        label = f"{label} (trial {int(slot) + 1})"
    return Span(
        what=kind,
        label=label,
        start_s=round(float(window["start_s"]) - start_s, 4),
        end_s=round(float(window["end_s"]) - start_s, 4),
    )


def _channels(store: Store, session: int) -> list[Channel]:
    """The channels that a total adds; the estimates where nothing was measured."""
    facts = next((s for s in store.sessions() if s["id"] == session), {})
    present = [channel_from(data) for data in facts.get("channels") or ()]
    names = disjoint(present) or disjoint(present, estimates=True)
    return [channel for channel in present if channel.name in names]


def _chunks(
    store: Store, session: int, names: Sequence[str], start_s: float, end_s: float
) -> Iterator[SampleChunk]:
    for name in names:
        rows = store.connection.execute(
            "SELECT chunk FROM samples WHERE session = ? AND channel = ? AND last_s >= ?"
            " AND first_s <= ? ORDER BY first_s",
            (session, name, start_s - BEFORE_S, end_s + AFTER_S),
        )
        for (data,) in rows:
            yield SampleChunk.from_bytes(data)
