"""Plugins are found through entry points; a broken one is named and everything else works on."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from greenbench import plugins as plugins_module
from greenbench.plugins import load_plugins

GOOD = """
from greenbench.api import Hyperparameter, Metric, Model
from greenbench.hookspecs import hookimpl

@hookimpl
def greenbench_models():
    yield Model(
        name="NAME", framework="plain", trainer="nowhere:Trainer",
        hyperparameters=(Hyperparameter(name="epochs", default=5, low=1),),
        metrics=(Metric(name="accuracy", direction="maximize"),),
    )
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a distribution with one plugin module on the path, as pip would leave it there."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, code: str, version: str = "1.0") -> None:
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(code))
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[greenbench]\nmain = {module}\n")

    yield install
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def problem_of(found, distribution: str):
    (problem,) = [p for p in found.problems if p.distribution == distribution]
    return problem


def test_a_third_party_works_without_any_built_in(distribution, monkeypatch) -> None:
    monkeypatch.setattr(plugins_module, "BUILTINS", ())
    distribution("gb-good", GOOD.replace("NAME", "lonely"))
    found = load_plugins()
    assert found.models["lonely"].distribution == "gb-good"
    assert found.models["lonely"].version == "1.0"
    assert found.operators.names() == []


def test_built_ins_come_through_the_same_door() -> None:
    found = load_plugins()
    assert {"epochs", "learning_rate", "null", "seed"} <= set(found.operators.names())
    assert {"docker", "process"} <= set(found.executors.names())
    assert {"nvml", "rapl", "pyrapl", "estimate"} <= set(found.energy.names())
    assert found.operators["epochs"].distribution == "greenbench"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("raise SystemExit(3)", "SystemExit"),
        ("1/0", "ZeroDivisionError"),
        (
            """
            from greenbench.hookspecs import hookimpl
            @hookimpl
            def greenbench_models(surprise): ...
            """,
            "surprise",
        ),
        (
            """
            from greenbench.hookspecs import hookimpl
            @hookimpl
            def greenbench_modles(): ...
            """,
            "greenbench_modles",
        ),
        (
            """
            from greenbench.hookspecs import hookimpl
            @hookimpl
            def greenbench_models():
                raise RuntimeError("not today")
            """,
            "not today",
        ),
        (
            """
            from greenbench.hookspecs import hookimpl
            @hookimpl
            def greenbench_models():
                yield "a string"
            """,
            "not a greenbench.api.Model",
        ),
        (
            """
            from greenbench.hookspecs import hookimpl
            class Half:
                name = "half"
            @hookimpl
            def greenbench_operators():
                yield Half()
            """,
            "lacks mutate()",
        ),
        (GOOD.replace("NAME", "bad").replace("low=1", "low=9"), "[9, ∞]"),
        (GOOD.replace("NAME", "bad").replace("epochs", "lr,decay"), "'lr,decay': a comma stands"),
    ],
)
def test_a_broken_plugin_is_blamed_and_the_rest_works(distribution, code, expected) -> None:
    distribution("gb-broken", code, "2.5")
    distribution("gb-good", GOOD.replace("NAME", "fine"))
    found = load_plugins()
    problem = problem_of(found, "gb-broken")
    assert expected in problem.error
    assert problem.version == "2.5"
    assert "fine" in found.models
    assert "learning_rate" in found.operators


def test_a_name_claimed_twice_belongs_to_nobody_and_names_both(distribution) -> None:
    distribution("gb-one", GOOD.replace("NAME", "twice"))
    distribution("gb-two", GOOD.replace("NAME", "twice"))
    found = load_plugins()
    assert "twice" not in found.models
    for name in ("gb-one", "gb-two"):
        assert "gb-one 1.0, gb-two 1.0" in problem_of(found, name).error


def test_a_built_in_keeps_its_name(distribution) -> None:
    distribution(
        "gb-thief",
        """
        from greenbench.hookspecs import hookimpl
        class Mine:
            name = "learning_rate"
            description = ""
            def mutate(self, model, original, request, random): return []
        @hookimpl
        def greenbench_operators():
            yield Mine()
        """,
    )
    found = load_plugins()
    assert found.operators["learning_rate"].distribution == "greenbench"
    assert "claimed by more than one" in problem_of(found, "gb-thief").error


def test_plugins_can_be_disabled_by_distribution(distribution, monkeypatch) -> None:
    distribution("gb-good", GOOD.replace("NAME", "fine"))
    monkeypatch.setenv(plugins_module.DISABLE, "gb_good")
    assert "fine" not in load_plugins().models


def test_a_failing_lifecycle_hook_is_reported_and_the_others_are_called(distribution) -> None:
    code = """
    from greenbench.hookspecs import hookimpl
    calls = []
    @hookimpl
    def greenbench_suite_begin(suite):
        calls.append(suite)
        {then}
    """
    distribution("gb-fails", code.format(then="raise OSError('no room')"))
    distribution("gb-hears", code.format(then=""))
    found = load_plugins()
    (problem,) = found.notify("greenbench_suite_begin", suite="quick", trials=3, results="x")
    assert problem.distribution == "gb-fails"
    assert "no room" in problem.error
    assert sys.modules["gb_hears"].calls == ["quick"]
