"""Everything that the sections of a report draw on, worked out once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis import choice, health, interference, power
from greenbench.analysis import frames as reading
from greenbench.analysis.cohorts import CHANNEL, METRIC, cohorts, main_channel_names, metric_names
from greenbench.analysis.colocation import per_training
from greenbench.analysis.correlation_changes import correlation_changes
from greenbench.analysis.correlations import correlations
from greenbench.analysis.deltas import beside, deltas, deltas_alone
from greenbench.analysis.pairs import Pairs
from greenbench.analysis.records import records
from greenbench.analysis.split import energy_split
from greenbench.analysis.stated import Stated
from greenbench.analysis.verdicts import FINE, PerformanceVerdict, performance
from greenbench.api import Direction, Metric
from greenbench.report.imported import is_blocked
from greenbench.report.model import Basis
from greenbench.store import Store

NOTHING_STATED = Stated()
Words = Mapping[str, Mapping[str, PerformanceVerdict]]
Arms = Mapping[str, Mapping[Any, Any]]
"""Rows of `deltas.deltas` by arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the host held still: see `analysis.health`.

    `without_outliers` and `invalid_otherwise`: what the main results would be without the outliers,
    and with the runs that failed a check (without them, where they are included);
    `performance_without_outliers` and `performance_otherwise` the words for performance then, by
    study and arm.
    """

    drift: pd.DataFrame
    outliers: pd.DataFrame
    without_outliers: pd.DataFrame
    invalid_otherwise: pd.DataFrame
    performance_without_outliers: Words = field(default_factory=dict)
    performance_otherwise: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What trainings do to one another, by co-located study: see `analysis.pairs`,
    `analysis.colocation` (`copies`), `analysis.interference`, `analysis.correlation_changes`."""

    pairs: Pairs
    copies: pd.DataFrame
    together: pd.DataFrame
    overlap: pd.DataFrame
    interaction: pd.DataFrame
    correlations: pd.DataFrame
    spread: pd.DataFrame
    slowed: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Context:
    """The record, its frames and the analysis of them.

    `cohorts` are those that statistics rest on; `invalid` are complete ones whose measurement
    failed a check, left out unless `include_invalid`.

    `quantity` is what mutants are compared by: energy_j on measurements, else cpu_time_s; of the
    `deltas` only its own have joint intervals. Of runs without blocks (imported ones) there are no
    deltas, correlations or co-location here: `report.recorded` has them.
    """

    facts: Mapping[str, Any]
    sessions: Sequence[Mapping[str, Any]]
    frames: reading.Frames
    cohorts: pd.DataFrame
    invalid: pd.DataFrame
    include_invalid: bool
    basis: Basis
    quantity: str
    main: pd.DataFrame
    beside: pd.DataFrame
    split: pd.DataFrame
    stated: Stated
    deltas: Mapping[str, pd.DataFrame]
    correlations: pd.DataFrame
    choice: pd.DataFrame
    power: pd.DataFrame
    health: Health
    company: Company
    shares: pd.DataFrame

    @property
    def measured(self) -> bool:
        """Whether anything may be concluded about energy."""
        return self.basis == "measured"

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The trials of the plan but for warm-ups."""
        trials = self.frames.trials
        return trials if trials["counted"].all() else trials[trials["counted"]]

    @cached_property
    def _studies(self) -> list[str]:
        return [str(study) for study in self.counted["study"].drop_duplicates()]

    def studies(self) -> list[str]:
        """The planned studies with something to compare, in the plan's order."""
        return list(self._studies)

    @cached_property
    def _study_facts(self) -> Mapping[str, Mapping[str, Any]]:
        models = self.facts.get("models") or {}
        said = {s.get("study"): s for s in reversed(self.facts.get("studies") or ())}
        first = self.frames.trials.drop_duplicates("study")
        return {
            str(study): {**(models.get(model) or {}), **said.get(study, {})}
            for study, model in zip(first["study"], first["model"], strict=True)
        }

    def study_facts(self, study: str) -> Mapping[str, Any]:
        """What the record says of a study and of its model; {} if nothing."""
        return self._study_facts.get(study, {})

    @cached_property
    def _spans(self) -> Mapping[str, tuple[int, int]]:
        """Where each study's cohorts begin and end: they stand together."""
        codes, names = pd.factorize(self.cohorts["study"])
        ends = np.cumsum(np.bincount(codes, minlength=len(names))).tolist()
        return {str(name): (a, b) for name, a, b in zip(names, [0, *ends], ends, strict=False)}

    def cohorts_of(self, study: str) -> pd.DataFrame:
        """The cohorts of one study."""
        start, end = self._spans.get(study, (0, 0))
        return self.cohorts.iloc[start:end]

    @cached_property
    def _metrics(self) -> Mapping[str, list[Metric]]:
        return {study: self._metrics_of(study) for study in self._studies}

    def metrics(self, study: str) -> list[Metric]:
        """The study's metrics, the primary first; undeclared ones carry no margin."""
        return self._metrics.get(study, [])

    def judged_metrics(self, study: str) -> list[Metric]:
        """The primary metric, and every other one with a margin."""
        metrics = self.metrics(study)
        return metrics[:1] + [metric for metric in metrics[1:] if metric.margin is not None]

    @cached_property
    def _diverged(self) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        return _diverged(self.cohorts)

    def diverged(self, study: str) -> Mapping[str, tuple[int, int]]:
        """How many of how many trainings came to nothing, by arm, for arms that have any."""
        return self._diverged.get(study, {})

    @cached_property
    def _performance(self) -> Mapping[str, Mapping[str, PerformanceVerdict]]:
        return {study: self._performance_of(study) for study in self._studies}

    def performance(self, study: str) -> Mapping[str, PerformanceVerdict]:
        """The word for each arm's performance; {} without a margin, or unless energy was measured."""
        return self._performance.get(study, {})

    def _performance_of(self, study: str) -> Mapping[str, PerformanceVerdict]:
        metrics = self.metrics(study)
        if not self.measured:
            return {}
        rows = {m.name: self.arms(METRIC + m.name, study) for m in metrics}
        return performance(rows, metrics, self.diverged(study))

    def performance_on(self, runs: pd.DataFrame) -> Words:
        """The words that other cohorts would give, for each of their studies."""
        if not self.measured or runs.empty:
            return {}
        metrics = {study: self.metrics(study) for study in map(str, runs["study"].unique())}
        diverged = _diverged(runs)
        rows: dict[tuple[str, str], dict[str, Mapping[Any, Any]]] = {}
        for name in {m.name for known in metrics.values() for m in known if m.margin is not None}:
            for row in records(deltas_alone(runs, METRIC + name, "difference")):
                rows.setdefault((str(row["study"]), name), {})[str(row["arm"])] = row
        return {
            study: performance(
                {metric.name: rows.get((study, metric.name), {}) for metric in metrics[study]},
                metrics[study],
                diverged.get(study, {}),
            )
            for study in metrics
        }

    def _metrics_of(self, study: str) -> list[Metric]:
        known = self.study_facts(study)
        margins, test_items = known.get("margins") or {}, known.get("test_items")
        declared = [
            _metric(
                {**data, "margin": margins.get(data.get("name"), data.get("margin"))}, test_items
            )
            for data in known.get("metrics") or ()
        ]
        table, names = self.cohorts_of(study), {metric.name for metric in declared}
        found = [
            n for n in metric_names(table) if n not in names and table[METRIC + n].notna().any()
        ]
        return declared + [Metric(name=name, direction="maximize") for name in found]

    @cached_property
    def _rows(self) -> Mapping[tuple[str, str], pd.DataFrame]:
        return {
            (quantity, str(study)): rows
            for quantity, table in self.deltas.items()
            for study, rows in table.groupby("study", sort=False)
        }

    @cached_property
    def _beside(self) -> Mapping[str, Mapping[str, Mapping[Any, Any]]]:
        found: dict[str, dict[str, Mapping[Any, Any]]] = {}
        for row in records(self.beside):
            found.setdefault(str(row["study"]), {})[str(row["arm"])] = row
        return found

    def beside_of(self, study: str) -> Mapping[str, Mapping[Any, Any]]:
        """The rows of `beside` of one study, by arm."""
        return self._beside.get(study, {})

    @cached_property
    def _split(self) -> Mapping[str, list[Mapping[Any, Any]]]:
        found: dict[str, list[Mapping[Any, Any]]] = {}
        for row in records(self.split):
            found.setdefault(str(row["study"]), []).append(row)
        return found

    def split_of(self, study: str) -> Sequence[Mapping[Any, Any]]:
        """The rows of `split` of one study."""
        return self._split.get(study, [])

    @cached_property
    def planned(self) -> pd.DataFrame:
        """The planned studies: study, model, scenario."""
        first = self.frames.trials.drop_duplicates("study")
        return first[["study", "model", "scenario"]]

    @cached_property
    def _changed(self) -> Mapping[tuple[str, str], list[str]]:
        first = self.cohorts.drop_duplicates(["study", "arm"])
        found: dict[tuple[str, str], list[str]] = {}
        for study, arm, name in first[["study", "arm", "changed"]].itertuples(index=False):
            found.setdefault((str(study), str(name)), []).append(str(arm))
        return found

    def arms_that_changed(self, study: str, hyperparameter: str) -> list[str]:
        """The arms of a study that changed this hyperparameter alone."""
        return self._changed.get((study, hyperparameter), [])

    def rows(self, quantity: str, study: str) -> pd.DataFrame:
        """The deltas of one study in one quantity, in the report's order."""
        found = self._rows.get((quantity, study))
        return self.main.iloc[:0] if found is None else found

    @cached_property
    def _arms(self) -> Mapping[tuple[str, str], Arms]:
        found: dict[tuple[str, str], dict[str, Mapping[Any, Any]]] = {}
        for quantity, table in self.deltas.items():
            for row in records(table):
                found.setdefault((quantity, str(row["study"])), {})[str(row["arm"])] = row
        return found

    def arms(self, quantity: str, study: str) -> Arms:
        """The same rows as records, by arm."""
        return self._arms.get((quantity, study), {})


def context(
    store: Store, *, include_invalid: bool = False, stated: Stated = NOTHING_STATED
) -> Context:
    """Reads a result set and analyses it; works on empty and half-finished ones too.

    `stated` goes before what the suite states.
    """
    facts = store.facts()
    frames = reading.read(store)
    every = _ordered(cohorts(frames), frames.trials)
    failed = every["failed_checks"] != ""
    taken = include_invalid or not failed.any()
    table = every if taken else every[~failed].reset_index(drop=True)
    basis = _basis(frames)
    quantity = "energy_j" if basis == "measured" else "cpu_time_s"
    channels = channel_columns(table) if basis == "measured" else []
    others = ["train_s", *(("active_j", "power_w") if basis == "measured" else ()), *channels]
    if basis == "estimate":
        others.append("estimate_j")
    blocks = table if is_blocked(facts) else table.iloc[:0]
    main = deltas(blocks, quantity, "ratio")
    found = {quantity: main} | {name: deltas_alone(blocks, name, "ratio") for name in others}
    names = [METRIC + name for name in metric_names(table)]
    found |= {name: deltas_alone(blocks, name, "difference") for name in names}
    with_power = ["power_w"] if basis == "measured" else []
    say = Stated.of(facts.get("analysis")).overridden(stated)
    related = correlations(blocks, [quantity, *channels, "train_s", *with_power, *names])
    made = Context(
        facts=facts,
        sessions=store.sessions(),
        frames=frames,
        cohorts=table,
        invalid=every[failed],
        include_invalid=include_invalid,
        basis=basis,
        quantity=quantity,
        main=main,
        beside=beside(blocks, quantity, "ratio"),
        split=energy_split(blocks, ["energy_j", *channels] if basis == "measured" else []),
        stated=say,
        deltas=found,
        correlations=related,
        choice=pd.DataFrame(columns=list(choice.COLUMNS)),
        power=power.reached(main, say.smallest_effect) if basis == "measured" else main.iloc[:0],
        health=_health(main, blocks, every[failed], quantity),
        company=_company(blocks, frames.trials, main, related, quantity),
        shares=_shares(store, table) if basis == "measured" else pd.DataFrame(),
    )
    if basis != "measured" or blocks.empty:
        return made
    acceptable = {
        study: [arm for arm, word in words.items() if word in FINE]
        for study in made.studies()
        if (words := made.performance(study))
    }
    inliers, other = _other_runs(blocks, every[failed], made.health.outliers)
    judged_otherwise = replace(
        made.health,
        performance_without_outliers=made.performance_on(inliers),
        performance_otherwise=made.performance_on(other),
    )
    found_choice = choice.greenest_acceptable(blocks, quantity, acceptable)
    return replace(made, choice=found_choice, health=judged_otherwise)


def _shares(store: Store, table: pd.DataFrame) -> pd.DataFrame:
    originals = table.loc[table["original"].astype(bool), "cohort_run"]
    return reading.training_shares(store, sorted(originals.astype(int)))


def _health(
    main: pd.DataFrame, table: pd.DataFrame, invalid: pd.DataFrame, quantity: str
) -> Health:
    """Of the cohorts in `table`, which holds the `invalid` ones or leaves them out."""
    far = health.outliers(table, quantity)
    inliers, other = _other_runs(table, invalid, far)
    return Health(
        drift=health.drift(table, quantity),
        outliers=far,
        without_outliers=health.otherwise(main, inliers, far["study"], quantity),
        invalid_otherwise=health.otherwise(main, other, invalid["study"], quantity),
    )


def _other_runs(
    table: pd.DataFrame, invalid: pd.DataFrame, far: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cohorts without the outliers, and with the invalid ones (without, where `table` has
    them); of the studies in which that is a difference."""
    spoilt = table[table["study"].isin(far["study"])]
    touched = table[table["study"].isin(invalid["study"])]
    included = touched["cohort"].isin(invalid["cohort"])
    other = touched[~included] if included.any() else pd.concat([touched, invalid])
    return spoilt[~spoilt["cohort"].isin(far["cohort"])], other


def _diverged(cohorts: pd.DataFrame) -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """By study and arm, for arms that have any: trainings that came to nothing, and all."""
    arms = ["study", "arm"]
    lost = cohorts.loc[cohorts["diverged"] > 0, arms].drop_duplicates()
    counted = cohorts[[*arms, "diverged", "members"]].merge(lost, on=arms)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for (study, arm), sums in counted.groupby(arms, sort=False)[["diverged", "members"]]:
        of_study = found.setdefault(str(study), {})
        of_study[str(arm)] = (int(sums["diverged"].sum()), int(sums["members"].sum()))
    return found


def _company(
    table: pd.DataFrame,
    trials: pd.DataFrame,
    main: pd.DataFrame,
    related: pd.DataFrame,
    quantity: str,
) -> Company:
    totals = ~related["quantity"].astype(str).str.startswith(CHANNEL)
    over_settings = related[totals].rename(columns={"settings": "points"})
    pairs = Pairs.of(trials)
    return Company(
        pairs=pairs,
        copies=per_training(table, pairs, quantity),
        together=interference.together(table, trials, pairs, quantity),
        overlap=interference.overlap(table),
        interaction=interference.interaction(main, pairs),
        correlations=correlation_changes(over_settings, pairs),
        spread=interference.spread(table, pairs, quantity),
        slowed=interference.slowed(trials, table, pairs),
    )


def channel_columns(table: pd.DataFrame) -> list[str]:
    """Columns of the measured channels that the total adds, if it adds more than one."""
    names = main_channel_names(table)
    return [CHANNEL + name for name in names] if len(names) > 1 else []


def _basis(frames: reading.Frames) -> Basis:
    """What energy rests on, by the values that there are; by the channels before any training ended."""
    trained = frames.energies[frames.energies["kind"] == "train"]
    present = frames.channels
    if len(trained):
        known = trained.loc[trained["energy_j"].notna(), ["session", "channel"]].drop_duplicates()
        present = present.merge(
            known, left_on=["session", "name"], right_on=["session", "channel"], how="inner"
        )
    if present["added"].astype(bool).any():
        return "measured"
    return "estimate" if present["estimated"].astype(bool).any() else "none"


def _metric(data: Mapping[str, Any], test_items: object) -> Metric:
    margin = data.get("margin")
    known = isinstance(margin, int | float) and math.isfinite(margin)
    items = test_items if data.get("of_test_set") else data.get("items")
    direction: Direction = "minimize" if data.get("direction") == "minimize" else "maximize"
    return Metric(
        name=str(data.get("name", "metric")),
        direction=direction,
        unit=str(data.get("unit") or ""),
        margin=float(margin) if known and margin is not None else None,
        items=items if isinstance(items, int) and items > 0 else None,
    )


def _ordered(table: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The report's order: studies as planned; in them the original, mutants by hyperparameter and
    value, the A/A arms."""
    studies = pd.Index(trials["study"].drop_duplicates())
    numeric = [isinstance(v, int | float) and not isinstance(v, bool) for v in table["value"]]
    values = pd.Series(np.where(numeric, table["value"], 0.0), table.index, dtype=float)
    places = pd.DataFrame(
        {
            "study": studies.get_indexer(table["study"]),
            "null": table["null"].astype(bool),
            "changed": table["changed"].astype(str),
            "value": values.where(np.isfinite(values), 0.0),
            "mutation": table["mutation"].astype(str),
            "position": table["position"],
        }
    )
    order = places.sort_values(places.columns.tolist()).index
    return table.loc[order].reset_index(drop=True)
