"""The sections on the record itself: failures, limits, what ran where and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from greenbench.analysis import limits as analysis
from greenbench.analysis.agreement import agreement
from greenbench.analysis.limits import Limit
from greenbench.analysis.records import records
from greenbench.report import generated, imported, validity
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Section, Table
from greenbench.report.text import inert, number

MOST_FAILURES = 20


def failures(context: Context) -> Section:
    """Trials that failed, were excluded or interrupted, with their errors."""
    trials = context.frames.trials
    lost = trials[trials["status"].isin(("failed", "excluded", "interrupted"))]
    columns = (
        Column("Study"),
        Column("Arm"),
        Column("Block", "count"),
        Column("Status"),
        Column("Error"),
    )
    cells: list[tuple[Cell, ...]] = []
    for trial in lost.head(MOST_FAILURES).itertuples(index=False):
        kind, error = (_text(value) for value in (trial.error_kind, trial.error))
        text = ": ".join(part for part in (kind, error) if part)
        block = int(str(trial.block))
        arm = str(trial.mutation) or "original"
        cells.append((str(trial.study), arm, block, str(trial.status), text))
    rest = len(lost) - len(cells)
    note = (f"… and {rest} more: `greenbench results show` lists them.",) if rest else ()
    shown = lost.head(MOST_FAILURES)
    table = Table(
        title="Trials without a result",
        columns=columns,
        rows=tuple(cells),
        notes=note,
        behind=tuple(
            Behind(str(study), (str(arm),)) if counted else None
            for study, arm, counted in zip(
                shown["study"], shown["arm"], shown["counted"], strict=True
            )
        ),
    )
    return Section(
        key="failures",
        title="Failures",
        paragraphs=(f"{len(lost)} of {len(trials)} trials.",) if len(lost) else ("None.",),
        tables=(table,) if cells else (),
    )


def limits(found: Sequence[Limit], tables: Sequence[Table] = ()) -> Section:
    """What to know before believing the rest; `tables` count the checks of every measurement."""
    points = tuple(_point(limit) for limit in found)
    return Section(
        key="limits",
        title="What limits these conclusions",
        paragraphs=() if points else ("Nothing that the record shows.",),
        points=points,
        tables=tuple(tables),
    )


def all_limits(context: Context) -> list[Limit]:
    """Each limit once, the weightiest kinds first."""
    found = chain(
        imported.limits(context.facts),
        of_basis(context),
        analysis.of_trials(context.frames, _comparable(context)),
        validity.limits(context),
        analysis.of_blocks(context.main, context.beside),
        analysis.of_noise(context.cohorts, context.quantity),
        analysis.of_energy(context.frames, context.cohorts),
        analysis.of_host(context.frames),
        _of_sessions(context),
    )
    return list(dict.fromkeys(found))


def _comparable(context: Context) -> pd.DataFrame:
    """Cohorts that completed in all their members, valid or not."""
    if context.include_invalid:
        return context.cohorts
    parts = [part for part in (context.cohorts, context.invalid) if len(part)]
    return pd.concat(parts) if parts else context.cohorts


def provenance(context: Context) -> Section:
    """What ran where, and which channels were read how."""
    points = [f"{name}: {plain(value)}" for name, value in _facts(context)]
    columns = (
        Column("Channel"),
        Column("Read by"),
        Column("Scope"),
        Column("In total"),
        Column("Coverage", "share"),
        Column("Calibration", "share"),
    )
    channels = context.frames.channels.drop_duplicates(["name", "backend", "method"])
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(row["name"]),
            ", ".join(dict.fromkeys((str(row["backend"]), str(row["method"])))),
            _text(row["scope"]),
            "yes" if row["added"] else "estimate" if row["estimated"] else "no",
            float(row["coverage"]),
            float(row["calibration"]),
        )
        for row in records(channels)
    )
    note = (
        "Coverage: share of time the sensor looks; calibration: published relative error of its"
        " gain, which cancels in deltas on one device. Not in any total: power supply, fans,"
        " disks, network, and whatever has no channel above."
    )
    table = Table(title="Energy channels", columns=columns, rows=cells, notes=(note,))
    return Section(
        key="provenance",
        title="What ran where, and how it was measured",
        points=tuple(points),
        tables=(table, *_agreement(context)) if cells else (),
    )


def _agreement(context: Context) -> Iterator[Table]:
    """Devices that are read in two ways, side by side."""
    found = agreement(context.frames)
    columns = (
        Column("Counter"),
        Column("Windows", "count"),
        Column("Power against it", "percent"),
        Column("Lowest", "percent"),
        Column("Highest", "percent"),
        Column("Within ±", "share"),
    )
    names = ("windows", "median", "low", "high", "within")
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (str(row["counter"]), *(float(row[name]) for name in names)) for row in records(found)
    )
    note = (
        "Integrated power readings against the energy counter of the same device, over training"
        " windows: median, extremes, and how often they agree within their ±. They may share a"
        " sensor, so agreement is no proof."
    )
    if cells:
        title = "Two readings of one device"
        yield Table(title=title, columns=columns, rows=cells, notes=(note,))


def of_basis(context: Context) -> Iterator[Limit]:
    """What the figures of energy rest on, where that is not a measurement or not of real data."""
    if context.basis == "estimate":
        yield Limit(
            "Energy was not measured: the figures are an estimate from CPU time, so nothing is"
            " concluded from them",
            "the missing channels below say what would make them measurable",
        )
    elif context.basis == "none":
        yield Limit("No energy was recorded, so only time is compared")
    elif context.frames.channels["estimated"].astype(bool).any():
        names = context.frames.channels[context.frames.channels["estimated"].astype(bool)]["name"]
        yield Limit(f"In no total, being an estimate: {', '.join(sorted(set(names)))}")
    yield from (Limit(text.removesuffix(".")) for text in generated.lines(context))


def _of_sessions(context: Context) -> Iterator[Limit]:
    for session in context.sessions:
        for missing in session.get("missing") or ():
            name = missing.get("channel") or missing.get("backend") or "a channel"
            yield Limit(
                f"Not measured: {name} ({missing.get('reason', 'no reason given')})",
                str(missing.get("remedy") or ""),
            )
        for found in session.get("disturbances") or ():
            text = f"Disturbs when nothing runs: {found.get('text', '')}"
            yield Limit(text, str(found.get("remedy") or ""))
        for model in (session.get("limits") or {}).get("network") or ():
            yield Limit(
                f"Trials of {model} could use a network: what they sent and fetched is not under"
                " control, and waiting for it is part of their windows"
            )
        for text in session.get("gpu_neighbours") or ():
            yield Limit(f"Used by others when a session began: {text}")
        if session.get("gives_up"):
            yield Limit(f"Executor {session.get('executor')}: {session['gives_up']}")
    hosts = {plain(session.get("host")) for session in context.sessions}
    if len(hosts) > 1:
        yield Limit("The sessions ran on different hosts, or a host that was changed in between")


def _facts(context: Context) -> Iterator[tuple[str, Any]]:
    facts = context.facts
    names = {
        "suite_name": "Suite",
        "suite_description": "About",
        "plan_seed": "Plan seed",
        "created_at": "Created",
        "greenbench_version": "greenbench",
    }
    yield from (
        (title, facts[key]) for key, title in names.items() if facts.get(key) not in (None, "")
    )
    yield from imported.facts_of(facts)
    data = {d for study in context.studies() if (d := context.study_facts(study).get("data"))}
    if data:
        yield "Data", "; ".join(sorted(map(str, data)))
    if not context.sessions:
        yield "Sessions", "none yet"
        return
    ends = [session["ended_at"] or "not ended" for session in context.sessions]
    starts = context.sessions[0]["started_at"]
    yield "Sessions", f"{len(context.sessions)}, from {starts} to {ends[-1]}"
    last = context.sessions[-1]
    yield "Executor", ", ".join(_text(last.get(k)) for k in ("executor", "executor_reason"))
    period_s = (last.get("measure") or {}).get("period_s")
    if period_s is not None:
        yield "Sampling period", f"{period_s} s"
    idle_w = context.cohorts["idle_w"].dropna().astype(float)
    if context.measured and len(idle_w):
        yield "Idle power", f"{number(float(idle_w.mean()), 'quantity')} W"
    for key, title in (("host", "Host"), ("versions", "Versions")):
        if last.get(key):
            yield title, last[key]
    for environment in last.get("environments") or ():
        yield from _environment(environment)


def _environment(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What some models trained in: by name and digest, and how much is installed there."""
    models = ", ".join(found.get("models") or ())
    named = (_text(found.get("name")), _text(found.get("id")))
    yield f"Environment of {models}", " ".join(part for part in named if part)
    count = len(found.get("packages") or {})
    base = f"; from {found['base']}" if found.get("base") else ""
    text = f"{count} by version in `packages` of `greenbench results export`"
    yield f"Packages of {models}", f"Python {found.get('python')}, {text}{base}"


def _point(limit: Limit) -> str:
    return f"{limit.text}. → {limit.remedy}" if limit.remedy else f"{limit.text}."


def plain(value: Any) -> str:
    """Nested facts on one line; what is not known is left out."""
    if isinstance(value, Mapping):
        known = [(k, v) for k, v in sorted(value.items()) if v is not None]
        return ", ".join(f"{key} {plain(found)}" for key, found in known)
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return inert(str(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
