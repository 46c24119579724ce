"""What a run keeps beside energy, and what it does with measurements that are not valid."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from greenbench.api import Scenario, Trial
from greenbench.report import results_json
from greenbench.store import Store
from greenbench.watch import Watch

SUITE = """
name = "watched"
seed = 1
blocks = 1
[measure]
idle_s = 0.5
idle_between_s = 0.1
ready_idle_s = 0.1
[limits]
memory_mb = 256
[[study]]
model = "trouble"
scenarios = ["solo"]
hyperparameters = { epoch_s = 0.7 }
[[study.mutate]]
operator = "epochs"
values = [3]
"""
HEATED = 0x40
EXECUTORS = [pytest.param("process"), pytest.param("docker", marks=pytest.mark.docker)]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def strangers():
    """Two processes that are none of greenbench's."""
    found = [subprocess.Popen(SLEEP) for _ in range(2)]
    yield found
    for stranger in found:
        stranger.kill()
        stranger.wait()


@contextmanager
def results(folder):
    """A result set's database, rows by name."""
    database = sqlite3.connect(folder / "results.sqlite")
    database.row_factory = sqlite3.Row
    with closing(database):
        yield database


def severities(folder) -> list[dict[str, str]]:
    """Each trial's checks, by name."""
    with closing(Store.open(folder, read_only=True)) as store:
        trials = results_json(store)["trials"]
    return [{check["check"]: check["severity"] for check in t["checks"]} for t in trials]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_trial_is_watched(simulated_host, tmp_path, executor):
    (tmp_path / "suite.toml").write_text(SUITE)
    out = tmp_path / "out"
    with simulated_host() as host:
        host.gpu.set(0, throttle=HEATED, utilization=80, temperature=71)
        done = host.run("suite", "run", "suite.toml", "--results", out, "--executor", executor)
        assert done.returncode == 0, done.stdout + done.stderr
    with results(out) as database:
        for (attempt,) in database.execute("SELECT id FROM attempts").fetchall():
            rows = [*database.execute("SELECT * FROM usage_1hz WHERE attempt = ?", (attempt,))]
            used = [row["cpu_time_s"] for row in rows]
            assert len(rows) >= 2
            assert used == sorted(used)
            assert rows[-1]["memory_peak_bytes"] >= rows[0]["memory_bytes"] > 0
            network = {row["network_sent_bytes"] for row in rows} - {None}
            assert network == ({0} if executor == "docker" else set())  # no network, or not known
            (summed,) = database.execute("SELECT * FROM usage WHERE attempt = ?", (attempt,))
            assert summed["cpu_utilization"] >= 0
            assert summed["gpu_utilization"] is None  # the trial uses no GPU: null, not 0
        gpus = [*database.execute("SELECT * FROM gpu_1hz")]
    assert {row["temperature_c"] for row in gpus} == {71.0}
    assert {row["utilization"] for row in gpus} == {0.8}
    assert {row["foreign_processes"] for row in gpus} == {0}
    for found in severities(out):
        assert found["gaps"] == found["foreign_gpu"] == "ok"
        assert found.get("throttling") != "fail", "it is not a GPU of the trial that is hot"


def test_a_throttled_trial_beside_strangers_is_left_out(simulated_host, tmp_path, strangers):
    (tmp_path / "suite.toml").write_text(SUITE.replace("[limits]", "[limits]\ngpus = 1"))
    out = tmp_path / "out"
    with simulated_host() as host:
        host.gpu.set(0, throttle=HEATED, utilization=80)
        host.gpu.processes(0, [(strangers[0].pid, 30, 10, 1e9)])
        run = ("suite", "run", "suite.toml", "--results", out, "--executor", "process")
        done = host.run(*run, "--share-host")
        assert done.returncode == 0, done.stdout + done.stderr
        told = host.run("report", out, "--format", "md").stdout
        asked = host.run("report", out, "--format", "md", "--include-invalid").stdout
    with results(out) as database:
        rows = database.execute("SELECT foreign_processes FROM gpu_1hz").fetchall()
        assert {row["foreign_processes"] for row in rows} == {1}
        facts = json.loads(database.execute("SELECT facts FROM sessions").fetchone()[0])
    assert facts["host_state"]["gpus"][0]["processes"][0]["pid"] == strangers[0].pid
    assert any(d["what"] == "GPU process" for d in facts["disturbances"])
    for found in severities(out):
        assert found["throttling"] == found["foreign_gpu"] == "fail"
        assert found["gaps"] == "ok"
    with closing(Store.open(out, read_only=True)) as store:
        for trial in results_json(store)["trials"]:
            assert trial["valid"] is False
            assert not trial["counted"] or trial["energy_j"] > 0  # the record keeps it
    limits = told.split("## What limits")[1]
    assert "left out: the measurement failed a check" in told
    assert "hardware thermal slowdown" in limits
    assert "| throttling |" in limits
    results_of = [text.split("## How far to trust it")[0] for text in (told, asked)]
    assert ["epochs: 2 → 3 |" in text for text in results_of] == [False, True]
    assert "epochs: 2 → 3 |" in told, "what it would be with them is said where trust is judged"


def test_a_trial_is_judged_by_its_own_gpu(simulated_host, tmp_path):
    """Side by side on a GPU each: what one GPU does is no word on the trial beside it."""
    each = '[{ kind = "homogeneous", copies = 2, gpu = "each" }]'
    suite = SUITE.replace('["solo"]', each).replace("[limits]", "[limits]\ngpus = 2")
    (tmp_path / "suite.toml").write_text(suite)
    out = tmp_path / "out"
    with simulated_host(gpus=2) as host:
        host.gpu.set(0, utilization=80, temperature=71, memory_bytes=8e9, clock_mhz=1400)
        host.gpu.set(1, utilization=10, temperature=50, memory_bytes=2e9, throttle=HEATED)
        done = host.run("suite", "run", "suite.toml", "--results", out, "--executor", "process")
        assert done.returncode == 0, done.stdout + done.stderr
    with results(out) as database:
        rows = database.execute(
            """SELECT t.slot, round(u.gpu_utilization, 6), u.gpu_temperature_max_c,
                      u.gpu_memory_peak_bytes, u.gpu_throttled, c.severity
               FROM usage u JOIN attempts a ON a.id = u.attempt JOIN trials t ON t.key = a.trial
               JOIN checks c ON c.attempt = a.id AND c."check" = 'throttling'
               WHERE t.counted = 1"""
        ).fetchall()
    assert {tuple(row) for row in rows} == {
        (0, 0.8, 71.0, 8_000_000_000, 0.0, "ok"),
        (1, 0.1, 50.0, 2_000_000_000, 1.0, "fail"),
    }


def test_strangers_on_a_gpu_that_nobody_asked_for_cost_that_gpu_and_not_the_run(
    simulated_host, tmp_path, strangers
):
    (tmp_path / "suite.toml").write_text(SUITE.replace("[limits]", '[limits]\ngpus = ["1"]'))
    out = tmp_path / "out"
    run = ("suite", "run", "suite.toml", "--results", out, "--executor", "process")
    with simulated_host(gpus=2) as host:
        host.gpu.processes(0, [(strangers[0].pid, 90, 10, 1e9)])
        host.gpu.set(1, utilization=60)
        done = host.run(*run)
        assert done.returncode == 0, done.stdout + done.stderr
        told = host.run("report", out, "--format", "md").stdout
    assert "left out of all totals, as others use it: GPU 0" in done.stdout + done.stderr
    assert f"process {strangers[0].pid}" in told.split("## What limits")[1]
    with results(out) as database:
        channels = {row[0] for row in database.execute("SELECT DISTINCT channel FROM energies")}
    assert "gpu/1" in channels
    assert not {"gpu/0", "gpu/0/power"} & channels
    for found in severities(out):
        assert found["foreign_gpu"] == found["gpu_intrusion"] == "ok"


def intruded(database) -> list[tuple]:
    """What `gpu_intrusion` found at each attempt, in order, with the attempt's outcome."""
    return database.execute(
        """SELECT a.trial, a.number, a.status, a.error_kind, c.severity FROM attempts a
           JOIN checks c ON c.attempt = a.id AND c."check" = 'gpu_intrusion' ORDER BY a.id"""
    ).fetchall()


def test_who_comes_to_a_gpu_spoils_the_trial_and_it_is_repeated_at_the_end(
    simulated_host, tmp_path, strangers
):
    """A stranger that is there all along is warned of; one that comes is another matter."""
    (tmp_path / "suite.toml").write_text(SUITE.replace("[limits]", "[limits]\ngpus = 1"))
    out = tmp_path / "out"
    first, second = [(s.pid, 0, 0, 1e6) for s in strangers]
    run = ("suite", "run", "suite.toml", "--results", out, "--executor", "process", "--json")
    with simulated_host() as host:
        host.gpu.processes(0, [first])
        with host.start(*run, "--share-host") as running:
            counted = 0
            for line in running.stdout:
                notice = json.loads(line)
                if notice["event"] == "go":
                    counted += 1
                    host.gpu.processes(0, [first, second] if counted == 2 else [first])
                spoiled = notice["event"] == "problem" and "spoiled" in notice["text"]
                assert not spoiled or "repeated at the end (2 left)" in notice["text"]
        assert running.returncode == 0
        told = host.run("report", out, "--format", "md").stdout
    with results(out) as database:
        found = [tuple(row) for row in intruded(database)]
    spoiled = [row for row in found if row[4] == "fail"]
    assert [row[1:4] for row in spoiled] == [(1, "completed", "contaminated")]
    assert found[-1] == (spoiled[0][0], 2, "completed", None, "ok"), "repeated, after all others"
    assert "spoiled by others" in told.split("## What limits")[1]
    assert "| gpu_intrusion |" in told


class Spartan:
    """A third party's trial that tells no more than the protocol asks for."""

    identity = "x"

    def cpu_time_s(self):
        return 3.0

    def memory_peak_bytes(self):
        return 1024


class Broken(Spartan):
    def usage(self):
        raise RuntimeError("boom")


def test_an_executor_that_tells_less_or_fails_costs_readings_not_the_run(tmp_path):
    trials = [
        Trial(
            key=f"t{slot}",
            study="s",
            model="m",
            arm="original",
            mutation=None,
            hyperparameters={},
            seed=1,
            block=1,
            cohort="c",
            scenario=Scenario(),
            slot=slot,
        )
        for slot in range(2)
    ]
    store = Store.create(tmp_path, {}, trials)
    session = store.begin_session("boot", {})
    run, attempts = store.begin_cohort(session, trials, 0.0, None, {})
    watch = Watch(store, None)
    watch.begin(run, attempts)
    watch.started(0, Spartan())
    watch.started(1, Broken())
    watch.look()
    watch.keep()
    watch.keep()
    rows = store.connection.execute(
        "SELECT attempt, cpu_time_s, memory_peak_bytes, disk_read_bytes FROM usage_1hz"
    ).fetchall()
    assert rows == [(attempts[0], 3.0, 1024, None), (attempts[1], None, None, None)]
    told = store.connection.execute("SELECT clock_mhz, temperature_c FROM cpu_1hz").fetchall()
    assert (None, None) not in told, "where the kernel tells nothing there is no row"
    store.close()


def test_a_result_set_from_before_the_checks_is_still_read(tmp_path):
    store = Store.create(tmp_path, {}, [])
    for table in ("checks", "usage", "usage_1hz", "gpu_1hz", "host_1hz", "cpu_1hz"):
        store.connection.execute(f"DROP TABLE {table}")
    store.close()
    old = Store.open(tmp_path, read_only=True)
    assert results_json(old) == {"trials": []}
    old.close()
    again = Store.open(tmp_path)
    assert again.has("checks")
    again.close()
