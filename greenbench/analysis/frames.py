"""A result set as pandas frames with documented columns; the only place that reads it for analysis."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from greenbench.analysis.channels import channel_from, disjoint
from greenbench.api import Channel, Scenario
from greenbench.store import Store, mutation_from

TRIALS_SQL = """
SELECT t.position, t.key, t.cohort, t.study, t.model, t.arm, t.mutation AS mutation_json,
       t.hyperparameters, t.seed, t.block, t.scenario AS scenario_json, t.slot, t.role, t.threads,
       t.counted, COALESCE(a.number, 0) AS attempts, COALESCE(a.status, 'planned') AS status,
       a.id AS attempt, a.cohort_run, a.metrics, {said} a.cpu_time_s, {used}
       a.error_kind, a.error,
       c.status AS cohort_status, c.session,
       w.start_s AS train_start_s, w.end_s AS train_end_s, w.end_s - w.start_s AS train_s
FROM trials t
LEFT JOIN attempts a ON a.trial = t.key
     AND a.number = (SELECT MAX(number) FROM attempts WHERE trial = t.key)
LEFT JOIN cohort_runs c ON c.id = a.cohort_run
LEFT JOIN windows w ON w.cohort_run = a.cohort_run AND w.attempt = a.id
     AND w.kind = 'train' AND w.number = 0
ORDER BY t.position
"""
EVERY = {
    "said": "a.effective, a.environment, a.identity,",
    "used": "a.memory_peak_bytes, a.exit_code,",
}
"""Columns of trials that no comparison rests on, long texts among them."""
WINDOWS_SQL = """
SELECT w.id AS window, w.session, c.cohort, w.cohort_run, a.trial, w.attempt, w.kind, w.number,
       w.start_s, w.end_s, w.end_s - w.start_s AS duration_s
FROM windows w LEFT JOIN cohort_runs c ON c.id = w.cohort_run
LEFT JOIN attempts a ON a.id = w.attempt
ORDER BY w.id
"""
WHOLE_WINDOWS_SQL = """
SELECT id AS window, session, cohort_run, kind, start_s, end_s, end_s - start_s AS duration_s
FROM windows WHERE attempt IS NULL ORDER BY id
"""
ENERGIES_SQL = """
SELECT e.window, w.session, c.cohort, w.cohort_run, a.trial, w.attempt, w.kind, w.number,
       w.start_s, w.end_s, e.channel, e.method, e.energy_j, e.resolution_j, e.coverage,
       e.calibration, e.samples, e.gap_s, e.reason
FROM energies e JOIN windows w ON w.id = e.window
LEFT JOIN cohort_runs c ON c.id = w.cohort_run LEFT JOIN attempts a ON a.id = w.attempt
ORDER BY e.window, e.channel
"""
WHOLE_ENERGIES_SQL = """
SELECT e.window, e.channel, e.method, e.energy_j, e.resolution_j, e.gap_s, e.reason
FROM windows w CROSS JOIN energies e ON e.window = w.id
WHERE w.attempt IS NULL ORDER BY w.id, e.channel
"""
COHORT_RUNS_SQL = """
SELECT id AS cohort_run, session, cohort, number, status, started_at, start_s, go_s, end_s,
       previous, conditions, {spread} AS start_spread_s FROM cohort_runs {starts} ORDER BY id
"""
BACKGROUNDS_SQL = """
SELECT t.study, t.cohort, t.model, t.slot, a.trial, b.attempt, a.cohort_run, b.number, b.identity,
       b.started_s, b.ready_s, b.train_start_s, b.train_end_s, b.end_s, b.outcome, b.error_kind,
       b.error
FROM background_runs b JOIN attempts a ON a.id = b.attempt JOIN trials t ON t.key = a.trial
ORDER BY a.cohort_run, t.slot, b.number
"""
CHECKS_SQL = """
SELECT t.study, t.cohort, t.counted, a.trial, c.attempt, a.cohort_run, a.status, c."check",
       c.severity, c.found, c."limit", c.text
FROM checks c JOIN attempts a ON a.id = c.attempt JOIN trials t ON t.key = a.trial
WHERE a.number = (SELECT MAX(number) FROM attempts WHERE trial = t.key) {only}
ORDER BY t.position, c."check"
"""
CHECKED_SQL = """
SELECT t.study,
       (SELECT json_group_object("check", severity) FROM checks WHERE attempt = a.id) AS made,
       COUNT(*)
FROM trials t CROSS JOIN attempts a ON a.trial = t.key
WHERE t.counted AND a.status = 'completed'
      AND a.number = (SELECT MAX(number) FROM attempts WHERE trial = t.key)
GROUP BY t.study, made ORDER BY MIN(t.position)
"""
SHARES_SQL = """
SELECT s.window, w.kind AS window_kind, w.cohort_run, s.channel, s.kind, s.trial, t.slot,
       s.energy_j, s.uncertainty_j, s.basis
FROM windows w JOIN shares s ON s.window = w.id LEFT JOIN trials t ON t.key = s.trial
ORDER BY s.window, s.channel, s.kind, t.slot
"""
TRAINING_SHARES_SQL = """
SELECT w.cohort_run, s.channel, s.kind, t.slot, s.energy_j, s.uncertainty_j, s.basis
FROM json_each(:runs) r CROSS JOIN windows w ON w.cohort_run = r.value AND w.kind = 'train'
CROSS JOIN shares s ON s.window = w.id LEFT JOIN trials t ON t.key = s.trial
"""
DIVERGENCES_SQL = "SELECT attempt, kind, text FROM divergences"
Readings = Literal["usage", "usage_1hz", "gpu_1hz", "host_1hz", "cpu_1hz"]
PROBLEMS_SQL = "SELECT session, at, text FROM problems ORDER BY session, at, rowid"


BACKGROUND_COLUMNS = (
    "study",
    "cohort",
    "model",
    "slot",
    "trial",
    "attempt",
    "cohort_run",
    "number",
    "identity",
    "started_s",
    "ready_s",
    "train_start_s",
    "train_end_s",
    "end_s",
    "outcome",
    "error_kind",
    "error",
)


@dataclass(frozen=True, slots=True)
class Frames:
    """What the analysis reads, one frame a kind, of a large result set too; the columns are in the
    functions' docstrings.

    Of `trials` those that comparisons rest on; `windows` and `energies` of whole cohorts and idle
    time; of `checks` those that are not ok, and how many there were in `checked`.
    """

    trials: pd.DataFrame
    windows: pd.DataFrame
    energies: pd.DataFrame
    cohort_runs: pd.DataFrame
    channels: pd.DataFrame
    problems: pd.DataFrame
    checks: pd.DataFrame
    checked: pd.DataFrame
    backgrounds: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(BACKGROUND_COLUMNS))
    )


def read(store: Store) -> Frames:
    """The frames of a result set that analysis rests on."""
    whole = _frame(store, WHOLE_WINDOWS_SQL, ("cohort_run",))
    found_energies = _frame(store, WHOLE_ENERGIES_SQL, ("energy_j", "resolution_j"))
    found_energies = found_energies.merge(whole, on="window", how="left")
    return Frames(
        _trials(store, TRIALS_SQL.format(said="", used="")),
        whole,
        found_energies,
        cohort_runs(store),
        channels(store, found_energies),
        _frame(store, PROBLEMS_SQL, ()),
        _checks(store, "AND c.severity <> 'ok'"),
        checked(store),
        backgrounds(store),
    )


def trials(store: Store) -> pd.DataFrame:
    """One row a planned trial, in the plan's order, with its last attempt.

    position, key, cohort, study, model (that of this member), arm (that of its cohort); mutation
    (verbatim text, "" for the original and for companions), operator, changed (the hyperparameters
    that the mutation changed, by comma), value (the new value, where it changed one), null (an A/A
    arm), original (never a companion); hyperparameters (JSON), seed, block, scenario (text), kind
    (solo, homogeneous, mixed, foreground), copies, companions (their models, by comma), slot (place
    in the cohort, from 0: the measured ones come first), role (measured, companion, background),
    threads, counted; status (planned, running,
    completed, failed, interrupted, excluded), attempts (number), attempt and cohort_run (ids),
    cohort_status, session; train_start_s, train_end_s and train_s (s: its own training from begin
    to end, whoever else trained; missing for a background, whose runs are several); divergence
    (not_finite, loss_above_start, at_chance, or "" for a training that learned); metrics (dict
    name → float; NaN and infinity kept), effective and
    environment (JSON), identity, cpu_time_s (s, train window), memory_peak_bytes, exit_code,
    error_kind, error.
    """
    frame = _trials(store, TRIALS_SQL.format(**EVERY))
    numeric = ["memory_peak_bytes", "exit_code"]
    return frame.assign(**{name: pd.to_numeric(frame[name]).astype(float) for name in numeric})


def _trials(store: Store, sql: str) -> pd.DataFrame:
    numeric = ("cpu_time_s", "attempt", "cohort_run", "session")
    own = ("train_start_s", "train_end_s", "train_s")
    frame = _frame(store, sql, (*numeric, *own))
    frame[list(MUTATION)] = _told(frame.pop("mutation_json"), _mutation, MUTATION)
    frame[list(SCENARIO)] = _told(frame.pop("scenario_json"), _scenario, SCENARIO).infer_objects()
    frame["metrics"] = pd.Series(map(_metrics, json_rows(frame["metrics"])), dtype=object)
    for name in ("counted", "null", "original"):
        frame[name] = frame[name].astype(bool)
    frame["original"] &= frame["role"] == "measured"
    frame["divergence"] = _divergences(store, frame)
    return frame


MUTATION = ("mutation", "operator", "changed", "value", "null", "original")
SCENARIO = ("kind", "copies", "companions", "scenario")


def _told(
    texts: pd.Series, read_one: Callable[[Any], dict[str, Any]], names: Sequence[str]
) -> pd.DataFrame:
    """What the texts say, each different one read once (object columns)."""
    of, different = pd.factorize(texts, use_na_sentinel=False)
    found = [read_one(text) for text in different]
    return pd.DataFrame(found, columns=list(names), dtype=object).take(of).set_axis(texts.index)


def windows(store: Store) -> pd.DataFrame:
    """Every interval of the host's monotonic clock.

    window (id), session, cohort, cohort_run, trial and attempt (missing for a whole cohort), kind,
    number, start_s, end_s, duration_s.
    """
    return _frame(store, WINDOWS_SQL, ("cohort_run", "attempt"))


def energies(store: Store) -> pd.DataFrame:
    """Energy of each channel in each window.

    The windows' columns, and channel, method (counter, power, estimate), energy_j (J; missing
    where not known, then `reason` says why), resolution_j (half-width, J), coverage, calibration
    (relative), samples, gap_s (s), reason.
    """
    numeric = ("cohort_run", "attempt", "energy_j", "resolution_j", "coverage", "calibration")
    return _frame(store, ENERGIES_SQL, numeric)


def cohort_runs(store: Store) -> pd.DataFrame:
    """One row an attempt at a cohort: cohort_run (id), session, cohort, number, status,
    started_at, start_s, go_s, end_s (s), previous, conditions (JSON), start_spread_s (s: how far
    apart the members that were released together began to train; missing where they did not)."""
    told = store.has("starts")
    sql = COHORT_RUNS_SQL.format(
        spread="s.spread_s" if told else "NULL",
        starts="LEFT JOIN starts s ON s.cohort_run = id" if told else "",
    )
    return _frame(store, sql, ("go_s", "end_s", "start_spread_s"))


def backgrounds(store: Store) -> pd.DataFrame:
    """One row a run of a background member, those of earlier attempts too: study, cohort, model,
    slot, trial, attempt, cohort_run, number (from 1), identity (container or process), started_s,
    ready_s, train_start_s, train_end_s (missing: it trained until end_s), end_s (monotonic, s),
    outcome (completed, failed, or ended with the foreground), error_kind, error."""
    if not store.has("background_runs"):
        return pd.DataFrame(columns=list(BACKGROUND_COLUMNS))
    return _frame(store, BACKGROUNDS_SQL, ("ready_s", "train_start_s", "train_end_s"))


def checks(store: Store) -> pd.DataFrame:
    """Whether measurements are valid, one row a check of a trial's last attempt: study, cohort,
    counted, trial, attempt, cohort_run, status, check, severity (ok, warn, fail), found, limit,
    text. A check that could not be made has no row."""
    return _checks(store, "")


def checked(store: Store) -> pd.DataFrame:
    """How many measurements of counted trials that completed came out how: study, check, severity,
    measurements, `of` (the study's measurements that were checked at all)."""
    counts: Counter[tuple[str, str, str]] = Counter()
    of: Counter[str] = Counter()
    for study, made, number in store.connection.execute(CHECKED_SQL) if store.has("checks") else ():
        severities = json.loads(made)
        counts.update({(study, *one): number for one in severities.items()})
        of[study] += number if severities else 0
    rows = [(*key, number, of[key[0]]) for key, number in counts.items()]
    names = ["study", "check", "severity", "measurements", "of"]
    return pd.DataFrame.from_records(rows, columns=names)


def _checks(store: Store, only: str) -> pd.DataFrame:
    if not store.has("checks"):
        return pd.DataFrame(columns=list(CHECK_COLUMNS))
    return _frame(store, CHECKS_SQL.format(only=only), ("found", "limit"))


CHECK_COLUMNS = (
    "study",
    "cohort",
    "counted",
    "trial",
    "attempt",
    "cohort_run",
    "status",
    "check",
    "severity",
    "found",
    "limit",
    "text",
)


def shares(store: Store) -> pd.DataFrame:
    """Channels' energies split over their users, a model's rows: window, window_kind, cohort_run,
    channel, kind (idle, trial, own, other, unattributed), trial and slot (missing but for trials),
    energy_j and uncertainty_j (J), basis (what it rests on, in words)."""
    if not store.has("shares"):
        return pd.DataFrame(columns=list(SHARE_COLUMNS))
    return _frame(store, SHARES_SQL, SHARE_NUMBERS)


def training_shares(store: Store, runs: Iterable[int]) -> pd.DataFrame:
    """Of `shares` for the train windows of some cohort runs (ids), in their order: cohort_run,
    channel, kind, slot, energy_j, uncertainty_j, basis."""
    if not store.has("shares"):
        names = [name for name in SHARE_COLUMNS if name not in ("window", "window_kind", "trial")]
        return pd.DataFrame(columns=names)
    return _frame(store, TRAINING_SHARES_SQL, SHARE_NUMBERS, {"runs": json.dumps(list(runs))})


SHARE_NUMBERS = ("cohort_run", "slot", "energy_j", "uncertainty_j")
SHARE_COLUMNS = (
    "window",
    "window_kind",
    "cohort_run",
    "channel",
    "kind",
    "trial",
    "slot",
    "energy_j",
    "uncertainty_j",
    "basis",
)


def readings(store: Store, table: Readings) -> pd.DataFrame:
    """What was read about once a second beside energy, or its summary an attempt (`usage`): the
    store's own columns (`greenbench.schema`), numbers all."""
    if not store.has(table):
        return pd.DataFrame()
    frame = _frame(store, f"SELECT * FROM {table}", ())
    for name in frame.columns.drop("gpu", errors="ignore"):
        frame[name] = pd.to_numeric(frame[name])
    return frame


def packages(store: Store) -> pd.DataFrame:
    """What was installed where trials ran, one row a session, environment and package: session,
    models, environment (an image's tag, or a folder), id (an image's), base, python, package,
    version."""
    rows = [
        {
            "session": session["id"],
            "models": ", ".join(found["models"]),
            "environment": found["name"],
            "id": found["id"],
            "base": found["base"],
            "python": found["python"],
            "package": name,
            "version": version,
        }
        for session in store.sessions()
        for found in session.get("environments") or ()
        for name, version in found["packages"].items()
    ]
    names = ["session", "models", "environment", "id", "base", "python", "package", "version"]
    return pd.DataFrame(rows, columns=names)


def channels(store: Store, found: pd.DataFrame) -> pd.DataFrame:
    """One row a channel and session, from the session's facts, or from `found` energies if it has
    none: session, name, backend, method, physical_id, contained_in, scope, update_period_s (s),
    coverage, calibration, added (part of the measured total), estimated (part of the estimated
    one)."""
    rows = []
    for session in store.sessions():
        present = [channel_from(data) for data in session.get("channels") or ()]
        if not present:
            of_session = found[found["session"] == session["id"]]
            pairs = of_session[["channel", "method"]].drop_duplicates("channel")
            present = [
                channel_from({"name": name, "method": method})
                for name, method in pairs.itertuples(index=False)
            ]
        rows += _channel_rows(session["id"], present)
    columns = ("session", *CHANNEL_COLUMNS, "added", "estimated")
    frame = pd.DataFrame.from_records(rows, columns=columns)
    for name in ("update_period_s", "coverage", "calibration"):
        frame[name] = pd.to_numeric(frame[name])
    return frame


CHANNEL_COLUMNS = (
    "name",
    "backend",
    "method",
    "physical_id",
    "contained_in",
    "scope",
    "update_period_s",
    "coverage",
    "calibration",
)


def _channel_rows(session: int, present: list[Channel]) -> list[tuple[Any, ...]]:
    added = disjoint(present)
    estimated = disjoint(present, estimates=True)
    return [
        (
            session,
            *(getattr(channel, column) for column in CHANNEL_COLUMNS),
            channel.name in added,
            channel.name in estimated,
        )
        for channel in present
    ]


def _frame(
    store: Store, sql: str, numeric: Iterable[str], parameters: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Read chunk by chunk: a row of Python objects takes ten times the memory of its columns."""
    cursor = store.connection.execute(sql, parameters or {})
    names = [column[0] for column in cursor.description]
    parts = []
    while rows := cursor.fetchmany(CHUNK):
        columns = zip(names, zip(*rows, strict=True), strict=True)
        arrays = [pa.array(v, pa.float64() if name in numeric else None) for name, v in columns]
        parts.append(pa.table(arrays, names))
    if not parts:
        return pd.DataFrame(columns=names).astype(dict.fromkeys(numeric, float))
    table = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    frame: pd.DataFrame = table.to_pandas()
    return frame


CHUNK = 1_000
"""Rows: few enough for a processor's cache."""


def _mutation(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        empty = {"mutation": "", "operator": "", "changed": "", "value": None}
        return {**empty, "null": False, "original": True}
    mutation = mutation_from(json.loads(text))
    return {
        "mutation": str(mutation),
        "operator": mutation.operator,
        "changed": ",".join(change.hyperparameter for change in mutation.changes),
        "value": mutation.changes[0].after if len(mutation.changes) == 1 else None,
        "null": not mutation.changes,
        "original": False,
    }


def _divergences(store: Store, trials: pd.DataFrame) -> pd.Series:
    """By trial; in a result set from before they were recorded, metrics that are not finite."""
    known: dict[float, str] = {}
    if store.has("divergences"):
        known = {float(row[0]): str(row[1]) for row in store.connection.execute(DIVERGENCES_SQL)}
    finite = [all(map(math.isfinite, metrics.values())) for metrics in trials["metrics"]]
    found = pd.Series(np.where(finite, "", "not_finite"), trials.index, dtype=object)
    told = trials["attempt"].isin(known)
    found[told] = trials.loc[told, "attempt"].map(known)
    return found


def json_rows(texts: pd.Series) -> Iterator[Any]:
    """What each JSON text holds, {} where there is none; many are read at once, which takes a third
    of the time."""
    found = texts.fillna("{}").to_numpy(object)
    for start in range(0, len(found), CHUNK):
        yield from json.loads(f"[{','.join(found[start : start + CHUNK])}]")


def _scenario(text: str) -> dict[str, Any]:
    scenario = Scenario.of(json.loads(text))
    return {
        "kind": scenario.kind,
        "copies": scenario.copies,
        "companions": ", ".join(companion.model for companion in scenario.companions),
        "scenario": str(scenario),
    }


def _metrics(said: dict[str, Any]) -> dict[str, float]:
    if all(type(value) is float for value in said.values()):
        return said
    found = {}
    for name, value in said.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            continue
    return found
