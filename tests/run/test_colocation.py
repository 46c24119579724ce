"""Trials that train together: who starts when, who is started again, where each one runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from statistics import median

import pandas as pd
import psutil
import pytest

from greenbench.analysis import frames as reading
from greenbench.analysis.cohorts import cohorts
from greenbench.store import Store

from .conftest import EXECUTORS, each_once, start, statuses, wait_for

HEAD = """
name = "together"
seed = 3
blocks = 1
[measure]
idle_s = 0.2
idle_between_s = 0.1
ready_idle_s = 0.1
[limits]
timeout_s = 60
ready_timeout_s = 30
memory_mb = 256
"""
STUDY = """
[[study]]
model = "trouble"
name = "{name}"
originals = 1
hyperparameters = {{ epochs = 2, epoch_s = {epoch_s} }}
scenarios = [{scenario}]
"""
BACKGROUND = """{{kind = "foreground", name = "x", background = [
    {{model = "trouble", hyperparameters = {{ {hyperparameters} }} }}]}}"""


@pytest.fixture(params=EXECUTORS)
def executor(request) -> str:
    return request.param


@pytest.fixture
def together(tmp_path):
    """Writes a suite with one study for each scenario (name → TOML); returns its path."""

    def write(epoch_s=0.5, **scenarios: str):
        studies = [
            STUDY.format(name=name.replace("_", "-"), epoch_s=epoch_s, scenario=scenario)
            for name, scenario in scenarios.items()
        ]
        path = tmp_path / "suite.toml"
        path.write_text(HEAD + "".join(studies))
        return path

    return write


def background(hyperparameters: str) -> str:
    return BACKGROUND.format(hyperparameters=hyperparameters)


def run(path, executor: str, code: int) -> reading.Frames:
    ran = start(path, "--executor", executor)
    output, _ = ran.communicate(timeout=280)
    assert ran.returncode == code, output
    store = Store.open(path.parent / "out", read_only=True)
    found = reading.read(store)
    store.close()
    return found


def of(frame: pd.DataFrame, study: str) -> pd.DataFrame:
    """The rows of a study's cohorts, which are counted."""
    return frame[frame["study"].str.startswith(f"{study}/")]


def checks(found: reading.Frames, study: str) -> set[tuple[str, str]]:
    rows = of(found.checked, study)
    return set(zip(rows["check"], rows["severity"], strict=True))


def test_a_background_trains_before_and_until_the_foreground(together, executor) -> None:
    studies = {
        "long": background("epochs = 1000, epoch_s = 0.1"),
        "short": background("epochs = 1, epoch_s = 0.1"),
        "dies": background('epochs = 5, epoch_s = 1.1, trouble = "exit"'),
    }
    if executor == "docker":
        del studies["long"], studies["short"]
    found = run(together(epoch_s=0.9, **studies), executor, 0)
    assert set(found.trials["status"]) == {"completed"}
    for study in studies:
        trials = of(found.trials, study)
        assert list(trials["role"]) == ["measured", "background"] * 2
        runs = of(found.backgrounds, study)
        assert set(runs["cohort_run"]) == set(trials["cohort_run"])
        for _, foreground in trials[trials["role"] == "measured"].iterrows():
            mine = runs[runs["cohort_run"] == foreground["cohort_run"]]
            assert list(mine["number"]) == list(range(1, len(mine) + 1))
            assert mine["train_start_s"].iloc[0] < foreground["train_start_s"]
            assert mine["end_s"].iloc[-1] > foreground["train_end_s"]
            windows = found.windows[found.windows["cohort_run"] == foreground["cohort_run"]]
            (train,) = windows[windows["kind"] == "train"].itertuples()
            assert train.start_s == foreground["train_start_s"]
            assert train.end_s == foreground["train_end_s"]
            (ready,) = windows[windows["kind"] == "ready_idle"].itertuples()
            assert ready.end_s <= mine["train_start_s"].iloc[0]
            overlap = windows[windows["kind"] == "overlap"]
            assert (overlap["start_s"] >= train.start_s).all()
            assert (overlap["end_s"] <= train.end_s).all()
            assert 0 < overlap["duration_s"].sum() <= train.duration_s
    died = of(found.backgrounds, "dies")
    died = died[died["outcome"] == "failed"]
    assert set(died["error_kind"]) == {"crash"}
    compared = cohorts(found)
    assert sorted(compared["study"].unique()) == sorted(f"{name}/x" for name in studies)
    assert set(compared["members"]) == {1}
    assert (compared["overlap_s"] <= compared["train_s"]).all()
    background_s = found.trials.loc[found.trials["role"] == "background", "cpu_time_s"]
    assert (background_s > 0).all()
    if executor == "docker":
        return
    last = of(found.backgrounds, "long").drop_duplicates("cohort_run", keep="last")
    assert set(last["outcome"]) == {"ended"}
    assert {("background", "ok"), ("background_load", "ok")} <= checks(found, "long")
    again = of(found.backgrounds, "short")
    assert "completed" in set(again["outcome"])
    assert again.groupby("cohort_run")["number"].max().min() > 1


def test_a_background_that_cannot_train_fails_the_cohort_or_its_measurement(together) -> None:
    path = together(
        epoch_s=0.4,
        broken=background('trouble = "raise-in-prepare"'),
        liar=background('epoch_s = 0.0, trouble = "lie-about-configuration"'),
        sleeps=background('epoch_s = 0.0, trouble = "hang"'),
        brief=background("epochs = 1, epoch_s = 0.0"),
    )
    found = run(path, "process", 3)
    for study, tries, error in (
        ("broken", 3, "compilation failed"),
        ("liar", 1, "epochs: asked for 2, used 1000"),
    ):
        trials = of(found.trials, study)
        assert set(trials.loc[trials["role"] == "background", "status"]) == {"failed"}
        assert set(trials.loc[trials["role"] == "measured", "status"]) == {"excluded"}
        assert trials["error"].str.contains(error).all()
        runs = of(found.backgrounds, study)
        assert set(runs.groupby("cohort_run")["number"].max()) == {tries}
    assert ("background_load", "fail") in checks(found, "sleeps")
    assert ("background", "ok") in checks(found, "sleeps")
    assert ("background", "fail") in checks(found, "brief")
    failed = cohorts(found).set_index("study")["failed_checks"]
    assert set(failed["sleeps/x"]) == {"background_load"}
    assert set(failed["brief/x"]) == {"background"}


def test_members_start_in_one_release_and_stay_where_they_were_put(together, executor) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two processors are needed to pin two members")
    quota = ", cpu_quota = 0.4, memory_mb = 128" if executor == "docker" else ""
    path = together(
        epoch_s=0.3,
        mixed=f"""{{kind = "mixed", cores = "pinned"{quota}, companions = [
            {{model = "trouble", hyperparameters = {{epochs = 1, epoch_s = 0.2}} }}]}}""",
    )
    found = run(path, executor, 0)
    trials = of(found.trials, "mixed")
    assert list(trials["role"]) == ["measured", "companion"] * 2
    assert checks(found, "mixed") >= {("pinning", "ok"), ("overlap", "warn")}
    connection = sqlite3.connect(path.parent / "out" / "results.sqlite")
    facts = dict(connection.execute("SELECT id, facts FROM attempts").fetchall())
    starts = connection.execute(
        """SELECT MIN(b.stamp_s), MAX(b.stamp_s), MAX(r.stamp_s), c.go_s, s.spread_s, s.members
           FROM cohort_runs c JOIN starts s ON s.cohort_run = c.id
           JOIN attempts a ON a.cohort_run = c.id
           JOIN events b ON b.attempt = a.id AND b.kind = 'train_begin'
           JOIN events r ON r.attempt = a.id AND r.kind = 'ready'
           WHERE s.members > 1 GROUP BY c.id"""
    ).fetchall()
    connection.close()
    assert len(starts) == 2
    for first_s, last_s, ready_s, go_s, spread_s, members in starts:
        assert ready_s < go_s <= first_s
        assert spread_s == pytest.approx(last_s - first_s, abs=1e-9)
        assert members == 2
    for _, cohort in trials.groupby("cohort_run"):
        places = []
        for member in cohort.itertuples():
            placed = json.loads(facts[member.attempt])
            assert json.loads(member.environment)["processors"] == placed["cpus"]
            places.append(set(placed["cpus"].split(",")))
            if executor == "docker":
                assert (placed["cpu_quota"], placed["memory_mb"]) == ("0.4", "128")
                if member.role == "measured":
                    assert member.train_s > 1.5 * member.cpu_time_s
        assert places[0].isdisjoint(places[1])


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ('{kind = "homogeneous", copies = 64, cores = "pinned"}', "only {cpus} may be used here"),
        ('{kind = "solo", cpu_quota = 0.5}', "can't hold a trial to a CPU quota"),
    ],
)
def test_what_cannot_be_had_is_said_before_the_first_trial(together, scenario, message) -> None:
    path = together(one=scenario)
    ran = start(path, "--executor", "process")
    output, _ = ran.communicate(timeout=60)
    assert ran.returncode == 5, output
    assert message.format(cpus=len(os.sched_getaffinity(0))) in " ".join(output.split())
    assert set(statuses(path).values()) == {"planned"}


def test_a_killed_run_goes_on_and_leaves_no_background(together, executor, request) -> None:
    path = together(epoch_s=0.4, beside=background("epochs = 1000, epoch_s = 0.1"))
    ran = start(path, "--executor", executor)

    def trains() -> bool:
        try:
            store = Store.open(path.parent / "out", read_only=True)
        except Exception:
            return False
        row = store.connection.execute(
            """SELECT COUNT(*) FROM events e JOIN attempts a ON a.id = e.attempt
               JOIN trials t ON t.key = a.trial
               WHERE t.role = 'measured' AND t.counted = 1 AND e.kind = 'train_begin'"""
        ).fetchone()
        store.close()
        return row[0] > 0

    wait_for(trains)
    os.kill(ran.pid, signal.SIGKILL)
    ran.communicate()
    run(path, executor, 0)
    each_once(path)
    if executor == "docker":
        engine = request.getfixturevalue("docker_engine")
        label = _holder(path)
        left = engine.client.containers(all=True, filters={"label": f"greenbench.holder={label}"})
        assert left == []


@pytest.mark.docker
def test_twenty_trials_leave_nothing_open_and_nothing_in_memory(tmp_path) -> None:
    """Five hundred are in `benchmarks/run/cohorts.py`, with what each of them costs."""
    path = tmp_path / "suite.toml"
    study = STUDY.format(name="many", epoch_s=0.0, scenario='"solo"')
    head = HEAD.replace("idle_between_s = 0.1", "idle_between_s = 0.0")
    path.write_text(head + study.replace("originals = 1", "originals = 18"))
    ran = start(path, "--executor", "docker", "--quiet")
    process = psutil.Process(ran.pid)
    held: list[tuple[int, int, int]] = []
    while ran.poll() is None:
        with contextlib.suppress(psutil.Error):
            held.append((process.num_fds(), process.num_threads(), process.memory_info().rss))
        time.sleep(0.1)
    assert ran.returncode == 0, ran.stdout.read()
    assert list(statuses(path).values()) == ["completed"] * 20
    half = len(held) // 2
    early, late = held[half // 2 : half], held[half:-1]
    assert max(files for files, _, _ in late) <= max(files for files, _, _ in early) + 1
    assert max(threads for _, threads, _ in late) <= max(threads for _, threads, _ in early)
    grown = median(size for _, _, size in late) - median(size for _, _, size in early)
    assert grown < 4 * 2**20


def _holder(path) -> str:
    store = Store.open(path.parent / "out", read_only=True)
    holder = str(store.facts()["result_set"])
    store.close()
    return holder
