"""suites/quick.toml: right for the plugins that it needs, and small enough for a first look."""

from pathlib import Path

import pytest
from fake_plugins import model, plugins

from greenbench.plan import build_plan, plan_counts
from greenbench.plugins import load_plugins
from greenbench.suite import load_suite

QUICK = Path(__file__).parents[2] / "suites" / "quick.toml"
MODELS = ["digits-mlp", "digits-cnn", "digits-cnn-keras"]


def registries():
    yield plugins(*(model(name) for name in MODELS))
    real = load_plugins()
    if all(name in real.models for name in MODELS):
        yield real


@pytest.mark.parametrize("registry", list(registries()))
def test_it_holds_what_a_first_look_needs(registry):
    suite = load_suite(QUICK, registry)
    plan = build_plan(suite, registry)
    counts = plan_counts(plan)
    assert suite.models() == MODELS
    assert all(count.blocks >= 2 and count.nulls >= 1 and count.mutants >= 1 for count in counts)
    changed = {
        change.hyperparameter
        for trial in plan.trials()
        if trial.mutation
        for change in trial.mutation.changes
    }
    assert {"epochs", "learning_rate"} <= changed
    alone = {count.model for count in counts if count.scenario == "solo"}
    beside = {count.model for count in counts if count.scenario != "solo"}
    assert alone == set(MODELS)
    assert beside
    assert len(plan.cohorts) <= 36, "each takes some 5 s: more would not stay below 5 minutes"
