"""The published models in Keras: what they do is what was asked, it repeats, and it is what their
twins in PyTorch do. How well both learn stands in benchmarks/models/twins.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from greenbench_tensorflow import catalog
from tiny_models import tiny

pytest.importorskip("sklearn")
pytestmark = pytest.mark.tensorflow

TRACED = [model for model in catalog.MODELS if not model.name.startswith(("digits", "market1501"))]
"""HRNet's trace takes longer than all others: test_keras_effect.py trains it untraced."""
NAMES = pytest.mark.parametrize("name", [model.name for model in TRACED])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    tasks = {}
    for model in TRACED:
        tasks[model.name] = {"model": model.name, "seed": 7, "changes": tiny(model)}
        tasks[f"{model.name} bare"] = tasks[model.name] | {"prepare": False}
    tasks["other seed"] = tasks["mnist-cnn-keras bare"] | {"seed": 8}
    return drive(tasks, tmp_path_factory.mktemp("scratch"))


def drive(tasks, scratch, threads=1):
    work = {"scratch": str(scratch), "threads": threads, "runs": tasks}
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


@NAMES
def test_what_was_asked_was_in_effect(runs, name):
    run = runs[name]
    assert run["differences"] == []
    declared = next(model for model in catalog.MODELS if model.name == name).metrics
    assert {metric.name for metric in declared} <= set(run["metrics"])
    assert run["environment"]["device"] == "cpu"
    assert run["environment"]["threads"] == 1


@NAMES
def test_it_repeats_to_the_bit_and_preparing_changes_nothing(runs, name):
    assert runs[name]["bits"] == runs[f"{name} bare"]["bits"]
    assert runs[name]["windows"] == runs[f"{name} bare"]["windows"]


@NAMES
def test_the_first_epoch_tells_the_loss_before_the_first_step(runs, name):
    kind, number, metrics = runs[name]["windows"][0]
    assert (kind, number) == ("epoch", 1)
    assert metrics["first_loss"] > 0
    assert metrics["loss"] > 0


def test_the_seed_decides(runs):
    assert runs["other seed"]["bits"] != runs["mnist-cnn-keras"]["bits"]


def test_two_threads_repeat_to_the_bit_too(tmp_path):
    """Wide enough that the work is split between them."""
    sizes = {"data": "digits-28x28", "epochs": 1, "data_share": 0.3}
    task = {"model": "mnist-cnn-keras", "seed": 7, "prepare": False, "changes": sizes}
    runs = drive({"first": task, "again": task}, tmp_path, threads=2)
    assert runs["first"]["environment"]["threads"] == 2
    assert runs["first"]["bits"] == runs["again"]["bits"]
    assert runs["first"]["metrics"] == runs["again"]["metrics"]
