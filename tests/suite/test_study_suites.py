"""The suites of the study: they plan cleanly, and their counts are the published ones."""

from pathlib import Path

import pytest
from fake_plugins import model, plugins

from greenbench.api import Hyperparameter
from greenbench.plan import build_plan, plan_counts, plan_json, plan_totals
from greenbench.plugins import load_plugins
from greenbench.suite import load_suite

SUITES = Path(__file__).parents[2] / "suites"
EPOCHS = {
    "mnist-cnn": 14,
    "mnist-forward-forward": 1000,
    "mnist-siamese": 14,
    "cifar10-resnet20": 200,
    "market1501-hrnet18": 60,
}
THIRD = {
    "mnist-cnn": Hyperparameter(name="gamma", default=0.7, low=0.01, high=3.0),
    "mnist-forward-forward": Hyperparameter(name="threshold", default=2, low=0, high=100),
    "mnist-siamese": Hyperparameter(name="gamma", default=0.7, low=0.01, high=3.0),
    "cifar10-resnet20": Hyperparameter(name="weight_decay", default=1e-4, low=0.0, high=1.0),
    "market1501-hrnet18": Hyperparameter(name="weight_decay", default=5e-4, low=0.0, high=1.0),
}
PUBLISHED = {name: {"epochs", "learning_rate", third.name} for name, third in THIRD.items()}


def published(suffix=""):
    """The five models as the study describes them."""
    return plugins(
        *(
            model(
                f"{name}{suffix}",
                (
                    Hyperparameter(name="epochs", default=epochs, low=1, high=10_000),
                    Hyperparameter(name="learning_rate", default=0.1, low=1e-6, high=100.0),
                    THIRD[name],
                ),
            )
            for name, epochs in EPOCHS.items()
        )
    )


def registries(suffix):
    yield published(suffix)
    real = load_plugins()
    if all(f"{name}{suffix}" in real.models for name in EPOCHS):
        yield real


CASES = [
    (file, suffix, registry)
    for file, suffix in (("paper.toml", ""), ("paper-keras.toml", "-keras"))
    for registry in registries(suffix)
]


@pytest.mark.parametrize(("file", "suffix", "registry"), CASES)
def test_the_study_has_the_published_counts(file, suffix, registry):
    plan = build_plan(load_suite(SUITES / file, registry), registry)
    totals = plan_totals(plan)
    assert totals.mutated_solo == 375
    assert totals.mutated_beside_others == 4 * 15 * 5
    assert totals.nulls == 9 * 5  # the A/A arm of each set, no part of the published count
    assert totals.companions == sum(c.cohorts for c in plan_counts(plan) if "foreground" in c.study)
    assert plan_json(plan)["totals"]["mutated_solo"] == 375
    changed = {}
    for trial in plan.trials():
        for change in trial.mutation.changes if trial.mutation else ():
            name = trial.model.removesuffix("-keras")
            values = changed.setdefault(name, {}).setdefault(change.hyperparameter, set())
            values.add(change.after)
    assert {name: set(found) for name, found in changed.items()} == PUBLISHED
    assert all(len(v) == 5 for found in changed.values() for v in found.values())
    pairs = {
        (planned.spec.name, companion.model.removesuffix("-keras"))
        for planned in plan.studies
        for companion in planned.scenario.companions
    }
    assert pairs == {
        ("mnist-cnn", "mnist-forward-forward"),
        ("mnist-cnn", "mnist-siamese"),
        ("mnist-siamese", "mnist-forward-forward"),
        ("mnist-siamese", "mnist-cnn"),
    }


def test_both_frameworks_train_the_same_mutants_in_one_order_with_the_same_seeds():
    plans = []
    for file, suffix in (("paper.toml", ""), ("paper-keras.toml", "-keras")):
        registry = published(suffix)
        plan = build_plan(load_suite(SUITES / file, registry), registry)
        plans.append(
            [
                (t.study, t.arm, t.block, t.seed, str(t.hyperparameters))
                for t in plan.trials()
                if t.role == "measured" and t.counted
            ]
        )
    assert plans[0] == plans[1]


def test_the_small_study_has_the_structure_of_the_large_one():
    registry = load_plugins()
    if not all(name in registry.models for name in EPOCHS):
        pytest.skip("greenbench-torch is not installed")
    small, large = (
        build_plan(load_suite(SUITES / file, registry), registry)
        for file in ("paper-small.toml", "paper.toml")
    )
    assert [s.study for s in small.studies] == [s.study for s in large.studies]
    totals = plan_totals(small)
    assert totals.mutated_solo == 5 * 3 * 2 * 2
    assert totals.mutated_beside_others == 4 * 3 * 2 * 2
    assert (totals.nulls, totals.originals) == (9 * 2, 9 * 2)
    for study in small.studies:
        assert study.original["data"] in (
            "digits-28x28",
            "synthetic-cifar10",
            "synthetic-market1501",
        )


def test_a_host_shows_its_noise_floor():
    registry = plugins(model("digits-cnn"))
    plan = build_plan(load_suite(SUITES / "aa.toml", registry), registry)
    totals = plan_totals(plan)
    assert (totals.mutated_solo, totals.nulls, totals.originals) == (0, 15, 15)
    assert len({str(trial.hyperparameters) for trial in plan.trials() if trial.counted}) == 1
