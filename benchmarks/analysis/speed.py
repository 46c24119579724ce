"""Time and memory of a Markdown report of large result sets: `python benchmarks/analysis/speed.py`.

Each size is made once (`large.py`) and reported in a process of its own; a Markdown table is
printed. `--trials 100000` measures that size alone; add 1000000 for the million (several GB of
disk, minutes to make). With `--sets DIR` the sets are kept there and used again.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from large import make


def report(folder: Path) -> None:
    start_s = time.monotonic()
    from greenbench.report import build_report, render_markdown
    from greenbench.store import Store

    text = render_markdown(build_report(Store.open(folder, read_only=True)))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    wall_s, cpu_s = time.monotonic() - start_s, usage.ru_utime + usage.ru_stime
    print(f"{wall_s:.1f} | {cpu_s:.1f} | {usage.ru_maxrss / 2**20:.2f} | {len(text) / 1e6:.2f}")


def measure(room: Path, sizes: list[int]) -> None:
    print(f"{processor()}, {os.cpu_count()} processors; {datetime.now(UTC):%Y-%m-%d};", end=" ")
    print(f"Python {platform.python_version()}; load before: {os.getloadavg()[0]:.1f}\n")
    print("| trials | time (s) | CPU time (s) | memory at most (GiB) | report (MB) |")
    print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
    for trials in sizes:
        folder = room / str(trials)
        if not folder.exists():
            make(folder, trials)
        command = [sys.executable, __file__, "--report", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"| {trials:,} | {done.stdout.strip()} |", flush=True)


def processor() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="*", default=[10_000, 30_000, 100_000])
    parser.add_argument("--sets", type=Path, help="Where to keep the result sets.")
    parser.add_argument("--report", type=Path, help="Only report on this folder.")
    options = parser.parse_args()
    if options.report:
        report(options.report)
    elif options.sets:
        measure(options.sets, options.trials)
    else:
        with TemporaryDirectory() as room:
            measure(Path(room), options.trials)
