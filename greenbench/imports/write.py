"""Recorded runs as a result set, marked as imported: every run a cohort of one trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from greenbench import __version__
from greenbench.api import (
    Channel,
    Companion,
    Mutation,
    Scenario,
    Status,
    Trial,
    Window,
    WindowEnergy,
)
from greenbench.imports.runs import NOT_RECORDED, Recorded, Remark, Run
from greenbench.imports.tables import EnergyTable
from greenbench.store import AttemptEnd, Store

UNKNOWN = "unknown"
"""Stands for a background model that was not recorded."""
MOST_LINES = 1000
"""So many lines of the file are kept with a remark; their number is kept always."""


def write_result_set(found: Recorded, folder: Path) -> Store:
    """Writes the runs as a new result set in `folder`, and returns it open.

    No sample, no idle time and no block is made up. A channel that no run has an energy of is left
    out, so that no total waits for it. A run is a trial of one cohort whose `train` window is as
    long as the recorded time; its start is the recorded time stamp (seconds after the file's
    first), 0 where there is none. The fact `imported` says what was taken from where.
    Raises `ResultsError` if the folder holds a result set already, or can't be written.
    """
    trials = [_trial(found, run) for run in found.runs]
    store = Store.create(folder, _facts(found), trials)
    energies = {
        entry.channel: entry
        for entry in found.chosen.table.energy
        if any(isinstance(run.energies[entry.channel], float) for run in found.runs)
    }
    with store.transaction():
        session = store.begin_session("imported", _session(found, energies.values()))
        for run, trial in zip(found.runs, trials, strict=True):
            _write(store, session, energies, run, trial)
        store.end_session(session)
    return store


def study_of(found: Recorded, run: Run) -> str:
    """The study that a run belongs to."""
    if run.background is None:
        return f"{run.model}/solo"
    scenario = found.chosen.table.scenario
    if scenario is not None and not scenario.each_background:
        return f"{run.model}/foreground"
    return f"{run.model}/foreground-{run.background or UNKNOWN}"


def _trial(found: Recorded, run: Run) -> Trial:
    key = f"{found.file.name}:{run.line}"
    return Trial(
        key=key,
        study=study_of(found, run),
        model=run.model,
        arm="original" if run.mutation is None else str(run.mutation),
        mutation=run.mutation,
        hyperparameters=dict(run.hyperparameters),
        seed=0,
        block=run.block,
        cohort=key,
        scenario=_scenario(run),
        threads=0,
    )


def _scenario(run: Run) -> Scenario:
    if run.background is None:
        return Scenario()
    beside = Companion(model=run.background or UNKNOWN)
    return Scenario(kind="foreground", companions=(beside,))


def _write(
    store: Store, session: int, energies: Mapping[str, EnergyTable], run: Run, trial: Trial
) -> None:
    cohort_run, (attempt,) = store.begin_cohort(session, [trial], run.start_s, None, {})
    store.connection.execute(
        "UPDATE cohort_runs SET started_at = ? WHERE id = ?", (run.started_at, cohort_run)
    )
    if run.identity:
        store.set_identity(attempt, run.identity, {})
    status: Status = "completed" if run.completed else "failed"
    end = AttemptEnd(
        status=status,
        metrics=run.metrics,
        effective={},
        environment={},
        error_kind=None if run.completed else "recorded",
        error=run.error or None,
    )
    store.end_attempt(attempt, end)
    end_s = run.start_s + (run.time_s or 0.0)
    store.end_cohort(cohort_run, status, end_s)
    window = Window(kind="train", start_s=run.start_s, end_s=end_s)
    store.add_window(session, window, _energies(energies, run), cohort_run=cohort_run)


def _energies(energies: Mapping[str, EnergyTable], run: Run) -> list[WindowEnergy]:
    return [
        WindowEnergy(
            channel=channel,
            window="train",
            number=0,
            energy_j=value if isinstance(value, float) else None,
            resolution_j=None,
            coverage=None,
            calibration=entry.calibration,
            method=entry.method,
            samples=0,
            gap_s=0.0,
            reason="" if isinstance(value, float) else value or NOT_RECORDED,
        )
        for channel, entry in energies.items()
        for value in (run.energies[channel],)
    ]


def _session(found: Recorded, energies: Iterable[EnergyTable]) -> dict[str, Any]:
    table = found.chosen.table
    channels = [
        Channel(
            name=entry.channel,
            backend=entry.source,
            method=entry.method,
            physical_id=entry.channel,
            scope=entry.scope,
            update_period_s=entry.sampling_s,
            contained_in=entry.contained_in,
            calibration=entry.calibration,
        )
        for entry in energies
    ]
    return {
        "channels": [asdict(channel) for channel in channels],
        "host": dict(table.host),
        "versions": {"greenbench": __version__},
        "executor": "none",
        "executor_reason": f"imported from {found.file.name}",
        "missing": [],
    }


def _facts(found: Recorded) -> dict[str, Any]:
    table = found.chosen.table
    return {
        "suite_name": table.name,
        "suite_description": table.description,
        "greenbench_version": __version__,
        "imported": {
            "file": found.file.name,
            "sha256": found.file.sha256,
            "bytes": found.file.size,
            "rows": len(found.file.rows),
            "taken": len(found.runs),
            "map": table.name,
            "map_text": found.chosen.text,
            "blocks": table.run.block is not None,
            "backgrounds_pooled": table.scenario is not None and not table.scenario.each_background,
            "left_out": [_remark(remark) for remark in found.left_out],
            "gaps": [_remark(remark) for remark in found.gaps],
            "findings": [_remark(remark) for remark in found.findings],
        },
        "studies": list(_studies(found)),
        "models": {model: _model(found, model) for model in dict.fromkeys(_models(found.runs))},
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "text": remark.text,
        "rows": len(remark.lines),
        "lines": list(remark.lines[:MOST_LINES]),
    }


def _models(runs: Iterable[Run]) -> Iterable[str]:
    return (run.model for run in runs)


def _studies(found: Recorded) -> Iterable[dict[str, Any]]:
    seen: dict[str, Run] = {}
    arms: dict[str, set[Mutation]] = {}
    for run in found.runs:
        study = study_of(found, run)
        seen.setdefault(study, run)
        arms.setdefault(study, set())
        if run.mutation is not None:
            arms[study].add(run.mutation)
    for study, run in seen.items():
        yield {
            "study": study,
            "model": run.model,
            "scenario": str(_scenario(run)),
            "mutants": len(arms[study]),
        }


def _model(found: Recorded, model: str) -> Mapping[str, Any]:
    table = found.chosen.table
    has = {name for run in found.runs if run.model == model for name in run.metrics}
    log_scale = table.hyperparameters.log_scale if table.hyperparameters else []
    return {
        "name": model,
        "data": "",
        "synthetic": table.synthetic,
        "metrics": [
            {
                "name": entry.name,
                "direction": entry.direction,
                "unit": entry.unit,
                "margin": entry.margins.get(model, entry.margin),
                "items": entry.items_of.get(model, entry.items),
            }
            for entry in table.metrics
            if entry.name in has
        ],
        "hyperparameters": [
            {"name": name, "default": value, "log_scale": name in log_scale, "unit": ""}
            for name, value in found.originals.get(model, {}).items()
        ],
    }
