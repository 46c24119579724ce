"""What a finished training proves: the configuration in effect, the device, and that it learned."""

import math
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greenbench.api import (
    Change,
    Launch,
    Limits,
    Metric,
    Model,
    Mutation,
    Provided,
    Scenario,
    Share,
    Trial,
    Unused,
)
from greenbench.proof import configuration_problem, device_problem, divergence

ORIGINAL = {"epochs": 14, "learning_rate": 0.1}
MODEL = Model(
    name="m",
    framework="plain",
    trainer="nowhere:T",
    hyperparameters=(),
    metrics=(
        Metric(name="accuracy", direction="maximize", margin=0.01, chance=0.1, of_test_set=True),
        Metric(name="loss", direction="minimize"),
        Metric(name="error", direction="minimize", chance=0.9),
    ),
)
GOOD = {"accuracy": 0.9, "loss": 0.3, "error": 0.1}


def trial(mutation=None, **changed):
    return Trial(
        key="k",
        study="s",
        model="m",
        arm="a",
        mutation=mutation,
        hyperparameters={**ORIGINAL, **changed},
        seed=1,
        block=1,
        cohort="c",
        scenario=Scenario(),
        threads=2,
    )


def mutant(name, after):
    return trial(Mutation("op", (Change(name, ORIGINAL[name], after),)), **{name: after})


def launch(**limits):
    provided = Provided("m", MODEL, "d", "1")
    limits = Limits(**limits)
    return Launch(trial=trial(), model=provided, limits=limits, directory=Path(), labels={})


@given(st.floats(1e-6, 10.0))
def test_single_precision_is_the_same_configuration(rate):
    held = struct.unpack("f", struct.pack("f", rate))[0]
    assert (
        configuration_problem(trial(learning_rate=rate), {"epochs": 14, "learning_rate": held})
        is None
    )


@given(st.floats(0.01, 1.0))
def test_a_mutation_that_never_arrived_is_a_failure(rate):
    assume(rate != 0.1)
    for used in (0.1, struct.unpack("f", struct.pack("f", 0.1))[0]):
        kind, text = configuration_problem(
            mutant("learning_rate", rate), {"epochs": 14, "learning_rate": used}
        )
        assert kind == "configuration"
        assert "learning_rate: asked for" in text or "as the original's" in text


def test_a_mutation_below_the_frameworks_precision_changed_nothing():
    kind, text = configuration_problem(
        mutant("learning_rate", 0.100000000001), {"epochs": 14, "learning_rate": 0.1}
    )
    assert kind == "configuration"
    assert "learning_rate: 0.1 → 0.100000000001 had no effect" in text


def test_a_mutation_below_single_precision_changed_nothing_though_it_is_held_exactly():
    """A rate of double precision is multiplied into weights of single precision."""
    rate = 0.100000000001
    used = {**ORIGINAL, "learning_rate": rate}
    assert configuration_problem(mutant("learning_rate", rate), used)[0] == "configuration"


@given(st.integers(1, 10_000), st.floats(0.0001, 1.0))
def test_a_share_is_what_was_asked_for_if_it_counts_what_that_comes_to(total, share):
    count = Share(count=0, total=total, least=1).count_for(share)
    asked = trial(learning_rate=share)
    for used, fine in ((count, True), (count + 1, False)):
        effective = {**ORIGINAL, "learning_rate": Share(count=used, total=total, least=1)}
        assert (configuration_problem(asked, effective) is None) is fine


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (Share(count=4, total=40), "4 of 40"),
        ((Share(count=4, total=40), Share(count=1, total=10)), "4 of 40, 1 of 10"),
        (Unused(0.11), "0.11, which nothing acted on"),
    ],
)
def test_a_mutation_that_rounds_away_or_is_not_acted_on_is_a_failure(used, words):
    effective = {**ORIGINAL, "learning_rate": used}
    kind, text = configuration_problem(mutant("learning_rate", 0.11), effective)
    assert kind == "configuration"
    assert (
        f"had no effect: it left the configuration in effect as the original's (learning_rate: {words})"
        in text
    )
    assert configuration_problem(trial(learning_rate=0.11), effective) is None


def test_a_share_that_another_phase_counts_otherwise_is_an_effect():
    used = (Share(count=4, total=40), Share(count=11, total=100))
    effective = {**ORIGINAL, "learning_rate": used}
    assert configuration_problem(mutant("learning_rate", 0.11), effective) is None


def test_null_mutants_and_originals_must_leave_the_configuration_as_it_is():
    null = trial(Mutation("null", (), 1))
    for arm in (null, trial()):
        assert configuration_problem(arm, ORIGINAL) is None
        assert configuration_problem(arm, {**ORIGINAL, "epochs": 13})[0] == "configuration"
        assert configuration_problem(arm, {"epochs": 14})[0] == "configuration"


def test_steps_that_were_not_taken_are_a_failure():
    used = {**ORIGINAL, "learning_rate": 0.2, "planned_steps": 40}
    arm = mutant("learning_rate", 0.2)
    assert configuration_problem(arm, used | {"steps": 40}) is None
    for effective in (used | {"steps": 39}, used):
        kind, text = configuration_problem(arm, effective)
        assert kind == "configuration"
        assert "come to 40" in text


def test_a_mutated_seed_is_no_part_of_the_configuration():
    seed = trial(Mutation("seed", (Change("seed", "block", 7),)))
    assert configuration_problem(seed, ORIGINAL) is None


@pytest.mark.parametrize(
    ("gpus", "environment", "kind"),
    [
        ((), {}, None),
        ((), {"device": "cpu", "threads": 2}, None),
        ((), {"device": "gpu"}, "device"),
        (("all",), {"device": "gpu", "threads": 2}, None),
        (("all",), {"device": "cpu", "threads": 2}, "device"),
        (("all",), {}, "device"),
        ((), {"device": "cpu", "threads": 1}, "threads"),
    ],
)
def test_the_device_and_the_threads_are_those_asked_for(gpus, environment, kind):
    found = device_problem(launch(gpus=gpus), environment)
    assert (found[0] if found else None) == kind


@pytest.mark.parametrize(
    ("metrics", "first", "last", "kind"),
    [
        (GOOD, {}, {}, None),
        (GOOD, {"loss": 2.0}, {"loss": 1.0}, None),
        (GOOD | {"accuracy": math.nan}, {}, {}, "not_finite"),
        (GOOD, {"loss": 2.0}, {"loss": math.inf}, "not_finite"),
        (GOOD, {"loss": 2.0, "first_loss": math.nan}, {"loss": 1.0}, "not_finite"),
        (GOOD, {"loss": 2.0}, {"loss": 2.2}, "loss_above_start"),
        (GOOD, {"loss": 2.0}, {"loss": 2.05}, None),  # as much as one batch may differ
        (GOOD, {"loss": 9.0, "first_loss": 2.0}, {"loss": 2.5}, "loss_above_start"),
        (GOOD, {"loss": -2.0}, {"loss": -1.0}, "loss_above_start"),
        (GOOD | {"accuracy": 0.11}, {}, {}, "at_chance"),
        (GOOD | {"accuracy": 0.111}, {}, {}, None),
        (GOOD | {"error": 0.9}, {}, {}, "at_chance"),
        (GOOD | {"error": 0.899}, {}, {}, None),
        ({}, {}, {}, None),
    ],
)
def test_each_way_to_diverge_is_told(metrics, first, last, kind):
    found = divergence(MODEL, metrics, first, last, {})
    assert (found.kind if found else None) == kind


def test_one_epoch_is_compared_with_its_first_batch_only():
    only = {"loss": 2.5}
    assert divergence(MODEL, GOOD, only, only, {}) is None
    only = {"loss": 2.5, "first_loss": 2.0}
    assert divergence(MODEL, GOOD, only, only, {}).kind == "loss_above_start"


@pytest.mark.parametrize(
    ("accuracy", "tested", "limit"),
    [
        (0.11, {}, 0.11),  # the margin
        (0.13, {"items": 500.0}, 0.1 + 2.326 * math.sqrt(0.1 * 0.9 / 500)),
        (0.13, {"items": 10_000.0}, None),
        (0.11, {"items": 10_000.0}, 0.11),  # more than luck, and no more than the margin
        (0.21, {"chance_accuracy": 0.2}, 0.21),
        (0.13, {"chance_accuracy": 0.2}, 0.21),
        (0.13, {"chance_accuracy": math.nan, "items": math.inf}, None),
        (0.13, {"items": -1.0}, None),
    ],
)
def test_guessing_gives_what_the_test_reports_and_varies_with_its_items(accuracy, tested, limit):
    found = divergence(MODEL, GOOD | {"accuracy": accuracy}, {}, {}, tested)
    assert (found.limit if found else None) == (limit if limit is None else pytest.approx(limit))


def test_what_is_no_share_of_items_does_not_vary_with_them():
    assert divergence(MODEL, GOOD | {"error": 0.899}, {}, {}, {"items": 10.0}) is None


def test_a_metric_in_percent_varies_in_percent():
    metrics = (Metric(name="accuracy", direction="maximize", unit="%", chance=10.0, items=500),)
    model = replace(MODEL, metrics=metrics)
    assert divergence(model, {"accuracy": 13.0}, {}, {}, {}).kind == "at_chance"
    assert divergence(model, {"accuracy": 13.2}, {}, {}, {}) is None
