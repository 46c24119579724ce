"""Each hyperparameter of each model, changed, changes the configuration in effect and the result;
a change that changes no bit of the result is told to have had no effect."""

import pytest
from greenbench_torch.catalog import MODELS
from tiny_models import (
    HELD,
    IN_ORDER,
    NO_EFFECT,
    STEPS,
    changed,
    drawn,
    held,
    mutant,
    pairs,
    prepare_data,
    tiny,
)

from greenbench.proof import configuration_problem, differences

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("quick_data")]

BY_NAME = {model.name: model for model in MODELS}
ALL = [pytest.param(model, name, id=f"{model.name}-{name}") for model, name in pairs(MODELS)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepare_data(folder)
    return folder


@pytest.fixture(scope="module")
def originals():
    """Each original is trained once, by its configuration."""
    return {}


def original_of(originals, start, model, sizes):
    key = (model.name, *sizes.items())
    if key not in originals:
        originals[key] = start(model, prepare=False, **sizes).finish()
    return originals[key]


def bits_of(originals, start, model, sizes):
    return original_of(originals, start, model, sizes).bits()


def told(run):
    """What it says was in effect, once what it was asked for is out of its reach."""
    training = run.trainer.training
    if hasattr(training, "asked"):
        training.asked.values.clear()
    else:
        training.settings = None
    return run.trainer.effective()


@pytest.mark.parametrize(("model", "name"), ALL)
def test_it_changes_what_was_in_effect_and_the_result(start, originals, prepared, model, name):
    sizes = tiny(model)
    new = changed(model, name)
    run = start(model, prepared=prepared, prepare=False, **{**sizes, name: new}).finish()
    effective = told(run)
    assert differences(run.requested, effective) == []
    assert configuration_problem(mutant(run.requested, name, sizes[name]), effective) is None
    assert run.bits() != bits_of(originals, start, model, sizes)


@pytest.mark.parametrize("name", ["mnist-cnn", "cifar10-resnet20", "market1501-hrnet18"])
def test_prepared_data_are_in_memory_before_training_starts(start, tmp_path, name):
    """What is mapped would be read from the disk inside a measured window."""
    prepare_data(tmp_path)
    model = BY_NAME[name]
    sizes = tiny(model) | {"data": model.hyperparameter("data").default}
    first = start(model, prepared=tmp_path, prepare=False, **sizes).finish()
    again = start(model, prepared=tmp_path, prepare=False, **sizes)
    for file in tmp_path.rglob("*.npy"):
        with file.open("r+b") as stream:
            stream.write(bytes(file.stat().st_size))
    again.finish()
    assert again.bits() == first.bits()
    assert again.metrics == first.metrics


@pytest.mark.parametrize(("model", "changes", "name", "value"), NO_EFFECT)
def test_a_change_that_changes_no_bit_is_told_to_have_had_no_effect(
    start, originals, model, changes, name, value
):
    model = BY_NAME[model]
    sizes = tiny(model) | changes
    run = start(model, prepare=False, **{**sizes, name: value}).finish()
    assert run.bits() == bits_of(originals, start, model, sizes)
    trial = mutant(run.requested, name, sizes[name])
    kind, text = configuration_problem(trial, told(run))
    assert kind == "configuration"
    assert "had no effect" in text


@pytest.mark.parametrize("name", HELD)
def test_what_the_optimizer_held_and_the_steps_taken_are_told(start, originals, name):
    run = original_of(originals, start, BY_NAME[name], tiny(BY_NAME[name]))
    effective = run.trainer.effective()
    expected = held(name)
    assert {key: effective[key] for key in expected} == pytest.approx(expected)
    assert effective["steps"] == effective["planned_steps"]
    assert effective["steps"] == STEPS.get(name, effective["steps"])
    moved = sum(n for key, n in effective.items() if key.startswith("group") and "param" in key)
    assert moved == run.trainer.environment()["parameters"]
    assert not [key for key in effective if key.endswith("_at_end")]


def fewer_batches(training):
    batches = training.batches
    training.batches = lambda epoch: list(batches(epoch))[:-1]


def no_momentum(training):
    training.optimizer.param_groups[0]["momentum"] = 0.0


def momentum_lost_on_the_way(training):
    learn = training.learn

    def learned(batches):
        done = learn(batches)
        training.optimizer.param_groups[0]["momentum"] = 0.0
        return done

    training.learn = learned


def constant_rate(training):
    """The schedule is moved, and the optimizer keeps its rate."""
    move = training.schedule.step

    def moved():
        rate = training.optimizer.param_groups[0]["lr"]
        move()
        training.optimizer.param_groups[0]["lr"] = rate

    training.schedule.step = moved


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (fewer_batches, "took 2 optimizer steps, but epochs, data and batch size come to 4"),
        (no_momentum, "momentum: asked for 0.9, used 0.0"),
        (momentum_lost_on_the_way, "momentum: asked for 0.9, used nan"),
        (constant_rate, "decay_factor: asked for 0.1, used 1.0"),
    ],
)
def test_what_never_took_effect_is_told(start, spoil, said):
    """The request says nothing of it: it is what optimizer and loop did."""
    model = BY_NAME["cifar10-resnet20"]
    run = start(model, prepare=False, **tiny(model))
    spoil(run.trainer.training)
    run.finish()
    trial = mutant(run.requested, "learning_rate", 0.05)
    kind, text = configuration_problem(trial, told(run))
    assert kind == "configuration"
    assert said in text


@pytest.mark.parametrize(
    ("name", "size", "steps"), [("mnist-siamese", 11, 7), ("cifar10-resnet20", 59, 1)]
)
def test_one_item_that_is_left_is_no_batch_for_batch_normalisation(start, name, size, steps):
    """78 pairs in batches of 11, 60 images in batches of 59: the last batch would be of one."""
    model = BY_NAME[name]
    run = start(model, **tiny(model) | {"batch_size": size, "epochs": 1}).finish()
    effective = told(run)
    assert effective["steps"] == effective["planned_steps"] == steps
    assert differences(run.requested, effective) == []


@pytest.mark.parametrize("name", IN_ORDER)
def test_it_sees_the_shared_order(start, originals, name):
    from greenbench_data import load

    sizes = tiny(BY_NAME[name])
    training = original_of(originals, start, BY_NAME[name], sizes).trainer.training
    seen = [
        [part.tolist() for part in batch[:2]] if isinstance(batch, tuple) else batch.tolist()
        for batch in training.batches(2)
    ]
    labels = load.classification("digits-28x28", share=sizes["data_share"]).train.labels
    assert seen == drawn(name, training.portions.items, labels, seed=1, epoch=2)
