"""Result sets with a known truth, written through the store's own methods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from greenbench.api import Change, Mutation, Scenario, Trial, Window, WindowEnergy
from greenbench.energy.samples import SampleChunk
from greenbench.store import AttemptEnd, Store

DEFAULTS = {"epochs": 10, "learning_rate": 0.1, "optimizer": "sgd"}
GPU = {
    "name": "gpu/0",
    "backend": "nvml",
    "method": "counter",
    "physical_id": "GPU-1",
    "scope": "whole board",
    "update_period_s": 0.02,
    "coverage": 0.25,
    "calibration": 0.05,
    "unit_j": 0.001,
}
GPU_POWER = GPU | {"name": "gpu/0/power", "method": "power", "unit_j": None, "unit_w": 0.001}
PACKAGE = {
    "name": "cpu/package-0",
    "backend": "rapl",
    "method": "counter",
    "physical_id": "package-0",
    "scope": "socket",
    "update_period_s": 0.001,
    "unit_j": 0.001,
}
CORE = PACKAGE | {"name": "cpu/core-0", "physical_id": "core-0", "contained_in": "cpu/package-0"}
ESTIMATE = {
    "name": "cpu/estimate",
    "backend": "estimate",
    "method": "estimate",
    "physical_id": "cpu-estimate",
    "scope": "processor, from CPU time",
}
MEASURED = (GPU, GPU_POWER, PACKAGE, CORE)
SHARE = {"gpu/0": 0.75, "gpu/0/power": 0.765, "cpu/package-0": 0.25, "cpu/core-0": 0.1}
READY_W = 55.0
METRICS = [
    {"name": "accuracy", "direction": "maximize", "unit": "", "margin": 0.01},
    {"name": "loss", "direction": "minimize", "unit": "nat", "margin": None},
]


def change(name: str, after) -> Mutation:
    return Mutation(name, (Change(name, DEFAULTS[name], after),))


def null(number: int = 1) -> Mutation:
    return Mutation("null", (), number)


@dataclass
class Truth:
    """What a mutation really does: energy and time factors, change of accuracy."""

    energy: float = 1.0
    accuracy: float = 0.0
    time: float | None = None


@dataclass
class Study:
    truths: Sequence[tuple[Mutation, Truth]] = ()
    model: str = "mlp"
    scenario: Scenario = field(default_factory=Scenario)
    blocks: int = 5
    originals: int = 2
    noise: float = 0.01
    block_noise: float = 0.0
    drift: float = 0.0
    accuracy_noise: float = 0.001
    train_s: float = 60.0
    power_w: float = 200.0
    sharing: float = 0.8
    """Energy of k co-located trainings over that of k solo ones."""
    base: Mapping = field(default_factory=lambda: DEFAULTS)
    """The original's hyperparameters."""
    called: str = ""
    """Its name where the model's and the scenario's are not to be in it."""

    @property
    def name(self) -> str:
        return self.called or f"{self.model}, {self.scenario}"


def simulate(
    folder: Path,
    studies: Sequence[Study],
    *,
    seed: int = 1,
    channels: Sequence[Mapping] = MEASURED,
    facts: Mapping = {},
    session_facts: Mapping = {},
    outcomes: Mapping[int, Mapping] = {},
    run: int | None = None,
    shuffled: bool = True,
    traced: bool = False,
) -> Store:
    """A result set of `studies`, with samples and epochs if `traced`; `outcomes` overrides, by cohort number, status, metrics, error,
    energy_j, train_s, gap_s or overlap, or names a failed_check; `run`: how many cohorts were run (the rest stays planned)."""
    random = Random(seed)
    cohorts = list(
        itertools.chain.from_iterable(_cohorts(study, random, shuffled) for study in studies)
    )
    trials = [trial for _, _, members in cohorts for trial in members]
    everything = {
        "suite_name": "simulated",
        "suite_description": "A study with a known truth",
        "plan_seed": seed,
        "greenbench_version": "0.1.0",
        "studies": [
            {
                "study": s.name,
                "model": s.model,
                "scenario": str(s.scenario),
                "originals": s.originals,
                "mutants": sum(bool(m.changes) for m, _ in s.truths),
                "nulls": sum(not m.changes for m, _ in s.truths),
                "blocks": s.blocks,
            }
            for s in studies
        ],
        "models": {
            s.model: {
                "name": s.model,
                "data": "simulated numbers",
                "synthetic": True,
                "metrics": METRICS,
                "hyperparameters": [
                    {"name": "epochs", "log_scale": False, "unit": ""},
                    {"name": "learning_rate", "log_scale": True, "unit": ""},
                ],
            }
            for s in studies
        },
    }
    store = Store.create(folder, {**everything, **facts}, trials)
    default_facts = {
        "channels": list(channels),
        "host": {"cpu_model": "Example CPU", "cpu_logical": 8, "governor": "performance"},
        "versions": {"python": "3.11.0"},
        "executor": "process",
        "executor_reason": "no engine answers",
        "gives_up": "isolation",
        "missing": [],
        "measure": {"period_s": 0.1},
    }
    with store.transaction():
        session = store.begin_session("boot", {**default_facts, **session_facts})
        clock_s = 1000.0
        for number, (study, truth, members) in enumerate(cohorts[:run]):
            _idle(store, session, clock_s, channels, random)
            outcome = dict(outcomes.get(number, {}))
            _run(
                store,
                session,
                clock_s + 20,
                study,
                truth,
                members,
                channels,
                random,
                number,
                outcome,
                traced,
            )
            clock_s += 200.0
        store.end_session(session)
    return store


def _cohorts(study: Study, random: Random, shuffled: bool):
    copies, companions = study.scenario.copies, study.scenario.companions
    role = "background" if study.scenario.kind == "foreground" else "companion"
    for block in range(1, study.blocks + 1):
        arms: list = [(None, Truth())] * study.originals + list(study.truths)
        if shuffled:
            random.shuffle(arms)
        for place, (mutation, truth) in enumerate(arms):
            cohort = f"{study.name}/b{block}/{place}"
            hyperparameters = mutation.apply(study.base) if mutation else study.base
            members = [
                Trial(
                    key=f"{cohort}/{slot}",
                    study=study.name,
                    model=study.model,
                    arm="original" if mutation is None else str(mutation),
                    mutation=mutation,
                    hyperparameters=hyperparameters,
                    seed=block * 100 + slot,
                    block=block,
                    cohort=cohort,
                    scenario=study.scenario,
                    slot=slot,
                )
                for slot in range(copies)
            ]
            others = [
                replace(
                    members[0],
                    key=f"{cohort}/{slot}",
                    model=companion.model,
                    mutation=None,
                    hyperparameters=DEFAULTS,
                    slot=slot,
                    role=role,
                )
                for slot, companion in enumerate(companions, copies)
            ]
            yield study, truth, members + others


def _idle(store, session, start_s, channels, random) -> None:
    add_window(
        store,
        session,
        Window(kind="idle", start_s=start_s, end_s=start_s + 10),
        channels,
        10 * 40 * math.exp(random.gauss(0, 0.005)),
    )


def _run(
    store, session, start_s, study, truth, members, channels, random, number, outcome, traced
) -> None:
    run, attempts = store.begin_cohort(session, members, start_s, None, {"load_1min": 0.1})
    block = Random(f"{members[0].block} {study.model}").gauss(0, study.block_noise)
    factor = math.exp(random.gauss(0, study.noise) + block + study.drift * number)
    copies = len(members)
    time = truth.energy if truth.time is None else truth.time
    train_s = study.train_s * time * (1 + 0.3 * (copies - 1)) * (factor**0.5)
    train_s = outcome.get("train_s", train_s)
    energy_j = study.train_s * study.power_w * truth.energy * factor
    energy_j *= copies * study.sharing if copies > 1 else 1
    status = outcome.get("status", "completed")
    for trial, attempt in zip(members, attempts, strict=True):
        accuracy = 0.9 + truth.accuracy + random.gauss(0, study.accuracy_noise)
        end = AttemptEnd(
            status=status,
            metrics=outcome.get("metrics", {"accuracy": accuracy, "loss": 1 - accuracy}),
            effective=dict(trial.hyperparameters),
            environment={},
            cpu_time_s=train_s * 3.5,
            error_kind=outcome.get("error_kind"),
            error=outcome.get("error"),
        )
        store.end_attempt(attempt, end)
        if "failed_check" in outcome:
            check = {"attempt": attempt, "check": outcome["failed_check"], "severity": "fail"}
            store.add_rows("checks", [check | {"text": "as simulated"}])
        if trial.role != "background":
            own = Window(kind="train", start_s=start_s, end_s=start_s + train_s)
            store.add_window(session, own, [], cohort_run=run, attempt=attempt)
    store.end_cohort(run, status, start_s + train_s + 5)
    window = Window(kind="train", start_s=start_s, end_s=start_s + train_s)
    total = outcome.get("energy_j", energy_j)
    ready = Window(kind="ready_idle", start_s=start_s - 2, end_s=start_s)
    add_window(store, session, ready, channels, 2 * READY_W, run=run)
    number = add_window(
        store, session, window, channels, total, run=run, gap_s=outcome.get("gap_s", 0.0)
    )
    if total is not None:
        keys = [trial.key for trial in members]
        _shares(store, number, channels, total, 40 * train_s, keys)
    if traced and total:
        _epochs(store, session, run, attempts, members, start_s, train_s)
        _samples(store, session, channels, start_s, train_s, total)
    if copies > 1:
        part = outcome.get("overlap", 0.95)
        overlap = Window(kind="overlap", start_s=start_s, end_s=start_s + train_s * part)
        add_window(store, session, overlap, channels, energy_j * part, run=run)


def _epochs(store, session, run, attempts, members, start_s, train_s) -> None:
    for trial, attempt in zip(members, attempts, strict=True):
        each_s = train_s / trial.hyperparameters["epochs"]
        for number in range(trial.hyperparameters["epochs"]):
            begin_s = start_s + number * each_s
            spans = [("epoch", begin_s, begin_s + 0.9 * each_s)]
            spans += [("validation", begin_s + 0.9 * each_s, begin_s + each_s)]
            for kind, from_s, to_s in spans:
                window = Window(kind=kind, number=number, start_s=from_s, end_s=to_s)
                store.add_window(session, window, [], cohort_run=run, attempt=attempt)


def _samples(store, session, channels, start_s, train_s, total_j) -> None:
    """Ten readings a second of every measured channel: idle, training with dips at its epochs."""
    for channel in channels:
        part = SHARE.get(channel["name"], 1.0)
        chunk, energy_j = SampleChunk(channel["name"]), 0.0
        for tick in range(int((train_s + 20) * 10)):
            at_s = start_s - 10 + tick / 10
            along = (at_s - start_s) / train_s
            busy = 0 <= along <= 1
            power_w = part * (total_j / train_s * (1 + 0.12 * math.sin(at_s * 9)) if busy else 40)
            power_w *= 0.6 if busy and (along * 10) % 1 > 0.9 else 1.0
            energy_j += power_w / 10
            chunk.stamp_s.append(at_s)
            chunk.half_s.append(0.0001)
            power = channel["method"] == "power"
            chunk.value.append(int((power_w if power else energy_j) * 1000))
            chunk.flags.append(0)
        first_s, last_s = chunk.stamp_s[0], chunk.stamp_s[-1]
        packed = (channel["name"], first_s, last_s, len(chunk), chunk.to_bytes())
        store.add_samples(session, [packed])


def _shares(store, window, channels, total_j, idle_j, keys) -> None:
    """Greenbench takes 1 % of what is not idle, others 4 %, the trials the rest in equal parts."""
    for channel in channels:
        if channel["method"] == "estimate":
            continue
        part = SHARE.get(channel["name"], 1.0)
        dynamic_j = part * (total_j - idle_j)
        split = [("idle", "", part * idle_j), ("own", "", 0.01 * dynamic_j)]
        split += [("other", "", 0.04 * dynamic_j)]
        split += [("trial", key, 0.95 * dynamic_j / len(keys)) for key in keys]
        rows = [
            {
                "window": window,
                "channel": channel["name"],
                "kind": kind,
                "trial": trial,
                "energy_j": energy_j,
                "uncertainty_j": 0.3 * energy_j,
                "basis": "modelled: by CPU time",
            }
            for kind, trial, energy_j in split
        ]
        store.add_rows("shares", rows)


def add_window(store, session, window, channels, total_j, *, run=None, gap_s=0.0) -> int:
    energies = [
        WindowEnergy(
            channel=c["name"],
            window=window.kind,
            number=0,
            energy_j=None if total_j is None else total_j * SHARE.get(c["name"], 1.0),
            resolution_j=0.5,
            coverage=c.get("coverage"),
            calibration=c.get("calibration"),
            method=c["method"],
            samples=600,
            gap_s=gap_s,
            reason="" if total_j is not None else "the sensor vanished",
        )
        for c in channels
    ]
    return store.add_window(session, window, energies, cohort_run=run)
