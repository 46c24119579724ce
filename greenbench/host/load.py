"""The control workload: a fixed amount of integer arithmetic in one process, the same every time.

Run as a program it does as many units as each line of its input asks for, and answers each with
start and end (s, CLOCK_MONOTONIC) and its CPU time (s). It imports the standard library alone.
"""

from __future__ import annotations

import sys
import time

STEPS = 10_000
"""Steps of the generator in one unit of work: about a millisecond."""


def work(units: int) -> int:
    """A linear congruential generator (Knuth's MMIX), `units` × `STEPS` steps of it."""
    state = 1
    for _ in range(units):
        for _ in range(STEPS):
            state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
    return state


def main() -> None:
    """Works until its input ends."""
    for line in sys.stdin:
        start_s, cpu_s = time.monotonic(), time.process_time()
        work(int(line))
        cpu_s = time.process_time() - cpu_s
        sys.stdout.write(f"{start_s!r} {time.monotonic()!r} {cpu_s!r}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
