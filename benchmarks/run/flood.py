"""What a loud trial costs those around it: 1 GB of output, 10⁶ events, beside a quiet trial.

    python benchmarks/run/flood.py [--rounds 3]

Needs Docker Engine and the test's hostile plugin (installed for this run alone, from
tests/fixtures). In turn in one run; of each suite of one attack: the orchestrator's peak memory
over that of the quiet one, CPU time of the engine's own processes (dockerd and containerd) a
trial, and the longest time between two samples of the meter while trials ran, in sampling
periods. GREENBENCH_TEST_BASE names the base image where there is no registry.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import psutil

from greenbench.energy.samples import SampleChunk

PLUGIN = Path(__file__).parents[2] / "tests" / "fixtures" / "plugin-hostile"
PERIOD_S = 0.1
ATTACKS = {
    "quiet": "none",
    "1 GB of output": "print-a-gigabyte",
    "10⁶ events": "million-events",
    "2·10⁶ events, of which it is cut off": "flood",
}
SUITE = """
name = "flood"
blocks = 1
executor = "docker"
[measure]
period_s = {period_s}
idle_s = 1.0
idle_between_s = 0.0
ready_idle_s = 0.0
[cooldown]
enabled = false
[limits]
memory_mb = 256
[retry]
times = 0
[[study]]
model = "hostile"
hyperparameters = {{ attack = "{attack}" }}
originals = 2
nulls = 1
"""


def install(target: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(target), str(PLUGIN)]
    subprocess.run(command, check=True)
    paths = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def engine_cpu_s() -> float:
    """CPU time so far of every dockerd and containerd of this host, the shims left out."""
    total_s = 0.0
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] in ("dockerd", "containerd"):
                times = process.cpu_times()
                total_s += times.user + times.system
    return total_s


def longest_gap_s(folder: Path) -> float:
    """Between two samples of one channel, while trials ran."""
    database = sqlite3.connect(folder / "results.sqlite")
    (start_s,) = database.execute("SELECT MIN(start_s) FROM cohort_runs").fetchone()
    gaps_s = [0.0]
    for (channel,) in database.execute("SELECT DISTINCT channel FROM samples").fetchall():
        rows = database.execute(
            "SELECT chunk FROM samples WHERE channel = ? ORDER BY first_s", (channel,)
        )
        stamps_s = [s for (data,) in rows for s in SampleChunk.from_bytes(data).stamp_s]
        gaps_s += [b - a for a, b in pairwise(stamps_s) if a > start_s]
    database.close()
    return max(gaps_s)


def run(folder: Path, attack: str, environment: dict[str, str]) -> tuple[float, float, float]:
    """Peak memory (MiB), the engine's CPU time a trial (s), the longest gap (s)."""
    folder.mkdir()
    path = folder / "suite.toml"
    path.write_text(SUITE.format(attack=attack, period_s=PERIOD_S))
    before_s = engine_cpu_s()
    command = [sys.executable, "-c", "from greenbench.cli import main; main()"]
    command += ["suite", "run", str(path), "--results", str(folder / "out"), "--quiet"]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, used = os.wait4(process.pid, 0)
    cpu_s = engine_cpu_s() - before_s
    database = sqlite3.connect(folder / "out" / "results.sqlite")
    (trials,) = database.execute("SELECT COUNT(*) FROM attempts").fetchone()
    database.close()
    return used.ru_maxrss / 1024, cpu_s / trials, longest_gap_s(folder / "out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = install(folder / "plugin")
        run(folder / "warm", "none", environment)  # builds the image
        found: dict[str, list[tuple[float, float, float]]] = {title: [] for title in ATTACKS}
        for number in range(arguments.rounds):
            for title, attack in ATTACKS.items():
                found[title].append(run(folder / f"{number}-{attack}", attack, environment))
    quiet_mib = statistics.median(row[0] for row in found["quiet"])
    print(
        "| a trial that is | orchestrator's peak memory | engine's CPU time a trial | longest gap |"
    )
    print("|---|---|---|---|")
    for title, rows in found.items():
        memory_mib, cpu_s, gap_s = (statistics.median(column) for column in zip(*rows, strict=True))
        grown = "" if title == "quiet" else f" ({memory_mib - quiet_mib:+.0f} MiB)"
        periods = gap_s / PERIOD_S
        print(f"| {title} | {memory_mib:.0f} MiB{grown} | {cpu_s:.2f} s | {periods:.1f} periods |")


if __name__ == "__main__":
    main()
