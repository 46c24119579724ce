"""Both frameworks train through the whole way: hosts without them use containers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import EXECUTORS, GREENBENCH, each_once

SUITE = """
name = "frameworks"
seed = 3
blocks = 1
[measure]
idle_s = 0.2
idle_between_s = 0.1
[limits]
memory_mb = 2048
[[study]]
model = "digits-mlp"
scenarios = [{kind = "homogeneous", copies = 2}]
hyperparameters = {epochs = 2}
[[study.mutate]]
operator = "optimizer"
values = ["sgd"]
[[study]]
model = "digits-cnn-keras"
hyperparameters = {epochs = 2}
[[study.mutate]]
operator = "learning_rate"
factors = [0.5]
"""

pytestmark = [pytest.mark.torch, pytest.mark.tensorflow]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_torch_and_tensorflow_train_and_report(tmp_path: Path, executor: str) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    out = tmp_path / "out"
    command = ["suite", "run", str(path), "--results", str(out), "--executor", executor, "--json"]
    done = subprocess.run(
        [*GREENBENCH, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = [event for event in events if event["event"] == "trial_end"]
    assert {event["status"] for event in ended} == {"completed"}
    assert all(0.1 < event["metrics"]["accuracy"] <= 1.0 for event in ended)
    each_once(path)
    same_seed = {}
    for event in ended:
        if event["arm"] == "original" or event["arm"].startswith("null"):
            same_seed.setdefault((event["study"], event["slot"]), set()).add(
                event["metrics"]["accuracy"]
            )
    assert all(len(found) == 1 for found in same_seed.values()), "a null mutant changes nothing"
    markdown = subprocess.run(
        [*GREENBENCH, "report", str(out), "--format", "md"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for text in (
        "optimizer: adam → sgd",
        "learning_rate: 0.001 → 0.0005",
        "digits-mlp/homogeneous-2",
    ):
        assert text in markdown


def test_a_host_with_containers_needs_no_framework() -> None:
    """Nothing that plans, runs or reports imports a framework on the host."""
    code = (
        "import sys\n"
        "from greenbench.plugins import load_plugins\n"
        "import greenbench.session, greenbench.report\n"
        "models = load_plugins().models\n"
        "assert {'digits-mlp', 'digits-cnn-keras'} <= set(models.offered)\n"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'sklearn') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
