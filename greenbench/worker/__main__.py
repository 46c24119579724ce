"""Starts the worker: `python -m greenbench.worker --socket PATH --scratch DIR [--data DIR]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from greenbench.worker.supervisor import supervise


def main() -> int:
    """Parses the executor's arguments and runs one trial."""
    parser = argparse.ArgumentParser(prog="greenbench.worker", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the trial's Unix socket")
    parser.add_argument("--scratch", type=Path, required=True, help="the only writable folder")
    parser.add_argument("--data", type=Path, help="prepared data sets, read-only")
    arguments = parser.parse_args()
    return supervise(arguments.socket, arguments.scratch, arguments.data)


if __name__ == "__main__":
    sys.exit(main())
