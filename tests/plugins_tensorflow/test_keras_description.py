"""What greenbench-tensorflow says of its models before any framework is there."""

import subprocess
import sys

from greenbench_tensorflow.catalog import BY_NAME, MODELS

from greenbench.plugins import load_plugins

HEAVY = ("torch", "tensorflow", "keras", "numpy", "sklearn", "scipy", "pandas")


def test_the_model_is_described_without_a_framework():
    code = (
        "import sys, greenbench_tensorflow.trainers; from greenbench_tensorflow import plugin\n"
        "models = list(plugin.greenbench_models())\n"
        f"print([m.name for m in models], [n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{[model.name for model in MODELS]} []"


def test_greenbench_finds_it_through_the_entry_point():
    plugins = load_plugins()
    assert [p for p in plugins.problems if p.distribution == "greenbench-tensorflow"] == []
    assert plugins.models["digits-cnn-keras"].value is BY_NAME["digits-cnn-keras"]


def test_every_trainer_is_there():
    from greenbench_tensorflow import trainers

    for model in MODELS:
        module, _, name = model.trainer.partition(":")
        assert module == trainers.__name__
        assert hasattr(trainers, name)
