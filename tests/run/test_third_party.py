"""A stranger's plugin: from a wheel into a fresh environment, and it trains in a container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "fixtures" / "plugin-example"
SUITE = """
name = "third-party"
seed = 1
blocks = 1
[measure]
idle_s = 0.2
idle_between_s = 0.1
ready_idle_s = 0.1
[limits]
memory_mb = 256
[[study]]
model = "two-clouds"
hyperparameters = { epochs = 2 }
[[study.mutate]]
operator = "learning_rate"
factors = [0.5]
"""


def wheel(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    before = set(folder.glob("*.whl"))
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = set(folder.glob("*.whl")) - before
    return made


def lend(requirements: list[str], site: Path) -> None:
    """Links installed distributions, with all they need, into `site`: no index has to answer."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = distribution(requirement.name)
        tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        new = [top for top in tops if not (site / top).exists()]
        for top in new:
            (site / top).symlink_to(found.locate_file(top))
        if new:
            lend(found.requires or [], site)


@pytest.fixture
def environment(tmp_path):
    """A virtual environment with greenbench from its wheel, and what that declares to need."""
    folder = tmp_path / "fresh"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python3*/site-packages")
    install(folder, wheel(ROOT, tmp_path))
    (made,) = metadata.distributions(path=[str(site)])
    lend(made.requires or [], site)
    yield folder
    remove_images("greenbench-example 0.1.0")


def remove_images(distribution: str) -> None:
    label = f"label=greenbench.distribution={distribution}"
    listed = ["docker", "images", "--quiet", "--filter", label]
    found = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    for image in set(found.split()):
        subprocess.run(["docker", "image", "rm", "-f", image], check=True, capture_output=True)


def install(environment: Path, path: Path) -> None:
    python = str(environment / "bin" / "python")
    options = ["--no-index", "--no-deps", "--force-reinstall", "--quiet"]
    command = [sys.executable, "-m", "pip", "--python", python, "install", *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)


def run(environment: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(environment / "bin" / "greenbench"), *arguments],
        cwd=folder, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip


def suite_run(environment: Path, folder: Path, out: str) -> tuple[list[str], dict[str, str]]:
    """Which images were built, and how the trials ended."""
    command = ("suite", "run", "suite.toml", "--executor", "docker", "--json", "--results", out)
    done = run(environment, folder, *command)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    lines = [event.get("line", "") for event in events if event["event"] == "prepare"]
    ended = {event["key"]: event["status"] for event in events if event["event"] == "trial_end"}
    return [line for line in lines if line.startswith("building ")], ended


def test_a_wheel_in_a_fresh_environment_trains_and_a_changed_line_rebuilds_its_layer_alone(
    environment, tmp_path
):
    (tmp_path / "suite.toml").write_text(SUITE)
    source = tmp_path / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    install(environment, wheel(source, tmp_path))

    built, ended = suite_run(environment, tmp_path, "one")
    assert len(built) == 1
    assert "greenbench-example 0.1.0 on greenbench/plain:" in built[0]
    assert set(ended.values()) == {"completed"}

    module = source / "greenbench_example.py"
    module.write_text(module.read_text().replace("two inputs", "2 inputs"))
    (tmp_path / "greenbench_example-0.1.0-py3-none-any.whl").unlink()
    install(environment, wheel(source, tmp_path))
    rebuilt, ended = suite_run(environment, tmp_path, "two")
    assert len(rebuilt) == 1
    assert rebuilt[0].partition(" on ")[2] == built[0].partition(" on ")[2], "the same framework"
    assert rebuilt[0] != built[0]
    assert set(ended.values()) == {"completed"}

    report = run(environment, tmp_path, "report", "one", "--format", "md").stdout
    image = built[0].removeprefix("building ").partition(": ")[0]
    assert f"Environment of two-clouds: {image} sha256:" in report
    run(environment, tmp_path, "results", "export", "one", "--output", "tables")
    packages = pd.read_csv(tmp_path / "tables" / "packages.csv")
    versions = dict(zip(packages["package"], packages["version"], strict=True))
    assert versions["greenbench-example"] == "0.1.0"
    assert {"greenbench", "pluggy", "pip"} <= set(versions)
    assert set(packages["id"].str[:7]) == {"sha256:"}
    assert f"{len(packages)} by version in" in report
