"""What importing each tool costs: the median over pairs of its start and an empty interpreter's.

CPU time, which other work on the machine does not lengthen.

python benchmarks/energy/imports.py [--pairs 7]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from markdown import reached, table, times

IMPORTS = {
    "greenbench (`import greenbench.energy`)": "import greenbench.energy",
    "greenbench, all that meters": (
        "from greenbench.energy import Meter, Timeline, attribute, open_channels, total; "
        "import greenbench.energy.plugin, pynvml"
    ),
    "Zeus": "from zeus.monitor import ZeusMonitor",
    "CodeCarbon": "from codecarbon import EmissionsTracker",
    "pyRAPL": "import pyRAPL",
    "perun": "from perun import monitor, perun",
}


def seconds(code: str) -> float:
    """CPU time of an interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def extra_ms(code: str, pairs: int) -> float | None:
    """Above an empty interpreter; None if it can't be imported."""
    try:
        seconds(code)
    except subprocess.CalledProcessError:
        return None
    return 1000 * statistics.median(seconds(code) - seconds("pass") for _ in range(pairs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    found = {name: extra_ms(code, pairs) for name, code in IMPORTS.items()}
    ours = found["greenbench, all that meters"] or 1.0
    rows = [
        (name, "not installed" if ms is None else f"{ms:.0f} ms", times(ms, ours))
        for name, ms in found.items()
    ]
    held = reached(held=(found["greenbench (`import greenbench.energy`)"] or 0.0) <= 50)
    print(f"## Import\n\nAim: at most 50 ms for `greenbench.energy`: {held}.\n")
    print(
        table(
            ["tool", "CPU time above an empty interpreter", "of greenbench, all that meters"], rows
        )
    )
    print(
        "\n`import greenbench.energy` alone loads nothing yet; the second row is what a measurement"
        " needs before its\nfirst sample."
    )


if __name__ == "__main__":
    main()
