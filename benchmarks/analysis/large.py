"""Makes a large result set with the store's own schema: `python benchmarks/analysis/large.py DIR 100000`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from greenbench.api import Change, Mutation, Scenario, Trial
from greenbench.store import Store, to_json

ARMS, ORIGINALS, BLOCK = 16, 4, 20
"""15 mutants and an A/A arm, 4 originals: 20 trials a block."""
BLOCKS = 125
"""Blocks of a study; more trials are more studies."""
CHANNELS = [
    {
        "name": name,
        "backend": backend,
        "method": "counter",
        "physical_id": name,
        "scope": "",
        "update_period_s": 0.01,
        "coverage": 1.0,
        "calibration": None,
    }
    for name, backend in (("gpu/0", "nvml"), ("cpu/package-0", "rapl"))
]
CHECKS = ("samples", "gaps", "resolution", "power", "cooldown", "temperature")
DEFAULTS = {"epochs": 10, "learning_rate": 0.1, "dropout": 0.2}
METRIC = {"name": "accuracy", "direction": "maximize", "unit": "", "margin": 0.01}


def mutations() -> list[Mutation | None]:
    found: list[Mutation | None] = [None] * ORIGINALS
    for name, values in (
        ("epochs", (4, 6, 8, 12, 14)),
        ("learning_rate", (0.01, 0.03, 0.3, 0.5, 1.0)),
        ("dropout", (0.0, 0.1, 0.3, 0.4, 0.5)),
    ):
        found += [Mutation(name, (Change(name, DEFAULTS[name], v),)) for v in values]
    return [*found, Mutation("null", ())]


def make(folder: Path, trials: int) -> None:
    studies = trials // (BLOCK * BLOCKS)
    random = np.random.default_rng(1)
    arms = mutations()
    plan = []
    for study in range(studies):
        for block in range(1, BLOCKS + 1):
            for place in random.permutation(len(arms)):
                mutation = arms[place]
                key = f"{study}-{block}-{place}"
                plan.append(
                    Trial(
                        key=key,
                        study=f"model-{study}/solo",
                        model=f"model-{study}",
                        arm="original" if mutation is None else str(mutation),
                        mutation=mutation,
                        hyperparameters=mutation.apply(DEFAULTS) if mutation else DEFAULTS,
                        seed=block,
                        block=block,
                        cohort=key,
                        scenario=Scenario(),
                    )
                )
    models = {f"model-{s}": {"name": f"model-{s}", "metrics": [METRIC]} for s in range(studies)}
    store = Store.create(folder, {"suite_name": "large", "models": models, "studies": []}, plan)
    facts = {"channels": CHANNELS, "host": {}, "versions": {}, "executor": "process"}
    with store.transaction():
        session = store.begin_session("boot", facts)
        _fill(store, session, plan, random)
    store.close()


def _fill(store: Store, session: int, plan: list[Trial], random: np.random.Generator) -> None:
    n = len(plan)
    run = np.arange(1, n + 1)
    factor = np.array([t.hyperparameters["epochs"] / 10 for t in plan])
    noise = np.exp(random.normal(0, 0.015, n))
    start = 100.0 * run
    train_s = 60 * factor * np.sqrt(noise)
    energy_j = 12_000 * factor * noise
    accuracy = 0.9 + random.normal(0, 0.002, n)
    put = store.connection.executemany
    columns = lambda table: [r[1] for r in store.connection.execute(f"PRAGMA table_info({table})")]  # noqa: E731

    def rows(table: str, **values: list) -> None:
        names = [name for name in columns(table) if name in values]
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" * len(names))
        put(
            f"INSERT INTO {table} ({quoted}) VALUES ({marks})",
            zip(*(values[k] for k in names), strict=True),
        )

    constant = lambda value, count=n: [value] * count  # noqa: E731
    ids = run.tolist()
    rows(
        "cohort_runs",
        id=ids,
        session=constant(session),
        cohort=[t.cohort for t in plan],
        number=constant(1),
        status=constant("completed"),
        started_at=constant("2026-01-01T00:00:00+00:00"),
        start_s=start.tolist(),
        go_s=(start + 1).tolist(),
        end_s=(start + 70).tolist(),
        previous=constant(None),
        conditions=constant('{"load_1min":0.1}'),
    )
    rows(
        "attempts",
        id=ids,
        trial=[t.key for t in plan],
        cohort_run=ids,
        number=constant(1),
        status=constant("completed"),
        metrics=[to_json({"accuracy": float(a)}) for a in accuracy],
        effective=constant("{}"),
        environment=constant("{}"),
        cpu_time_s=(3 * train_s).tolist(),
    )
    for offset, kind, attempt in ((0, "train", None), (n, "train", ids), (2 * n, "idle", None)):
        begin = start + (1 if kind == "train" else -20)
        length = train_s if kind == "train" else np.full(n, 10.0)
        rows(
            "windows",
            id=(run + offset).tolist(),
            session=constant(session),
            cohort_run=constant(None) if kind == "idle" else ids,
            attempt=attempt or constant(None),
            kind=constant(kind),
            number=constant(0),
            start_s=begin.tolist(),
            end_s=(begin + length).tolist(),
        )
    for channel, part in (("cpu/package-0", 0.25), ("gpu/0", 0.75)):
        for offset, joules in (
            (0, energy_j),
            (2 * n, np.full(n, 400.0) * np.exp(random.normal(0, 0.005, n))),
        ):
            rows(
                "energies",
                window=(run + offset).tolist(),
                channel=constant(channel),
                energy_j=(part * joules).tolist(),
                resolution_j=constant(0.5),
                coverage=constant(1.0),
                calibration=constant(None),
                method=constant("counter"),
                samples=constant(600),
                gap_s=constant(0.0),
                reason=constant(""),
            )
        for kind, share in (("idle", 0.2), ("trial", 0.75), ("other", 0.05)):
            rows(
                "shares",
                window=ids,
                channel=constant(channel),
                kind=constant(kind),
                trial=[t.key for t in plan] if kind == "trial" else constant(""),
                energy_j=(part * share * energy_j).tolist(),
                uncertainty_j=(0.1 * energy_j).tolist(),
                basis=constant("modelled"),
            )
    for check in CHECKS:
        rows(
            "checks",
            attempt=ids,
            check=constant(check),
            severity=constant("ok"),
            found=constant(1.0),
            limit=constant(1.0),
            text=constant("ok"),
        )


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
