"""Suites of the fixture plugin that goes wrong, run through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from greenbench.errors import ResultsError
from greenbench.store import Store

GREENBENCH = [sys.executable, "-c", "from greenbench.cli import main; main()"]
EXECUTORS = [pytest.param("process"), pytest.param("docker", marks=pytest.mark.docker)]

SUITE = """
name = "trouble"
seed = 1
blocks = {blocks}
[measure]
idle_s = 0.3
idle_between_s = 0.1
ready_idle_s = 0.1
[limits]
timeout_s = {timeout_s}
ready_timeout_s = 20
memory_mb = 256
[[study]]
model = "trouble"
scenarios = {scenarios}
hyperparameters = {{ epoch_s = {epoch_s} }}
[[study.mutate]]
operator = "epochs"
values = [3]
"""

TROUBLE = """
[[study.mutate]]
operator = "hyperparameter"
options = {{ name = "trouble" }}
values = {values}
"""


@pytest.fixture
def suite(tmp_path: Path):
    """Writes a suite of the model `trouble`; returns its path."""

    def write(*, blocks=1, epoch_s=0.05, timeout_s=10, scenarios='["solo"]', troubles=()) -> Path:
        text = SUITE.format(
            blocks=blocks, epoch_s=epoch_s, timeout_s=timeout_s, scenarios=scenarios
        )
        if troubles:
            text += TROUBLE.format(values=json.dumps(list(troubles)))
        path = tmp_path / "suite.toml"
        path.write_text(text)
        return path

    return write


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    """`greenbench suite run` in the background, in a group of its own."""
    return subprocess.Popen(
        [*GREENBENCH, "suite", "run", str(path), "--results", str(path.parent / "out"), *options],
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def statuses(path: Path) -> dict[str, str]:
    """Status by trial key, from the stable JSON of `results show`."""
    done = subprocess.run(
        [*GREENBENCH, "results", "show", str(path.parent / "out"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {trial["key"]: trial["status"] for trial in json.loads(done.stdout)["trials"]}


def planned(path: Path) -> list[str]:
    """Trial keys in order, from the stable JSON of `suite plan`."""
    done = subprocess.run(
        [*GREENBENCH, "suite", "plan", str(path), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [trial["key"] for trial in json.loads(done.stdout)["trials"]]


def wait_for(condition, limit_s: float = 60.0):
    """Polls until `condition()` is true; returns what it returned."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def measured(path: Path) -> set[tuple]:
    """All that is known of completed attempts, and all samples; each row says first what it is.

    What is in it once has to stay in it, whatever happens to greenbench.
    """
    try:
        store = Store.open(path.parent / "out", read_only=True)
    except ResultsError:
        return set()  # not there yet
    rows = store.connection.execute(
        """SELECT w.kind, w.number, a.trial, a.id, e.channel, e.energy_j
           FROM attempts a JOIN windows w
                ON w.attempt = a.id OR (w.attempt IS NULL AND w.cohort_run = a.cohort_run)
           JOIN energies e ON e.window = w.id
           WHERE a.status = 'completed' AND e.energy_j IS NOT NULL"""
    ).fetchall()
    rows += store.connection.execute(
        "SELECT 'metrics', trial, id, metrics, cpu_time_s FROM attempts WHERE status = 'completed'"
    ).fetchall()
    rows += store.connection.execute(
        "SELECT 'samples', session, channel, first_s, last_s, chunk FROM samples"
    ).fetchall()
    store.close()
    return {tuple(row) for row in rows}


def kinds(found: set[tuple]) -> set[str]:
    """What `measured` found: windows with an energy, metrics, samples."""
    return {row[0] for row in found}


def each_once(path) -> None:
    keys = planned(path)
    assert statuses(path) == dict.fromkeys(keys, "completed")
    store = Store.open(path.parent / "out")
    counted = store.connection.execute(
        "SELECT trial, COUNT(*) FROM attempts WHERE status = 'completed' GROUP BY trial"
    ).fetchall()
    store.close()
    assert sorted(counted) == sorted((key, 1) for key in keys)
