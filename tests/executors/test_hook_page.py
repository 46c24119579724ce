"""The example of docs/hooks/executors.md works as it stands there."""

import os
import re
from pathlib import Path

import pytest

from greenbench.api import Executor
from greenbench.executors.plugin import greenbench_executors
from greenbench.hookspecs import greenbench_executors as specification

PAGE = Path(__file__).parents[2] / "docs" / "hooks" / "executors.md"


@pytest.fixture
def example():
    code = next(
        c for c in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "class" in c
    )
    module = {"__name__": "pinned"}
    exec(compile(code, str(PAGE), "exec"), module)
    return next(iter(module["greenbench_executors"]()))


def test_hook_greenbench_executors_runs_the_pages_example(example, probe, talk):
    here = os.sched_getaffinity(0)
    trial = talk(example, probe)
    trial.until("ready")
    assert os.sched_getaffinity(trial.running._tree.pid) == {min(here)}
    assert os.sched_getaffinity(0) == here


def test_the_page_shows_the_hooks_signature():
    assert f"def {specification.__name__}() -> Iterable[Executor]" in PAGE.read_text()


def test_the_built_in_executors_keep_the_contract_they_publish():
    executors = list(greenbench_executors())
    assert [executor.name for executor in executors] == ["docker", "process"]
    assert all(isinstance(executor, Executor) for executor in executors)
    assert [bool(executor.gives_up) for executor in executors] == [False, True]
