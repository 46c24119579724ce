"""Training in Keras: it learns, it repeats to the bit, it says what it truly did."""

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytestmark = pytest.mark.tensorflow

SHORT = {"epochs": 1}
RUNS = {
    "learns": {"changes": {"epochs": 5}},
    "original": {"seed": 7, "changes": SHORT},
    "bare": {"seed": 7, "prepare": False, "changes": SHORT},
    "other seed": {"seed": 8, "changes": SHORT},
    "epochs": {"seed": 7, "changes": {"epochs": 2}},
    "learning_rate": {"seed": 7, "changes": SHORT | {"learning_rate": 0.0012345678901234567}},
    "batch_size": {"seed": 7, "changes": SHORT | {"batch_size": 100}},
    "dropout": {"seed": 7, "changes": SHORT | {"dropout": 0.0}},
    "weight_decay": {"seed": 7, "changes": SHORT | {"weight_decay": 0.0}},
    "sgd": {"seed": 7, "changes": SHORT | {"optimizer": "sgd"}},
    "adamw": {"seed": 7, "changes": SHORT | {"optimizer": "adamw", "weight_decay": 0.0}},
    "cosine": {"seed": 7, "changes": SHORT | {"schedule": "cosine"}},
    "step, rmsprop": {"seed": 7, "changes": SHORT | {"schedule": "step", "optimizer": "rmsprop"}},
    "spoilt": {"changes": SHORT, "spoil": "objects"},
    "nan": {"changes": SHORT, "spoil": "nan"},
}
MUTANTS = sorted(set(RUNS) - {"learns", "original", "bare", "other seed", "spoilt", "nan"})
AGAIN = {"bare": RUNS["bare"], "step bare": RUNS["step, rmsprop"] | {"prepare": False}}


def drive(runs, scratch):
    """A fresh process without HOME, as in a container."""
    done = subprocess.run(
        [sys.executable, "-B", str(Path(__file__).with_name("keras_drive.py"))],
        input=json.dumps({"scratch": str(scratch), "runs": runs}),
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    if "No module named 'tensorflow'" in done.stderr:
        pytest.skip("TensorFlow is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return drive(RUNS, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def said_again(tmp_path_factory):
    return drive(AGAIN, tmp_path_factory.mktemp("scratch"))


def test_it_learns_the_digits(said):
    run = said["runs"]["learns"]
    assert run["metrics"]["accuracy"] >= 0.95
    assert run["metrics"]["loss"] < 0.2


def test_the_same_seed_repeats_to_the_bit_in_another_process(said, said_again):
    first, again = said["runs"]["original"], said_again["runs"]["bare"]
    assert first["bits"] == again["bits"]
    assert first["windows"] == again["windows"]
    assert said["runs"]["other seed"]["bits"] != first["bits"]


@pytest.mark.parametrize(
    ("prepared", "bare"), [("original", "bare"), ("step, rmsprop", "step bare")]
)
def test_preparing_changes_no_bit_and_no_generator(said, said_again, prepared, bare):
    with_it, without = said["runs"][prepared], said_again["runs"][bare]
    assert with_it["bits"] == without["bits"]
    assert with_it["generators"] == without["generators"]
    assert with_it["windows"] == without["windows"]


def test_all_batches_share_one_trace(said):
    """A second trace would compile inside the first epoch that has a smaller last batch."""
    assert {run["traces"] for run in said["runs"].values()} == {1}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_hyperparameter_takes_effect(said, name):
    run = said["runs"][name]
    assert run["differences"] == []
    assert run["bits"] != said["runs"]["original"]["bits"]


def test_effective_tells_what_the_objects_hold_not_what_was_asked(said):
    effective = said["runs"]["spoilt"]["effective"]
    assert effective["learning_rate"] == 0.25
    assert effective["weight_decay"] == 0.5
    assert math.isnan(effective["dropout"])  # the other dropout layer keeps its own


def test_windows_come_in_order_and_carry_metrics(said):
    windows = said["runs"]["epochs"]["windows"]
    assert [(kind, number) for kind, number, _ in windows] == [
        ("epoch", 1),
        ("validation", 1),
        ("epoch", 2),
        ("validation", 2),
        ("test", 0),
    ]
    assert all(set(metrics) - {"items"} == {"accuracy", "loss"} for *_, metrics in windows)


def test_a_loss_that_is_not_a_number_is_reported_as_it_is(said):
    assert math.isnan(said["runs"]["nan"]["metrics"]["loss"])
    assert math.isnan(said["runs"]["nan"]["windows"][0][2]["loss"])


def test_a_gpu_that_is_not_there_is_an_error_not_a_cpu(said):
    message, remedy = said["gpu_error"]
    assert "asks for a GPU" in message
    assert remedy


def test_the_environment_names_what_a_record_needs(said):
    environment = said["runs"]["original"]["environment"]
    assert environment["keras"].startswith("3.")
    assert (environment["device"], environment["dtype"]) == ("cpu", "float32")
    assert environment["threads"] == 1
    assert environment["op_determinism"] is True
    assert environment["parameters"] == 320 + 18_496 + 131_200 + 1_290


def test_schedules_follow_their_formula(said):
    expected = {
        "constant": [0.5] * 10,
        "cosine": [0.25 * (1 + math.cos(math.pi * step / 10)) for step in range(10)],
        "step": [0.5] * 7 + [0.05] * 3,
    }
    for name, rates in said["rates"].items():
        assert rates == pytest.approx(expected[name], rel=1e-5), name


def test_nothing_is_written_outside_of_scratch(said):
    assert said["writes"] == []


def test_it_is_fed_the_shared_data_in_the_shared_order(said):
    np = pytest.importorskip("numpy")
    from greenbench_data import load, order

    data, drawn = load.classification("digits"), order.order_of(1100, 7, 1)
    expected = hashlib.sha256((data.train.inputs[drawn] / np.float32(16)).tobytes())
    expected.update(data.train.labels[drawn].tobytes())
    assert said["runs"]["original"]["fed"] == expected.hexdigest()
