"""What greenbench-torch says of its models before any framework is there."""

import subprocess
import sys

from greenbench_torch.catalog import BY_NAME, MODELS

from greenbench.plugins import load_plugins

HEAVY = ("torch", "tensorflow", "keras", "numpy", "sklearn", "scipy", "pandas")


def test_models_are_described_without_a_framework():
    code = (
        "import sys; from greenbench_torch import plugin\n"
        "models = list(plugin.greenbench_models())\n"
        f"print([m.name for m in models], [n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{[m.name for m in MODELS]} []"


def test_naming_a_trainer_imports_no_framework_either():
    """The trainer settles the process first: an early import would come before it."""
    code = f"import sys, greenbench_torch.trainers\nprint([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_greenbench_finds_them_through_the_entry_point():
    plugins = load_plugins()
    assert [p for p in plugins.problems if p.distribution == "greenbench-torch"] == []
    for model in MODELS:
        assert plugins.models[model.name].distribution == "greenbench-torch"
        assert plugins.models[model.name].value is model


def test_values_that_would_wreck_a_training_are_out_of_bounds():
    for model in (BY_NAME["digits-mlp"], BY_NAME["digits-cnn"]):
        by_name = {h.name: h for h in model.hyperparameters}
        for name, value in (
            ("epochs", 0),
            ("learning_rate", 0.0),
            ("batch_size", 1101),  # more than there are images: would run as 1100
            ("dropout", 1.0),
            ("weight_decay", -0.1),
            ("optimizer", "adagrad"),
            ("schedule", "linear"),
        ):
            assert by_name[name].problem(value), f"{model.name}: {name} = {value}"


def test_the_published_defaults_are_the_studys():
    """arXiv 2603.06195: what it mutates, with the defaults that it starts from."""
    published = {
        "mnist-cnn": {"epochs": 14, "learning_rate": 1.0, "gamma": 0.7},
        "mnist-forward-forward": {"epochs": 1000, "learning_rate": 0.03, "threshold": 2},
        "mnist-siamese": {"epochs": 14, "learning_rate": 1.0, "gamma": 0.7},
        "cifar10-resnet20": {"epochs": 200, "learning_rate": 0.2, "weight_decay": 0.0001},
        "market1501-hrnet18": {"epochs": 60, "learning_rate": 0.05, "weight_decay": 0.0005},
    }
    by_name = {model.name: model for model in MODELS}
    ruled = {"epochs", "learning_rate", "gamma", "weight_decay", "threshold"}
    for name, expected in published.items():
        defaults = by_name[name].defaults()
        assert {h: v for h, v in defaults.items() if h in ruled} == expected


def test_what_a_model_can_train_on_is_offered_as_data_sets():
    plugins = load_plugins()
    for model in MODELS:
        hyperparameter = model.hyperparameter("data")
        if hyperparameter is not None:
            sets = [plugins.data_sets[name].value for name in hyperparameter.choices]
            assert any(not data_set.source for data_set in sets), f"{model.name}: nothing offline"
            assert not sets[0].synthetic
