"""The page of the hook: its signature is the hook's, and its example works as printed."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_plugins import model, plugins

from greenbench import hookspecs
from greenbench.errors import SuiteError
from greenbench.plan import build_plan
from greenbench.plugins import load_plugins
from greenbench.suite.load import parse_suite

PAGE = (Path(__file__).parents[2] / "docs" / "hooks" / "operators.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SUITE = 'name = "s"\n[[study]]\nmodel = "net"\n'


def blocks(language):
    return [text for kind, text in BLOCKS if kind == language]


def test_the_signature_is_the_hooks():
    signature = inspect.signature(hookspecs.greenbench_operators)
    assert f"def greenbench_operators{signature}".replace("'", "") in blocks("python")[0]


def test_the_example_works_in_the_suite_that_the_page_shows():
    namespace = {}
    exec(blocks("python")[1], namespace)
    registry = plugins(operators=namespace["greenbench_operators"]())
    use = blocks("toml")[1]
    plan = build_plan(parse_suite(SUITE + use, registry), registry)
    shown = {str(trial.mutation) for trial in plan.trials() if trial.mutation}
    assert "batch_size: 32 → 64, learning_rate: 0.1 → 0.2" in shown
    with pytest.raises(SuiteError, match=r"factors\[0\]: batch_size must be in \[1, 1100\]"):
        parse_suite(SUITE + use.replace("0.5", "900.0"), registry)
    with pytest.raises(SuiteError, match="net has no batch_size and no learning_rate"):
        parse_suite(
            SUITE + use,
            plugins(model(hyperparameters=()), operators=[namespace["LinearScaling"]()]),
        )


def test_an_installed_example_is_found_through_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "shrink.py").write_text(blocks("python")[1], encoding="utf-8")
    info = tmp_path / "greenbench_shrink-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Name: greenbench-shrink\nVersion: 1.0\n", "utf-8")
    info.joinpath("entry_points.txt").write_text("[greenbench]\nshrink = shrink\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    provided = load_plugins().operators["linear_scaling"]
    assert (provided.distribution, provided.version) == ("greenbench-shrink", "1.0")


def test_registering_the_built_ins_is_light():
    code = """
import sys, greenbench.mutation.plugin
heavy = {'pydantic', 'numpy', 'pandas', 'scipy'} & set(sys.modules)
sys.exit(bool(heavy))
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
