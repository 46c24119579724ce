"""Runs every script of this folder and writes what they print to `results.md`.

python benchmarks/energy/everything.py [--output benchmarks/energy/results.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from markdown import table
from tools import TOOLS, installed

HERE = Path(__file__).parent
COST = ["imports.py", "windows.py", "samples.py", "idle.py", "memory.py"]
ACCURACY = ["realtime.py", "coverage.py"]


def section(script: str) -> str:
    print(f"{script} …", file=sys.stderr, flush=True)
    before = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, str(HERE / script)], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"{script} failed:\n{done.stderr}")
    return f"{done.stdout.strip()}\n\n`{script}`, begun at a load of {before:.1f}.\n"


def head() -> str:
    found = installed()
    versions = [(name, found.get(name, "not installed: left out")) for name in TOOLS]
    return (
        "# Energy: cost and accuracy, side by side in one run\n\n"
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.system()}, a"
        f" virtual machine with {os.cpu_count()} shared processors. One simulated GPU and two"
        " simulated packages.\nTimes differ between machines; the ratios beside them are what to"
        " compare. How to repeat it: `README.md`.\n\n" + table(["tool", "version"], versions) + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE / "results.md")
    output: Path = parser.parse_args().output
    parts = [head(), *(section(script) for script in [*COST, *ACCURACY])]
    output.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
