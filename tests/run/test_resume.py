"""A run can be stopped at any moment by anything; the same command goes on from there."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from docker.errors import NotFound

from greenbench.host import lock
from greenbench.store import LOCK, Store, abandoned

from .conftest import EXECUTORS, GREENBENCH, each_once, kinds, measured, start, statuses, wait_for


@pytest.fixture(params=EXECUTORS)
def executor(request) -> str:
    return request.param


def containers(engine) -> list[dict]:
    return engine.client.containers(all=True, filters={"label": "greenbench.holder"})


def workers() -> list[psutil.Process]:
    everything = psutil.process_iter(["cmdline"])
    return [p for p in everything if "greenbench.worker" in (p.info["cmdline"] or [])]


def running(path) -> bool:
    """Whether a counted trial is in its training right now."""
    if not (path.parent / "out" / "results.sqlite").exists():
        return False
    try:
        store = Store.open(path.parent / "out", read_only=True)
    except Exception:
        return False
    row = store.connection.execute(
        """SELECT COUNT(*) FROM cohort_runs c JOIN trials t ON t.cohort = c.cohort
           WHERE c.status = 'running' AND c.go_s IS NOT NULL AND t.counted = 1"""
    ).fetchone()
    store.close()
    return row[0] > 0


def complete(path, executor: str) -> None:
    run = start(path, "--executor", executor)
    output, _ = run.communicate(timeout=200)
    assert run.returncode == 0, output


def test_killed_orchestrator(suite, executor, request) -> None:
    path = suite(epoch_s=0.4, scenarios='["solo", {kind = "homogeneous", copies = 2}]')
    run = start(path, "--executor", executor)
    wait_for(lambda: running(path))
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert "running" in statuses(path).values()
    before = measured(path)
    assert kinds(before) >= {"train", "metrics", "samples"}  # of the warm-up at least
    if executor == "process":
        wait_for(lambda: not workers(), 10)  # no orphan trains on
    complete(path, executor)
    each_once(path)
    assert before <= measured(path)
    if executor == "docker":
        assert containers(request.getfixturevalue("docker_engine")) == []


def test_ctrl_c_ends_the_cohort_and_the_same_command_goes_on(suite, executor, request) -> None:
    path = suite(epoch_s=0.4)
    run = start(path, "--executor", executor)
    wait_for(lambda: running(path))
    os.kill(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert "goes on from here" in output
    assert "interrupted" in statuses(path).values()
    if executor == "docker":
        assert containers(request.getfixturevalue("docker_engine")) == []
    else:
        assert workers() == []
    complete(path, executor)
    each_once(path)


def test_a_finished_suite_says_so_and_new_starts_another(suite) -> None:
    path = suite()
    complete(path, "process")
    again = start(path, "--executor", "process")
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert "nothing to do" in output
    assert "--new" in output
    each_once(path)

    command = [sys.executable, "-c", "from greenbench.cli import main; main()"]
    default = [*command, "suite", "run", str(path), "--executor", "process", "--quiet"]
    for options in ([], ["--new"]):
        done = subprocess.run(
            default + options, cwd=path.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len(list((path.parent / "reports").iterdir())) == 2


def test_other_conditions_are_refused_with_the_difference(suite) -> None:
    path = suite()
    run = start(path, "--executor", "process", "--fail-fast")
    wait_for(lambda: running(path))
    os.kill(run.pid, signal.SIGINT)
    run.communicate(timeout=60)
    store = Store.open(path.parent / "out")
    facts = json.loads(store.connection.execute("SELECT facts FROM sessions").fetchone()[0])
    facts["versions"]["greenbench-trouble"] = "0.9"
    store.connection.execute("UPDATE sessions SET facts = ?", (json.dumps(facts),))
    store.close()
    before = statuses(path)
    again = start(path, "--executor", "process")
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 7
    assert "versions.greenbench-trouble: was '0.9', is '1.0'" in output
    assert "--new" in output
    assert statuses(path) == before


def test_two_runs_of_one_result_set_exclude_each_other(suite) -> None:
    path = suite(epoch_s=0.5)
    first = start(path, "--executor", "process")
    wait_for(lambda: running(path))
    second = start(path, "--executor", "process")
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 7
    assert "another greenbench" in output
    first.communicate(timeout=60)
    assert first.returncode == 0
    each_once(path)


@pytest.mark.docker
def test_killed_at_random_points(suite, docker_engine) -> None:
    """SIGKILL after a random line of what it tells, `GREENBENCH_KILLS` times over; then the same
    command finishes it, and nothing is left: no container, no lock, no folder."""
    seed = int(os.environ.get("GREENBENCH_KILL_SEED") or random.randrange(10**6))
    kills = int(os.environ.get("GREENBENCH_KILLS", "3"))
    print(f"GREENBENCH_KILL_SEED={seed}")
    chance = random.Random(seed)
    scenarios = '["solo", {kind = "homogeneous", copies = 2}]'
    path = suite(epoch_s=0.1, timeout_s=100, scenarios=scenarios, blocks=1 + kills // 4)
    before: set[tuple] = set()
    for _ in range(kills):
        run = start(path, "--executor", "docker", "--json")
        for _line in range(chance.randrange(1, 30)):
            if not run.stdout.readline():
                break
        time.sleep(chance.uniform(0, 0.3))
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        now = measured(path)
        assert before <= now, "what was measured before a kill is there after it"
        before = now
    complete(path, "docker")
    each_once(path)
    assert before <= measured(path)
    store = Store.open(path.parent / "out", read_only=True)
    result_set = store.facts()["result_set"]
    (unfinished,) = store.connection.execute(
        "SELECT COUNT(*) FROM attempts WHERE status = 'running'"
    ).fetchone()
    store.close()
    assert unfinished == 0
    assert result_set not in {c["Labels"]["greenbench.holder"] for c in containers(docker_engine)}
    assert abandoned(path.parent / "out")
    assert lock.holder() is None
    assert not list(Path(tempfile.gettempdir()).glob(f"greenbench-{result_set[:12]}*"))


@pytest.mark.docker
def test_what_a_dead_run_left_goes_when_another_suite_starts(
    suite, docker_engine, tmp_path
) -> None:
    path = suite(epoch_s=0.1, timeout_s=100)
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    store = Store.open(path.parent / "out", read_only=True)
    dead = store.facts()["result_set"]
    store.close()
    image = next(c["Image"] for c in containers(docker_engine))
    live = tmp_path / "live"
    live.mkdir()

    def neighbour(name: str, folder: Path) -> str:
        labels = {"greenbench.holder": name, "greenbench.results": str(folder)}
        return docker_engine.client.create_container(image, command=["true"], labels=labels)["Id"]

    def holders_after_a_run(results: str) -> set[str]:
        command = [*GREENBENCH, "suite", "run", str(path), "--results", str(tmp_path / results)]
        done = subprocess.run(
            [*command, "--executor", "docker"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "left-over workers of earlier runs" in done.stdout + done.stderr
        return {c["Labels"]["greenbench.holder"] for c in containers(docker_engine)}

    made = [neighbour("of-a-live-run", live), neighbour("of-nobody-knows", tmp_path / "no")]
    try:
        with (live / LOCK).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            left = holders_after_a_run("other")
        assert dead not in left
        assert not list(Path(tempfile.gettempdir()).glob(f"greenbench-{dead[:12]}*"))
        assert {"of-a-live-run", "of-nobody-knows"} <= left, "only what can be seen to be dead"
        left = holders_after_a_run("third")  # nobody holds the lock any more
        assert "of-a-live-run" not in left
        assert "of-nobody-knows" in left
    finally:
        for container in made:
            with suppress(NotFound):
                docker_engine.client.remove_container(container, force=True)


def test_two_suites_do_not_measure_at_once_unless_told(suite, tmp_path) -> None:
    path = suite(epoch_s=1.0, timeout_s=100)
    first = start(path, "--executor", "process")
    wait_for(lambda: running(path))
    command = [*GREENBENCH, "suite", "run", str(path), "--results", str(tmp_path / "other")]
    command += ["--executor", "process"]

    def run(*arguments):
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    refused = run(*command)
    assert refused.returncode == 10
    assert f"suite 'trouble' (process {first.pid}" in refused.stderr
    assert "--share-host" in refused.stderr
    assert "Traceback" not in refused.stderr
    measured = run(*GREENBENCH, "measure", "--", "true")
    assert measured.returncode == 0
    assert f"(process {first.pid}" in measured.stderr
    shared = run(*command, "--share-host")
    assert shared.returncode == 0, shared.stderr
    output, _ = first.communicate(timeout=120)
    assert first.returncode == 0, output
    for folder in ("out", "other"):
        report = run(*GREENBENCH, "report", str(tmp_path / folder)).stdout
        assert "--share-host" in " ".join(report.split()), folder
