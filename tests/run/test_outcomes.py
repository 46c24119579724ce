"""Whatever a model does, its trial's outcome is on record and the suite goes on."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from greenbench.store import Store

from .conftest import EXECUTORS, planned, start, statuses

FAILS = {
    "raise-in-init": ("exception", "no such data set"),
    "raise-in-prepare": ("exception", "compilation failed"),
    "raise-in-train": ("exception", "loss is not a number"),
    "raise-in-test": ("exception", "the test set is gone"),
    "memory-error": ("out_of_memory", "MemoryError"),
    "hang": ("timeout", "within 3 s"),
    "exit": ("crash", "exit code 7"),
    "segfault": ("crash", "signal 11"),
    "lie-about-configuration": ("configuration", "epochs: asked for 2, used 1000"),
    "forget-a-metric": ("metrics", "accuracy"),
    "forge-events": ("protocol", "no stamp"),
    "wrong-device": ("device", "asked for the device 'cpu', but the trainer uses the device 'gpu'"),
    "lose-the-device": ("device", "uses the device 'gpu'"),
    "wrong-threads": ("threads", "asked for 1 threads, but the trainer uses 2"),
}
DIVERGES = {
    "nan": ("not_finite", "accuracy is nan"),
    "climb": ("loss_above_start", "ended at 2, above its start at 1"),
    "guess": ("at_chance", "accuracy is 0.105, and guessing gives 0.1 (up to 0.11 counts as that)"),
}
SURVIVES = (*DIVERGES, "print-megabytes")


@pytest.fixture(params=EXECUTORS)
def executor(request) -> str:
    return request.param


def attempts(folder: Path) -> dict[str, sqlite3.Row]:
    """The attempts of the arms that were told to go wrong, by the kind of trouble."""
    connection = sqlite3.connect(folder / "results.sqlite")
    connection.row_factory = sqlite3.Row
    rows = connection.execute(
        """SELECT a.*, t.hyperparameters, t.arm FROM attempts a JOIN trials t ON t.key = a.trial
           WHERE t.counted = 1 ORDER BY t.position"""
    ).fetchall()
    connection.close()
    return {json.loads(row["hyperparameters"])["trouble"]: row for row in rows}


def spoken(folder: Path, attempt: int) -> set[str]:
    """The kinds of events of an attempt."""
    with closing(sqlite3.connect(folder / "results.sqlite")) as connection:
        rows = connection.execute("SELECT kind FROM events WHERE attempt = ?", (attempt,))
        return {kind for (kind,) in rows}


def diverged(folder: Path) -> set[tuple[int, str, str]]:
    """Attempts whose training came to nothing, how, and the text but for its first words."""
    with closing(sqlite3.connect(folder / "results.sqlite")) as connection:
        rows = connection.execute("SELECT attempt, kind, text FROM divergences").fetchall()
    return {
        (attempt, kind, text.removeprefix("the training loss ")) for attempt, kind, text in rows
    }


def test_every_way_to_go_wrong_is_an_outcome(suite, executor) -> None:
    troubles = [*FAILS, *SURVIVES]
    if executor == "docker":
        troubles += ["eat-memory", "eat-memory-in-a-child", "write-outside"]
    path = suite(troubles=troubles, timeout_s=3)
    run = start(path, "--executor", executor)
    output, _ = run.communicate(timeout=280)
    assert run.returncode == 3, output
    found = attempts(path.parent / "out")

    for trouble, (kind, text) in FAILS.items():
        row = found[trouble]
        assert (trouble, row["status"], row["error_kind"]) == (trouble, "failed", kind)
        assert text in row["error"]
    assert found["none"]["status"] == "completed"
    assert json.loads(found["nan"]["metrics"]) == {"accuracy": "nan"}
    assert "train_begin" not in spoken(path.parent / "out", found["wrong-device"]["id"])
    assert "train_end" in spoken(path.parent / "out", found["lose-the-device"]["id"])
    assert diverged(path.parent / "out") == {
        (found[trouble]["id"], kind, text) for trouble, (kind, text) in DIVERGES.items()
    }
    for trouble in DIVERGES:
        assert found[trouble]["status"] == "completed"

    loud = found["print-megabytes"]
    assert loud["log"].startswith("begin of the output")
    assert loud["log"].rstrip().endswith("end of the output")
    cut = int(re.search(r"greenbench: (\d+) bytes of output were cut here", loud["log"])[1])
    assert cut == loud["log_dropped_bytes"] > 19_000_000
    assert len(loud["log"]) < 300_000
    assert "Traceback" in found["raise-in-train"]["log"]
    assert "\x1b" not in output

    if executor == "docker":
        assert found["eat-memory"]["error_kind"] == "out_of_memory"
        child = found["eat-memory-in-a-child"]
        assert child["error_kind"] == "out_of_memory", "its own word is not all that is known"
        assert "a loader of data was killed" in child["error"]
        outside = found["write-outside"]
        assert outside["status"] == "completed"
        assert outside["log"].count("Read-only file system") == 2 * 3  # epochs × places
        assert outside["log"].count("Permission denied: '/proc/") == 2 * 2  # the engine's pipes
    assert set(statuses(path)) == set(planned(path))


def test_energy_and_windows_of_what_ran_are_kept(suite, executor) -> None:
    path = suite(troubles=["raise-in-test"], epoch_s=0.3)
    run = start(path, "--executor", executor)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 3, output
    store = Store.open(path.parent / "out")
    rows = store.connection.execute(
        """SELECT a.id, a.status, w.kind, w.number, e.energy_j, w.end_s - w.start_s FROM attempts a
           JOIN windows w ON w.attempt = a.id JOIN energies e ON e.window = w.id
           JOIN trials t ON t.key = a.trial WHERE t.counted = 1 AND t.arm = 'original'"""
    ).fetchall()
    store.close()
    kinds = {(kind, number) for _, _, kind, number, _, _ in rows}
    assert {("prepare", 0), ("train", 0), ("epoch", 1), ("epoch", 2), ("test", 1)} <= kinds
    for attempt in {row[0] for row in rows}:
        lengths = {(r[2], r[3]): r[5] for r in rows if r[0] == attempt}
        assert lengths["epoch", 1] >= 0.3
        assert lengths["train", 0] >= lengths["epoch", 1] + lengths["epoch", 2]
    store = Store.open(path.parent / "out")
    failed = store.connection.execute(
        """SELECT COUNT(*) FROM attempts a JOIN windows w ON w.attempt = a.id
           WHERE a.status = 'failed' AND w.kind = 'epoch'"""
    ).fetchone()[0]
    store.close()
    assert failed == 2


def test_fail_fast_stops_and_the_rest_stays_planned(suite) -> None:
    path = suite(troubles=["raise-in-train", "exit", "segfault"])
    run = start(path, "--executor", "process", "--fail-fast")
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 3, output
    found = list(statuses(path).values())
    assert found.count("failed") == 1
    assert "planned" in found


def test_a_cohort_is_one_replicate(suite, executor) -> None:
    """Copies start together; what fails one leaves its companion without a use."""
    path = suite(
        scenarios='[{kind = "homogeneous", copies = 2}]', troubles=["raise-in-train"], epoch_s=0.2
    )
    run = start(path, "--executor", executor)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 3, output
    store = Store.open(path.parent / "out")
    pairs = store.connection.execute(
        """SELECT group_concat(a.status), MAX(b.stamp_s) - MIN(b.stamp_s), c.status,
                  MIN(b.stamp_s) - c.go_s, MAX(r.stamp_s) - c.go_s
           FROM cohort_runs c JOIN attempts a ON a.cohort_run = c.id
           JOIN trials t ON t.key = a.trial
           JOIN events b ON b.attempt = a.id AND b.kind = 'train_begin'
           JOIN events r ON r.attempt = a.id AND r.kind = 'ready'
           WHERE t.counted = 1 GROUP BY c.id"""
    ).fetchall()
    windows = store.connection.execute(
        """SELECT kind, COUNT(*) FROM windows WHERE attempt IS NULL AND cohort_run IS NOT NULL
           GROUP BY kind"""
    ).fetchall()
    store.close()
    for states, spread_s, status, first_after_go_s, last_ready_s in pairs:
        assert sorted(states.split(",")) in (["completed"] * 2, ["excluded", "failed"])
        assert status == ("failed" if "failed" in states else "completed")
        assert 0 <= spread_s < 1.0
        assert first_after_go_s >= 0 > last_ready_s
    assert {"failed", "completed"} == {pair[2] for pair in pairs}
    assert {"train", "overlap", "ready_idle"} <= {kind for kind, _ in windows}
