"""From a file's rows to runs: what each one was, what was measured, and what is missing or wrong."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from greenbench.api import Change, Mutation, Value
from greenbench.imports.cells import Cells, value_of
from greenbench.imports.load import ColumnMap
from greenbench.imports.reading import DataFile, Row, complain
from greenbench.imports.tables import JOULES, SECONDS, EnergyTable, MapTable, MetricTable

NOT_RECORDED = "not recorded"
MOST_BLOCKS = 2**53
"""No file has so many; beyond it a number is not a whole one any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row as a run. `background` is None for a run that had the host to itself, "" for one
    beside something that was not recorded. `hyperparameters` are those that were recorded.
    `energies`: energy in joules by channel, or the reason why it is not known. `start_s` is
    seconds after the file's first time stamp (0 without any); `block` is 0 without blocks."""

    line: int
    identity: str
    model: str
    background: str | None
    hyperparameters: Mapping[str, Value]
    mutation: Mutation | None
    time_s: float | None
    started_at: str
    start_s: float
    block: int
    energies: Mapping[str, float | str]
    metrics: Mapping[str, float]
    completed: bool
    error: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about rows of the file, with their lines."""

    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a file gave: runs, and what was left out, is missing, or looks wrong, with the lines."""

    file: DataFile
    chosen: ColumnMap
    runs: tuple[Run, ...]
    originals: Mapping[str, Mapping[str, Value]]
    left_out: tuple[Remark, ...]
    gaps: tuple[Remark, ...]
    findings: tuple[Remark, ...] = ()


@dataclass(slots=True)
class Remarks:
    """Lines collected under what is to be said of them, in the order of the first."""

    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, text: str, line: int) -> None:
        """One more line of which that is to be said."""
        self.lines.setdefault(text, []).append(line)

    def all(self) -> tuple[Remark, ...]:
        """What was collected."""
        return tuple(Remark(text, tuple(lines)) for text, lines in self.lines.items())


def recorded(file: DataFile, chosen: ColumnMap) -> Recorded:
    """The runs that the rows of `file` are, by the map; what is left out is said, with its lines.

    The file must have every column that the map names (`columns.check_columns`). Raises
    `UsageError` where cells are not what they must be, each with its line and column.
    """
    return _Reading(file, chosen).recorded()


class _Reading:
    """One pass over a file; the problems, gaps and left-out rows that it meets."""

    def __init__(self, file: DataFile, chosen: ColumnMap) -> None:
        self.file = file
        self.chosen = chosen
        self.map: MapTable = chosen.table
        self.cells = Cells(file.name, frozenset(self.map.file.missing))
        self.left_out, self.gaps = Remarks(), Remarks()

    def recorded(self) -> Recorded:
        rows = [row for row in self.file.rows if self._wanted(row)]
        values = [self._values(row) for row in rows]
        whole = _whole([known for _, known in values], self._stated_defaults())
        originals = self._originals(rows, values, whole)
        stamps = [self._stamp(row) for row in rows]
        first = min((stamp for stamp in stamps if stamp is not None), default=None)
        runs = []
        for row, (model, known), stamp in zip(rows, values, stamps, strict=True):
            typed = {name: _typed(value, name in whole) for name, value in known.items()}
            run = self._run(row, model, typed, originals.get(model, {}))
            if run is not None:
                after_s = (stamp - first).total_seconds() if stamp and first else 0.0
                runs.append(replace(run, start_s=after_s))
        complain(
            self.cells.problems,
            "put the cells right, list what means 'nothing recorded' in the map's file.missing,"
            " or map another column",
        )
        self._gaps(runs, originals)
        return Recorded(
            file=self.file,
            chosen=self.chosen,
            runs=tuple(runs),
            originals=originals,
            left_out=self.left_out.all(),
            gaps=self.gaps.all(),
        )

    # --- which rows ---

    def _wanted(self, row: Row) -> bool:
        for rule in self.map.filters:
            cell = self.cells.text(row, rule.column)
            if (rule.keep is not None and cell not in rule.keep) or cell in (rule.drop or ()):
                self.left_out.add(f"left out by the map: {rule.reason}", row.line)
                return False
        return True

    # --- what a run was ---

    def _values(self, row: Row) -> tuple[str, dict[str, Value]]:
        """The model, and the hyperparameters' values as they are recorded."""
        model = self.cells.joined(row, self.map.run.model)
        if not model:
            self.cells.bad(row, self.map.run.model[0], "", "the model's name is needed")
        table = self.map.hyperparameters
        if table is None:
            return model, {}
        if table.changed is None:
            known = {name: self.cells.text(row, column) for name, column in table.columns.items()}
            return model, {name: value_of(cell) for name, cell in known.items() if cell}
        name = self.cells.text(row, table.changed)
        if not name:
            return model, {}
        if "," in name:
            self.cells.bad(row, table.changed, name, "one hyperparameter's name is needed")
        for column in (table.value, table.default):
            if not self.cells.text(row, column):
                self.cells.bad(row, str(column), "", f"{name} is said to be changed here")
        return model, {name: value_of(self.cells.text(row, table.value))}

    def _stated_defaults(self) -> dict[str, dict[str, Value]]:
        """Defaults as the map, or the file's own column, states them, not yet of one type."""
        table = self.map.hyperparameters
        if table is None:
            return {}
        if table.default is None:
            return {model: dict(values) for model, values in table.defaults.items()}
        stated: dict[str, dict[str, Value]] = defaultdict(dict)
        for row in self.file.rows:
            name = self.cells.text(row, table.changed)
            cell = self.cells.text(row, table.default)
            if name and cell:
                model = self.cells.joined(row, self.map.run.model)
                value = value_of(cell)
                if stated[model].setdefault(name, value) != value:
                    self.cells.bad(
                        row,
                        table.default,
                        cell,
                        f"the default of {name} of {model} is {stated[model][name]!r} above",
                    )
        return dict(stated)

    def _originals(
        self, rows: list[Row], values: list[tuple[str, dict[str, Value]]], whole: set[str]
    ) -> dict[str, dict[str, Value]]:
        """The original's configuration of each model; a model without one is a problem."""
        originals = {
            model: {name: _typed(value, name in whole) for name, value in stated.items()}
            for model, stated in self._stated_defaults().items()
        }
        told: set[tuple[str, str]] = set()
        table = self.map.hyperparameters
        for row, (model, known) in zip(rows, values, strict=True):
            for name in known:
                if name not in originals.get(model, {}) and (model, name) not in told:
                    told.add((model, name))
                    column = table.columns[name] if table and table.columns else name
                    needed = (
                        f'its default is needed: [hyperparameters.defaults."{model}"] {name} = …'
                    )
                    self.cells.bad(row, column, str(known[name]), needed)
        return originals

    def _stamp(self, row: Row) -> datetime | None:
        column = self.map.run.timestamp
        cell = self.cells.text(row, column)
        if not cell or column is None:
            return None
        try:
            stamp = datetime.fromisoformat(cell)
        except ValueError:
            self.cells.bad(row, column, cell, "a time such as 2026-01-31T12:00:00 is needed")
            return None
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)

    def _run(
        self, row: Row, model: str, known: dict[str, Value], original: dict[str, Value]
    ) -> Run | None:
        reason = self._not_executed(row, known) or self._unknown_configuration(known, original)
        if reason:
            self.left_out.add(reason, row.line)
            return None
        time_s = self._time(row)
        energies = {entry.channel: self._energy(row, entry) for entry in self.map.energy}
        metrics = self._metrics(row, model)
        measured = [value for value in energies.values() if isinstance(value, float)]
        if time_s is None and not measured and not metrics:
            self.left_out.add("nothing measured: no time, no energy, no metric", row.line)
            return None
        completed, error = self._status(row)
        configuration = known if self._wide() else original | known
        return Run(
            line=row.line,
            identity=self.cells.text(row, self.map.run.id),
            model=model,
            background=self._background(row),
            hyperparameters=configuration,
            mutation=_mutation(known, original),
            time_s=time_s,
            started_at=self.cells.text(row, self.map.run.timestamp),
            start_s=0.0,
            block=self._block(row),
            energies=energies,
            metrics=metrics,
            completed=completed,
            error=error,
        )

    def _wide(self) -> bool:
        table = self.map.hyperparameters
        return table is not None and table.changed is None

    def _unknown_configuration(self, known: dict[str, Value], original: dict[str, Value]) -> str:
        """Why it can't be told what ran; "" where it can."""
        if not self._wide() or not original:
            return ""
        if not known:
            return "no hyperparameter was recorded, so what ran is not known"
        if len(known) < len(original) and all(original.get(n) == v for n, v in known.items()):
            return (
                "what was recorded of the hyperparameters stands at the default and the rest was"
                " not recorded, so what ran is not known"
            )
        return ""

    def _not_executed(self, row: Row, known: dict[str, Value]) -> str:
        """Which value was executed that differs from the recorded one; "" if none."""
        table = self.map.hyperparameters
        for name, column in (table.executed if table else {}).items():
            cell = self.cells.text(row, column)
            if cell and name in known and value_of(cell) != known[name]:
                return f"the {name} that was executed differs from the recorded one"
        return ""

    def _background(self, row: Row) -> str | None:
        scenario = self.map.scenario
        if scenario is None:
            return None
        cell = self.cells.text(row, scenario.column)
        if cell in scenario.solo:
            return None
        if cell not in scenario.foreground:
            allowed = ", ".join([*scenario.solo, *scenario.foreground])
            self.cells.bad(row, scenario.column, cell, f"the map knows: {allowed}")
        return self.cells.joined(row, scenario.background or ())

    def _block(self, row: Row) -> int:
        column = self.map.run.block
        if column is None:
            return 0
        cell = self.cells.text(row, column)
        if not cell:
            self.cells.bad(row, column, cell, "the block's number is needed")
            return 0
        number = self.cells.number(row, column)
        if number is None:
            return 0
        if not (1 <= number < MOST_BLOCKS and number.is_integer()):
            self.cells.bad(row, column, cell, "blocks are counted 1, 2, 3, …")
            return 0
        return int(number)

    def _status(self, row: Row) -> tuple[bool, str]:
        status = self.map.run.status
        if status is None:
            return True, ""
        cell = self.cells.text(row, status.column)
        if cell in status.completed:
            return True, ""
        return False, self.cells.text(row, status.error) or f"{status.column}: {cell}"

    # --- what was measured ---

    def _time(self, row: Row) -> float | None:
        column = self.map.run.time
        number = self.cells.number(row, column) if column else None
        if number is None or number != number:  # noqa: PLR0124 (NaN)
            return None
        if not 0 < number < math.inf:
            self.gaps.add(f"the time is not known: {number:g} is none", row.line)
            return None
        return number * SECONDS[self.map.run.time_unit]

    def _energy(self, row: Row, entry: EnergyTable) -> float | str:
        number = self.cells.number(row, entry.column)
        if number is None or number != number:  # noqa: PLR0124 (NaN)
            return NOT_RECORDED
        if number < 0 or number == math.inf:
            self.gaps.add(f"{entry.channel}: the energy is not known: {number:g} is none", row.line)
            return f"recorded as {number:g}"
        if number == 0 and entry.zero == "missing":
            return "recorded as 0, which here means that there was no sensor"
        return number * JOULES[entry.unit]

    def _metrics(self, row: Row, model: str) -> dict[str, float]:
        found = {}
        for entry in self.map.metrics:
            if entry.models is not None and model not in entry.models:
                continue
            number = self.cells.number(row, entry.column)
            if number is None:
                continue
            if _impossible(number, entry):
                bounds = f"[{_bound(entry.low)}, {_bound(entry.high)}]"
                self.gaps.add(
                    f"{entry.name}: not known, since what was recorded lies outside {bounds}",
                    row.line,
                )
                continue
            found[entry.name] = number
        return found

    def _gaps(self, runs: Iterable[Run], originals: Mapping[str, Mapping[str, Value]]) -> None:
        """What a run should have and has not."""
        metrics: dict[str, set[str]] = defaultdict(set)
        runs = list(runs)
        for run in runs:
            metrics[run.model] |= set(run.metrics)
        declared = {entry.name for entry in self.map.metrics}
        for run in runs:
            if declared and not run.metrics:
                self.gaps.add("no metric of performance was recorded", run.line)
            elif metrics[run.model] - set(run.metrics):
                self.gaps.add("some of the model's metrics were not recorded", run.line)
            lost = [c for c, value in run.energies.items() if isinstance(value, str)]
            if lost and len(lost) == len(run.energies):
                self.gaps.add("no energy was recorded", run.line)
            elif lost:
                self.gaps.add(f"the energy of {', '.join(lost)} was not recorded", run.line)
            if self.map.run.time and run.time_s is None:
                self.gaps.add("no time was recorded", run.line)
            if len(run.hyperparameters) < len(originals.get(run.model, ())):
                self.gaps.add("only some of the hyperparameters were recorded", run.line)


def _mutation(known: Mapping[str, Value], original: Mapping[str, Value]) -> Mutation | None:
    """What was changed; None where nothing was."""
    changes = [
        Change(name, original[name], value)
        for name, value in known.items()
        if name in original and original[name] != value
    ]
    return Mutation("recorded", tuple(changes)) if changes else None


def _whole(values: list[dict[str, Value]], stated: Mapping[str, Mapping[str, Value]]) -> set[str]:
    """Hyperparameters all of whose values are whole numbers, though some are written 20.0."""
    seen: dict[str, bool] = {}
    for known in [*values, *stated.values()]:
        for name, value in known.items():
            whole = isinstance(value, int | float) and float(value).is_integer()
            seen[name] = seen.get(name, True) and whole and not isinstance(value, bool)
    return {name for name, whole in seen.items() if whole}


def _typed(value: Value, whole: bool) -> Value:  # noqa: FBT001 (a fact, not a switch)
    """One type for all of a hyperparameter's numbers, so that 20 and 20.0 are the same value."""
    if isinstance(value, bool | str):
        return value
    return int(value) if whole else float(value)


def _impossible(number: float, entry: MetricTable) -> bool:
    """A finite value out of bounds; NaN and infinity are how a training diverges."""
    low = -math.inf if entry.low is None else entry.low
    high = math.inf if entry.high is None else entry.high
    return math.isfinite(number) and not low <= number <= high


def _bound(limit: float | None) -> str:
    return "…" if limit is None else f"{limit:g}"
