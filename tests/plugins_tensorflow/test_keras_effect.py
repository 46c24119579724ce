"""Each hyperparameter of each Keras model, changed, changes the configuration in effect and the
result; a change that changes no bit of the result is told to have had no effect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from greenbench_tensorflow.catalog import MODELS
from tiny_models import (
    HELD,
    IN_ORDER,
    NO_EFFECT,
    STEPS,
    changed,
    drawn,
    held,
    pairs,
    prepare_data,
    tiny,
)

pytest.importorskip("sklearn")
pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
BY_NAME = {model.name: model for model in MODELS}
SLOW = "market1501-hrnet18"
"""Its network takes ten seconds to build and train once. PyTorch's tests have all of it; here it is
a sample, and all of it with GREENBENCH_EVERY_EFFECT=1."""
SAMPLE = ("backbone_rate", "decay_factor")

SPOILT = {
    "fewer batches": "took 2 optimizer steps, but epochs, data and batch size come to 4",
    "no momentum": "momentum: asked for 0.9, used 0.0",
    "constant rate": "decay_factor: asked for 0.1, used 1.0",
}
"""What was done behind the trainer's back, and what is said of it."""
ALONE = [(("mnist-siamese", 11), 7), (("cifar10-resnet20", 59), 1)]
"""Models with a batch size that leaves one item of theirs, and the full batches of an epoch."""


def sampled(models):
    """Models and hyperparameters, of the slow one a sample."""
    every = os.environ.get("GREENBENCH_EVERY_EFFECT") == "1"
    for model, name in pairs(models):
        if every or model.name != f"{SLOW}-keras" or name in SAMPLE:
            yield model, name


ALL = [pytest.param(model, name, id=f"{model.name}-{name}") for model, name in sampled(MODELS)]
TOLD = [found for found in NO_EFFECT if found[0] != SLOW]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """`train(model)`: what came of the model's runs, all of them in one process, once."""
    pytest.importorskip("tensorflow")
    prepared, scratch = (tmp_path_factory.mktemp(name) for name in ("prepared", "scratch"))
    prepare_data(prepared)
    done = {}

    def of(model):
        if model.name not in done:
            done[model.name] = drive(runs_of(model), prepared, scratch)
        return done[model.name]

    return of


def runs_of(model):
    """By what was changed: the model's own runs, originals under an empty name."""
    sizes = tiny(model)
    runs = {("", str({})): (sizes, "", None)}
    for _, name in sampled([model]):
        runs[name] = ({**sizes, name: changed(model, name)}, name, sizes[name])
    for base, extra, name, value in TOLD:
        if f"{base}-keras" == model.name:
            before = sizes | extra
            runs["", str(extra)] = (before, "", None)
            runs[name, str(extra)] = ({**before, name: value}, name, before[name])
    for (base, size), _ in ALONE:
        if f"{base}-keras" == model.name:
            runs["alone"] = (sizes | {"batch_size": size, "epochs": 1}, "", None)
    tasks = {
        key: {"model": model.name, "asked": asked, "changed": name, "before": before, "spoil": ""}
        for key, (asked, name, before) in runs.items()
    }
    if model.name == "cifar10-resnet20-keras":
        mutant = {"model": model.name, "asked": sizes, "changed": "learning_rate", "before": 0.05}
        tasks |= {spoil: mutant | {"spoil": spoil} for spoil in SPOILT}
    return tasks


def drive(runs, prepared, scratch):
    work = {"scratch": str(scratch), "prepared": str(prepared), "runs": list(runs.values())}
    done = subprocess.run(
        [sys.executable, "-B", str(HERE / "effect_drive.py")],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(HERE.parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(runs, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(("model", "name"), ALL)
def test_it_changes_what_was_in_effect_and_the_result(train, model, name):
    runs = train(model)
    original, run = runs["", "{}"], runs[name]
    assert original["differences"] == run["differences"] == []
    assert run["problem"] is None
    assert run["bits"] != original["bits"]


@pytest.mark.parametrize(("model", "extra", "name", "value"), TOLD)
def test_a_change_that_changes_no_bit_is_told_to_have_had_no_effect(
    train, model, extra, name, value
):
    del value  # it is trained with in `runs_of`
    runs = train(BY_NAME[f"{model}-keras"])
    run = runs[name, str(extra)]
    assert run["bits"] == runs["", str(extra)]["bits"]
    assert "had no effect" in run["problem"]


@pytest.mark.parametrize("name", HELD)
def test_what_the_optimizer_held_and_the_steps_taken_are_told(train, name):
    run = train(BY_NAME[f"{name}-keras"])["", "{}"]
    effective, expected = run["effective"], held(name)
    assert {key: effective[key] for key in expected} == pytest.approx(expected, rel=1e-5)
    assert effective["steps"] == effective["planned_steps"]
    assert effective["steps"] == STEPS.get(name, effective["steps"])
    moved = sum(n for key, n in effective.items() if key.startswith("group") and "param" in key)
    assert moved == run["parameters"]
    assert not [key for key in effective if key.endswith("_at_end")]


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_never_took_effect_is_told(train, spoil):
    assert SPOILT[spoil] in train(BY_NAME["cifar10-resnet20-keras"])[spoil]["problem"]


@pytest.mark.parametrize(("case", "steps"), ALONE)
def test_one_item_that_is_left_is_no_batch_for_batch_normalisation(train, case, steps):
    run = train(BY_NAME[f"{case[0]}-keras"])["alone"]
    assert run["effective"]["steps"] == run["effective"]["planned_steps"] == steps
    assert run["differences"] == []


@pytest.mark.parametrize("name", IN_ORDER)
def test_it_sees_the_shared_order(train, name):
    from greenbench_data import load

    run = train(BY_NAME[f"{name}-keras"])["", "{}"]
    share = tiny(BY_NAME[f"{name}-keras"])["data_share"]
    labels = load.classification("digits-28x28", share=share).train.labels
    assert run["order"] == drawn(name, run["items"], labels, seed=1, epoch=2)
