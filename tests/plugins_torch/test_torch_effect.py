"""Each hyperparameter of each model, changed, changes the configuration in effect and the result;
a change that changes no bit of the result is told to have had no effect."""

import pytest
from greenbench_torch.catalog import MODELS
from tiny_models import NO_EFFECT, changed, mutant, pairs, prepare_data, tiny

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
    """Each original is trained once: its bits, by its configuration."""
    return {}


def bits_of(originals, start, model, sizes):
    key = (model.name, *sizes.items())
    if key not in originals:
        originals[key] = start(model, prepare=False, **sizes).finish().bits()
    return originals[key]


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
