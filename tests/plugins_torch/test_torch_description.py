"""What greenbench-torch says of its models before any framework is there."""

import subprocess
import sys

from greenbench_torch.catalog import MODELS

from greenbench.plugins import load_plugins

HEAVY = ("torch", "tensorflow", "keras", "numpy", "sklearn", "scipy", "pandas")


def test_models_are_described_without_a_framework():
    code = (
        "import sys; from greenbench_torch import plugin\n"
        "models = list(plugin.greenbench_models())\n"
        f"print([m.name for m in models], [n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['digits-mlp', 'digits-cnn'] []"


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
    for model in MODELS:
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
