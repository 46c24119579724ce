"""Time and memory of a Markdown report of large result sets: `python benchmarks/analysis/speed.py`.

Each size is made once (`large.py`) and reported in a process of its own. `--trials 100000` measures
that size alone; add 1000000 for the million (several GB of disk, minutes to make).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from large import make


def report(folder: Path) -> None:
    start_s = time.monotonic()
    from greenbench.report import build_report, render_markdown
    from greenbench.store import Store

    text = render_markdown(build_report(Store.open(folder, read_only=True)))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{time.monotonic() - start_s:.1f} s ({usage.ru_utime + usage.ru_stime:.1f} s CPU),"
        f" {usage.ru_maxrss / 2**20:.2f} GiB, {len(text):,} characters"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="*", default=[10_000, 30_000, 100_000])
    parser.add_argument("--report", type=Path, help="Only report on this folder.")
    options = parser.parse_args()
    if options.report:
        report(options.report)
        sys.exit()
    with TemporaryDirectory() as room:
        for trials in options.trials:
            folder = Path(room) / str(trials)
            make(folder, trials)
            command = [sys.executable, __file__, "--report", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{trials:,} trials: {done.stdout.strip()}", flush=True)
