"""What looks wrong in recorded runs: copies, ids used twice, disagreements, constants."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace

from greenbench.imports.cells import Cells
from greenbench.imports.runs import Recorded, Remark, Run

FEWEST = 3
"""A constant over fewer runs is no finding."""
SAME_POWER = 1e-6
"""Relative spread of energy over time below which no sensor was read: nothing measured is that
steady."""


def examined(found: Recorded) -> Recorded:
    """The same with findings, and without the copies (unless the map keeps them)."""
    kept, copies = _without_copies(found.runs)
    if found.chosen.table.copies == "keep" or not copies:
        kept = found.runs
    left_out = list(found.left_out)
    if kept is not found.runs:
        text = "copies: time and energies repeat those of another row to the last digit"
        left_out.append(Remark(text, copies))
    findings = [
        *([Remark("rows repeat another row's measurement", copies)] if kept is found.runs else []),
        *_ids(kept),
        *_claims(found, kept),
        *_disagreements(found, kept),
        *_idle_gpus(found, kept),
        *_constants(found, kept),
    ]
    return replace(
        found,
        runs=tuple(kept),
        left_out=tuple(left_out),
        findings=tuple(remark for remark in findings if remark.lines),
    )


def _without_copies(runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], tuple[int, ...]]:
    """Of rows with the same measurement the one that records most, the first of them."""
    groups = _grouped(runs, _measurement)
    dropped = []
    for group in groups.values():
        best = max(group, key=lambda run: (len(run.hyperparameters) + len(run.metrics), -run.line))
        dropped += [run.line for run in group if run is not best]
    lost = set(dropped)
    return tuple(run for run in runs if run.line not in lost), tuple(sorted(lost))


def _measurement(run: Run) -> Hashable | None:
    """Time and energies, where both are there: two trainings never share them to the last digit."""
    energies = [value for value in run.energies.values() if isinstance(value, float)]
    if run.time_s is None or not energies:
        return None
    return (run.model, run.background is None, run.time_s, *energies)


def _ids(runs: Iterable[Run]) -> Iterator[Remark]:
    twice = [
        run.line
        for group in _grouped(runs, lambda run: run.identity or None).values()
        if len(group) > 1
        for run in group
    ]
    yield Remark(
        "ids are used for more than one run; runs are told apart by their line",
        tuple(sorted(twice)),
    )


def _claims(found: Recorded, runs: Iterable[Run]) -> Iterator[Remark]:
    """What a row says was changed, against the values it records."""
    table = found.chosen.table.hyperparameters
    if table is None or not (table.says_changed or table.says_count):
        return
    rows = {row.line: row for row in found.file.rows}
    cells = Cells(found.file.name, frozenset(found.chosen.table.file.missing))
    names, counts = [], []
    for run in runs:
        row = rows[run.line]
        changes = run.mutation.changes if run.mutation else ()
        changed = {change.hyperparameter for change in changes}
        name = cells.text(row, table.says_changed)
        if name and name not in changed:
            names.append(run.line)
        count = cells.number(row, table.says_count) if table.says_count else None
        if count is not None and count != len(changed):
            counts.append(run.line)
    yield Remark(
        "the hyperparameter that is said to be changed stands at its default, or was not recorded",
        tuple(names),
    )
    yield Remark(
        "the number of hyperparameters that is said to be changed is not the number of recorded"
        " values that differ from the default",
        tuple(counts),
    )


def _disagreements(found: Recorded, runs: Iterable[Run]) -> Iterator[Remark]:
    rows = {row.line: row for row in found.file.rows}
    cells = Cells(found.file.name, frozenset(found.chosen.table.file.missing))
    lines = [run.line for run in runs]
    for rule in found.chosen.table.agree:
        apart = []
        for line in lines:
            whole = cells.number(rows[line], rule.column)
            parts = [cells.number(rows[line], name) for name in rule.equals]
            known = [part for part in parts if part is not None]
            if whole is None or len(known) < len(parts):
                continue
            if not math.isclose(whole, math.fsum(known), rel_tol=rule.tolerance):
                apart.append(line)
        yield Remark(f"{rule.column} is not {' + '.join(rule.equals)}", tuple(apart))


def _idle_gpus(found: Recorded, runs: Iterable[Run]) -> Iterator[Remark]:
    rule = found.chosen.table.run.gpu_use
    if rule is None:
        return
    rows = {row.line: row for row in found.file.rows}
    cells = Cells(found.file.name, frozenset(found.chosen.table.file.missing))
    by_model: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        use = cells.number(rows[run.line], rule.column)
        if use is not None and use < rule.least:
            by_model[run.model].append(run.line)
    for model, lines in by_model.items():
        yield Remark(
            f"{model}: the GPU was hardly used ({rule.column} below {rule.least:g}): these trainings"
            " may have run on the processor",
            tuple(lines),
        )


def _constants(found: Recorded, runs: Iterable[Run]) -> Iterator[Remark]:
    """Columns that say the same of every run, and energies that are a constant times time."""
    runs = list(runs)
    table = found.chosen.table
    for channel in (entry.channel for entry in table.energy):
        pairs = [
            (run.line, value, run.time_s)
            for run in runs
            if isinstance(value := run.energies[channel], float)
        ]
        lines = tuple(line for line, _, _ in pairs)
        if _constant([value for _, value, _ in pairs]):
            yield Remark(f"{channel}: every run has the same energy", lines)
            continue
        powers = [value / time_s for _, value, time_s in pairs if time_s]
        if len(powers) >= FEWEST and _steady(powers):
            yield Remark(
                f"{channel}: the energy is a constant power times time, so no sensor was read",
                lines,
            )
    for name in (entry.name for entry in table.metrics):
        by_model = defaultdict(list)
        for run in runs:
            if name in run.metrics:
                by_model[run.model].append((run.line, run.metrics[name]))
        for model, known in by_model.items():
            if _constant([value for _, value in known]):
                lines = tuple(line for line, _ in known)
                yield Remark(f"{model}: every run has the same {name}", lines)


def _constant(values: list[float]) -> bool:
    return len(values) >= FEWEST and len(set(values)) == 1


def _steady(values: list[float]) -> bool:
    return max(values) > 0 and max(values) - min(values) <= SAME_POWER * max(values)


def _grouped(
    runs: Iterable[Run], key: Callable[[Run], Hashable | None]
) -> Mapping[Hashable, list[Run]]:
    groups: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        found = key(run)
        if found is not None:
            groups[found].append(run)
    return groups
