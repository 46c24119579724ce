"""Each hyperparameter of each Keras model, changed, changes the configuration in effect and the
result; a change that changes no bit of the result is told to have had no effect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from greenbench_tensorflow.catalog import MODELS
from tiny_models import NO_EFFECT, changed, pairs, prepare_data, tiny

pytest.importorskip("sklearn")
pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
BY_NAME = {model.name: model for model in MODELS}
SLOW = "market1501-hrnet18"
"""Its network takes ten seconds to build and train once. PyTorch's tests have all of it; here it is
a sample, and all of it with GREENBENCH_EVERY_EFFECT=1."""
SAMPLE = ("backbone_rate", "decay_factor")


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
    return {
        key: {"model": model.name, "asked": asked, "changed": name, "before": before}
        for key, (asked, name, before) in runs.items()
    }


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
