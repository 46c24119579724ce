"""The example of docs/hooks/models.md: it is what the page shows, it installs, it trains."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "fixtures" / "plugin-example"
PAGE = ROOT / "docs" / "hooks" / "models.md"

TRAIN = """
import json, sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from greenbench.api import Conditions
from greenbench.plugins import load_plugins

class Progress:
    def __init__(self):
        self.windows = []
    @contextmanager
    def window(self, kind, number=0):
        yield SimpleNamespace(report=lambda **_: None)
        self.windows.append([kind, number])
    def epoch(self, number):
        return self.window("epoch", number)
    def test(self):
        return self.window("test")

provided = load_plugins().models["two-clouds"]
module, name = provided.value.trainer.split(":")
runs = []
for seed, epochs in ((1, 20), (1, 20), (2, 20), (1, 3)):
    requested = provided.value.defaults() | {"epochs": epochs}
    conditions = Conditions(seed=seed, threads=1, scratch=Path(sys.argv[1]))
    trainer = getattr(import_module(module), name)(requested, conditions)
    trainer.prepare()
    progress = Progress()
    trainer.train(progress)
    metrics = trainer.test(progress)
    runs.append({"requested": requested, "effective": trainer.effective(), "metrics": metrics,
                 "weights": trainer.weights, "windows": progress.windows})
print(json.dumps({"distribution": provided.distribution, "runs": runs}))
"""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def test_the_page_shows_the_files_verbatim():
    page = PAGE.read_text()
    assert (EXAMPLE / "pyproject.toml").read_text() in blocks(page, "toml")
    assert (EXAMPLE / "greenbench_example.py").read_text() in blocks(page, "python")


def test_the_page_explains_every_method_of_a_trainer_and_every_field_of_a_model():
    from dataclasses import fields

    from greenbench.api import Model, Trainer

    page = PAGE.read_text()
    for method in vars(Trainer):
        if not method.startswith("_"):
            assert f"| `{method}(" in page, method
    for field in fields(Model):
        assert field.name == "description" or f"`{field.name}`" in page, field.name


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Built as a wheel and unpacked as pip would, beside the greenbench of this environment."""
    dist, site, scratch = (tmp_path_factory.mktemp(n) for n in ("dist", "site", "scratch"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)],
        cwd=EXAMPLE,
        check=True,
        capture_output=True,
    )
    (wheel,) = dist.glob("greenbench_example-*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(scratch)],
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_it_is_found_like_any_other_plugin(trained):
    assert trained["distribution"] == "greenbench-example"


def test_it_learns_and_repeats_for_a_seed(trained):
    first, again, other, _short = trained["runs"]
    assert first["metrics"]["accuracy"] > 0.9
    assert first["weights"] == again["weights"] != other["weights"]


def test_it_says_what_it_did(trained):
    for run in trained["runs"]:
        assert run["effective"] == run["requested"]
    short = trained["runs"][-1]
    assert short["windows"] == [["epoch", 1], ["epoch", 2], ["epoch", 3], ["test", 0]]
