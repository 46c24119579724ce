"""How much longer `greenbench --help` takes than `python -c pass`, side by side in one run.

python benchmarks/run/startup.py [--pairs 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

HEAVY = ("pandas", "scipy", "numpy", "torch", "tensorflow", "docker", "pydantic", "rich")


def seconds(command: list[str]) -> float:
    start_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    pairs = parser.parse_args().pairs
    greenbench = [str(Path(sys.executable).parent / "greenbench"), "--help"]
    bare = [sys.executable, "-c", "pass"]
    for command in (greenbench, bare):
        seconds(command)
    differences = sorted(seconds(greenbench) - seconds(bare) for _ in range(pairs))
    median = statistics.median(differences)
    print("| pairs | median extra | least | most | aim |")
    print("|---|---|---|---|---|")
    print(
        f"| {pairs} | {median:.3f} s | {differences[0]:.3f} s | {differences[-1]:.3f} s | 0.25 s |"
    )
    code = (
        "import sys; import greenbench.cli; print(*[m for m in sys.argv[1:] if m in sys.modules])"
    )
    found = subprocess.check_output([sys.executable, "-c", code, *HEAVY], text=True).strip()
    print(f"\nheavy imports: {found or 'none'}")


if __name__ == "__main__":
    main()
