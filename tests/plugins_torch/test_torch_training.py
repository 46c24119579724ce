"""Training in PyTorch: it learns, it repeats to the bit, it says what it truly did."""

import math
import random
import subprocess
import sys

import pytest
from greenbench_torch.catalog import BY_NAME

from greenbench.api import Conditions
from greenbench.errors import ExecutorError
from greenbench.proof import differences

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytestmark = pytest.mark.torch

DIGITS_MLP, DIGITS_CNN = (BY_NAME[name] for name in ("digits-mlp", "digits-cnn"))
BOTH = pytest.mark.parametrize("model", [DIGITS_MLP, DIGITS_CNN], ids=lambda m: m.name)


@BOTH
def test_it_learns_the_digits(start, model):
    run = start(model, epochs=6).finish()
    assert run.metrics["accuracy"] >= 0.95
    assert run.metrics["loss"] < 0.2
    assert set(run.metrics) == {m.name for m in model.metrics}


@BOTH
def test_the_same_seed_repeats_to_the_bit_and_another_does_not(start, model):
    first, again, other = (
        start(model, seed=seed, threads=2, epochs=1).finish() for seed in (7, 7, 8)
    )
    assert first.bits() == again.bits()
    assert first.progress.windows == again.progress.windows
    assert first.bits() != other.bits()


@BOTH
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_preparing_changes_no_bit(start, model, optimizer):
    changes = {"epochs": 1, "optimizer": optimizer, "schedule": "step", "batch_size": 300}
    prepared = start(model, prepare=True, **changes).finish()
    bare = start(model, prepare=False, **changes).finish()
    assert prepared.bits() == bare.bits()
    assert prepared.progress.windows == bare.progress.windows
    assert prepared.trainer.effective() == bare.trainer.effective()
    assert differences(prepared.requested, bare.trainer.effective()) == []


def test_preparing_leaves_every_random_generator_where_it_was(start):
    run = start(DIGITS_MLP, prepare=False)
    random_state, numpy_state = random.getstate(), np.random.get_state()[1].tolist()
    torch_state = torch.get_rng_state()
    run.trainer.prepare()
    assert random.getstate() == random_state
    assert np.random.get_state()[1].tolist() == numpy_state
    assert torch.equal(torch.get_rng_state(), torch_state)


@pytest.mark.parametrize("batch_size", [1100, 550, 64, 1099])
def test_every_epoch_sees_every_image_once(start, batch_size, monkeypatch):
    from greenbench_data import order

    orders = []
    order_of = order.order_of
    monkeypatch.setattr(order, "order_of", lambda *a: orders.append(order_of(*a)) or orders[-1])
    run = start(DIGITS_MLP, epochs=2, batch_size=batch_size).finish()
    assert [sorted(seen.tolist()) for seen in orders] == [list(range(1100))] * 2
    assert orders[0].tolist() != orders[1].tolist()
    assert run.trainer.effective()["batch_size"] == batch_size


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_each_choice_takes_effect(start, optimizer, schedule):
    original = start(DIGITS_MLP, epochs=1, optimizer=optimizer).finish()
    mutant = start(DIGITS_MLP, epochs=1, optimizer=optimizer, schedule=schedule).finish()
    assert differences(mutant.requested, mutant.trainer.effective()) == []
    assert mutant.bits() != original.bits() != start(DIGITS_MLP, epochs=1).finish().bits()


def test_effective_tells_what_the_objects_hold_not_what_was_asked(start):
    run = start(DIGITS_MLP, epochs=2)
    classification = run.trainer.training
    classification.optimizer.param_groups[0]["lr"] = 0.25
    classification.optimizer.param_groups[0]["weight_decay"] = 0.5
    classification.network[3].p = 0.75  # the other dropout layer keeps its own
    classification.schedule.step = lambda: None
    run.finish()
    effective = run.trainer.effective()
    assert effective["learning_rate"] == 0.25
    assert effective["weight_decay"] == 0.5
    assert math.isnan(effective["dropout"])
    assert effective["schedule"] != run.requested["schedule"]


def test_windows_come_in_order_and_carry_metrics(start):
    run = start(DIGITS_CNN, epochs=2).finish()
    kinds = [(kind, number) for kind, number, _ in run.progress.windows]
    assert kinds == [
        ("epoch", 1),
        ("validation", 1),
        ("epoch", 2),
        ("validation", 2),
        ("test", 0),
    ]
    assert all(
        set(metrics) - {"items"} == {"accuracy", "loss"} for *_, metrics in run.progress.windows
    )


def test_a_loss_that_is_not_a_number_is_reported_as_it_is(start):
    run = start(DIGITS_MLP, epochs=1)
    with torch.no_grad():
        run.trainer.training.network[1].weight.fill_(float("nan"))
    run.finish()
    assert math.isnan(run.metrics["loss"])
    assert math.isnan(run.progress.windows[0][2]["loss"])
    assert run.metrics["accuracy"] < 0.2


def test_a_gpu_that_is_not_there_is_an_error_not_a_cpu(tmp_path, start, monkeypatch):
    from greenbench_torch.trainers import DigitsMlp

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    conditions = Conditions(seed=1, threads=1, device="gpu", scratch=tmp_path)
    with pytest.raises(ExecutorError, match="asks for a GPU") as raised:
        DigitsMlp(DIGITS_MLP.defaults(), conditions)
    assert raised.value.remedy


def test_the_environment_names_what_a_record_needs(start):
    said = start(DIGITS_CNN, threads=2, prepare=False).trainer.environment()
    assert said["torch"] == torch.__version__
    assert (said["device"], said["dtype"]) == ("cpu", "float32")
    assert said["threads"] == torch.get_num_threads() == 2
    assert said["deterministic_algorithms"] is True
    assert said["parameters"] == 320 + 18_496 + 131_200 + 1_290  # by hand, layer by layer


def test_a_hyperparameter_too_many_or_too_few_is_refused(start):
    with pytest.raises(ValueError, match="gamma"):
        start(DIGITS_MLP, gamma=0.7)


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_schedules_follow_their_formula(name):
    from greenbench_torch.optimization import schedule_for

    steps, rate = 10, 0.5
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = schedule_for(optimizer, name, steps)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    expected = {
        "constant": [rate] * steps,
        "cosine": [rate * (1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps)],
        "step": [rate] * 7 + [rate / 10] * 3,
    }
    assert seen == pytest.approx(expected[name])


def test_nothing_is_written_outside_of_scratch(tmp_path):
    """As in a container: no HOME, no user of that id, a folder that can't be written to."""
    code = f"""
import os, sys
WRITES = []
def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            WRITES.append(os.path.abspath(os.fsdecode(arguments[0])))
    elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink"):
        WRITES.append(os.path.abspath(os.fsdecode(arguments[0])))
sys.addaudithook(audit)
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from greenbench.api import Conditions
from greenbench_torch.catalog import BY_NAME
from greenbench_torch.trainers import DigitsCnn
window = lambda *_: nullcontext(SimpleNamespace(report=lambda **_: None))
progress = SimpleNamespace(epoch=window, validation=window, test=window)
trainer = DigitsCnn(BY_NAME["digits-cnn"].defaults() | {{"epochs": 1}},
                    Conditions(seed=1, threads=1, scratch=Path({str(tmp_path)!r})))
trainer.prepare(); trainer.train(progress); trainer.test(progress)
trainer.effective(); trainer.environment()
allowed = ({str(tmp_path)!r}, "/dev/null", "/proc/self")
print([path for path in WRITES if not path.startswith(allowed)])
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.strip() == "[]"
