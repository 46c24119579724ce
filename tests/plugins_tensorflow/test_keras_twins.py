"""The published models in Keras: what they do is what was asked, it repeats, and it is what their
twins in PyTorch do. How well both learn stands in benchmarks/models/twins.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from greenbench_tensorflow import catalog

pytest.importorskip("sklearn")
pytestmark = pytest.mark.tensorflow

SMALL = {
    "mnist-cnn-keras": {"epochs": 2, "data": "digits-28x28", "data_share": 0.05, "width": 4},
    "mnist-forward-forward-keras": {"epochs": 2, "data": "digits-28x28", "data_share": 0.1},
    "mnist-siamese-keras": {
        "epochs": 1,
        "data": "digits-28x28",
        "data_share": 0.1,
        "width": 2,
    },
    "cifar10-resnet20-keras": {
        "epochs": 1,
        "data": "synthetic-cifar10",
        "data_share": 0.02,
        "width": 2,
        "batch_size": 64,
    },
    "stdlib-transformer-lm-keras": {
        "epochs": 1,
        "data_share": 0.001,
        "width": 8,
        "heads": 2,
        "layers": 1,
        "context": 32,
    },
    "stdlib-classifier-finetuning-keras": {
        "epochs": 1,
        "data_share": 0.02,
        "pretrain_share": 0.001,
        "width": 8,
        "heads": 2,
        "layers": 1,
        "context": 32,
    },
}
CHANGES = {
    "gamma": 0.3,
    "dropout": 0.1,
    "hidden_dropout": 0.1,
    "learning_rate": 0.123456789,
    "batch_size": 16,
}
"""Of `mnist-cnn-keras`; the other models' stand in the benchmark."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    tasks = {}
    for name, changes in SMALL.items():
        tasks[name] = {"model": name, "seed": 7, "changes": changes}
        tasks[f"{name} bare"] = tasks[name] | {"prepare": False}
    cnn = "mnist-cnn-keras"
    for name, value in CHANGES.items():
        changes = SMALL[cnn] | {name: value}
        tasks[name] = {"model": cnn, "seed": 7, "prepare": False, "changes": changes}
    tasks["other seed"] = tasks[f"{cnn} bare"] | {"seed": 8}
    work = {"scratch": str(tmp_path_factory.mktemp("scratch")), "runs": tasks}
    done = subprocess.run(
        [sys.executable, "-B", str(Path(__file__).with_name("published_drive.py"))],
        input=json.dumps(work),
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    if "No module named 'tensorflow'" in done.stderr:
        pytest.skip("TensorFlow is not installed")
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", SMALL)
def test_what_was_asked_was_in_effect(runs, name):
    run = runs[name]
    assert run["effective"] == run["requested"]
    assert {k: type(v) for k, v in run["effective"].items()} == {
        k: type(v) for k, v in run["requested"].items()
    }
    declared = next(model for model in catalog.MODELS if model.name == name).metrics
    assert {metric.name for metric in declared} <= set(run["metrics"])
    assert run["environment"]["device"] == "cpu"
    assert run["environment"]["threads"] == 1


@pytest.mark.parametrize("name", SMALL)
def test_it_repeats_to_the_bit_and_preparing_changes_nothing(runs, name):
    assert runs[name]["bits"] == runs[f"{name} bare"]["bits"]
    assert runs[name]["windows"] == runs[f"{name} bare"]["windows"]


@pytest.mark.parametrize("name", SMALL)
def test_the_first_epoch_tells_the_loss_before_the_first_step(runs, name):
    kind, number, metrics = runs[name]["windows"][0]
    assert (kind, number) == ("epoch", 1)
    assert metrics["first_loss"] > 0
    assert metrics["loss"] > 0


@pytest.mark.parametrize("name", CHANGES)
def test_each_hyperparameter_takes_effect(runs, name):
    assert runs[name]["effective"] == runs[name]["requested"]
    assert runs[name]["bits"] != runs["mnist-cnn-keras"]["bits"]


def test_the_seed_decides(runs):
    assert runs["other seed"]["bits"] != runs["mnist-cnn-keras"]["bits"]
