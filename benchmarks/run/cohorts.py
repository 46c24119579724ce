"""What a cohort costs besides its training, whether that grows, and how far apart members start.

    python benchmarks/run/cohorts.py [--trials 500] [--copies 1] [--executor docker]

Needs the fixture plugin `tests/fixtures/plugin-trouble` (a model without a framework) and, for
`docker`, an engine with its image. Trials train for no time at all; idle readings, the held barrier
and cool-down are zero, so what is left between the last word of one cohort and the `go` of the next
is greenbench's own and its engine's. The worker's loading (`hello` to `ready`), which is the
framework's import in a real trial, is taken off. Beside it: create, start, wait and remove of a
bare container of the same image, in turn with nothing. Memory and descriptors are the
orchestrator's, read once a second.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SUITE = """
name = "cohorts"
blocks = 1
executor = "{executor}"
[measure]
idle_s = 0.0
idle_between_s = 0.0
ready_idle_s = 0.0
[cooldown]
enabled = false
[limits]
memory_mb = 256
[[study]]
model = "trouble"
hyperparameters = {{ epochs = 1, epoch_s = 0.0 }}
scenarios = [{scenario}]
originals = {originals}
nulls = 1
"""

COHORTS = """
SELECT c.id, c.go_s, MAX(e.received_s) FROM cohort_runs c JOIN attempts a ON a.cohort_run = c.id
JOIN events e ON e.attempt = a.id AND e.kind = 'result'
WHERE c.status = 'completed' GROUP BY c.id ORDER BY c.id
"""
LOADS = """
SELECT a.cohort_run, MAX(r.stamp_s), MIN(r.stamp_s - h.stamp_s) FROM attempts a
JOIN events h ON h.attempt = a.id AND h.kind = 'hello'
JOIN events r ON r.attempt = a.id AND r.kind = 'ready' GROUP BY a.cohort_run
"""
SPREADS = "SELECT spread_s FROM starts WHERE members > 1 ORDER BY cohort_run"
Reading = tuple[float, int, int]


def run(suite: str, folder: Path) -> list[Reading]:
    """Runs a suite; returns what the orchestrator held: stamp (s), resident bytes, descriptors."""
    path = folder / "suite.toml"
    path.write_text(suite)
    command = [sys.executable, "-c", "from greenbench.cli import main; main()", "suite", "run"]
    command += [str(path), "--results", str(folder / "out"), "--quiet"]
    readings: list[Reading] = []
    with subprocess.Popen(command, cwd=folder) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            with contextlib.suppress(psutil.Error, OSError):
                held = process.memory_info().rss
                open_files = sum(1 for _ in Path(f"/proc/{child.pid}/fd").iterdir())
                readings.append((time.monotonic(), held, open_files))
            time.sleep(1.0)
    if child.returncode:
        raise SystemExit(f"the suite ended with exit code {child.returncode}")
    return readings


def costs(folder: Path) -> list[tuple[float, float]]:
    """For each cohort but the first: when it was released (s), and what it cost to get there."""
    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    cohorts = connection.execute(COHORTS).fetchall()
    loads = {cohort: load_s for cohort, _, load_s in connection.execute(LOADS)}
    connection.close()
    pairs = itertools.pairwise(cohorts)
    return [(go_s, go_s - ended_s - loads[cohort]) for (_, _, ended_s), (cohort, go_s, _) in pairs]


def spreads(folder: Path) -> list[float]:
    """How far apart the members of each cohort started (s)."""
    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    found = [spread_s for (spread_s,) in connection.execute(SPREADS)]
    connection.close()
    return found


def bare(folder: Path, times: int = 10) -> float:
    """Median seconds of a bare container of the trial's image that ends at once."""
    import docker

    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    facts = connection.execute("SELECT json_extract(facts, '$.image') FROM attempts").fetchone()
    connection.close()
    client = docker.APIClient(version="auto")
    found = []
    for _ in range(times):
        start_s = time.monotonic()
        host = client.create_host_config(network_mode="none")
        entry = {"entrypoint": ["true"], "host_config": host}
        container = client.create_container(facts[0], **entry)["Id"]
        client.start(container)
        client.wait(container)
        client.remove_container(container, force=True)
        found.append(time.monotonic() - start_s)
    return statistics.median(found)


def table(found: list[tuple[float, float]], readings: list[Reading], parts: int = 10) -> None:
    """Prints the course of the run in equal parts."""
    print("| trials | median s | 95 % s | resident MiB | descriptors |")
    print("|---|---|---|---|---|")
    size = max(1, len(found) // parts)
    for first in range(0, size * parts, size):
        part = found[first : first + size]
        if not part:
            break
        during = [r for r in readings if part[0][0] <= r[0] <= part[-1][0]] or readings[-1:]
        taken = sorted(cost_s for _, cost_s in part)
        high = taken[int(0.95 * (len(taken) - 1))]
        mib = statistics.median(r[1] for r in during) / 2**20
        files = max(r[2] for r in during)
        span = f"{first + 2}–{first + 1 + len(part)}"
        print(f"| {span} | {statistics.median(taken):.3f} | {high:.3f} | {mib:.1f} | {files} |")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--executor", default="docker", choices=["docker", "process"])
    arguments = parser.parse_args()
    copies = arguments.copies
    solo, beside = '"solo"', f'{{kind = "homogeneous", copies = {copies}}}'
    cohorts = max(3, arguments.trials // copies)
    suite = SUITE.format(
        executor=arguments.executor,
        scenario=solo if copies == 1 else beside,
        originals=cohorts - 2,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readings = run(suite, folder)
        found = costs(folder)
        table(found, readings)
        median = statistics.median(cost_s for _, cost_s in found)
        print(f"\n{arguments.executor}, {copies} a cohort: median {median:.3f} s a cohort", end="")
        print(f", {median / copies:.3f} s a trial")
        if arguments.executor == "docker":
            print(f"bare container, create to removed: median {bare(folder):.3f} s")
        if apart := sorted(spreads(folder)):
            high = apart[int(0.95 * (len(apart) - 1))]
            print("\n| members | cohorts | median spread | 95 % | largest | aim |")
            print("|---|---|---|---|---|---|")
            line = " | ".join(f"{1000 * s:.1f} ms" for s in (statistics.median(apart), high))
            print(f"| {copies} | {len(apart)} | {line} | {1000 * apart[-1]:.1f} ms | 50 ms |")


if __name__ == "__main__":
    main()
