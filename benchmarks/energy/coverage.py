"""The stated ± against the truth, in simulated time: 1,000 random windows for each curve, update
period of the counter and sampling period.

python benchmarks/energy/coverage.py
"""

from __future__ import annotations

from random import Random
from statistics import median

import hardware  # noqa: F401 (finds the simulation)
from markdown import table
from sim.curves import Curve, bursts, constant, ramp, square
from sim.host import Clock, CounterReader, record, windows

from greenbench.api import Window
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline

BEGIN_S, LENGTH_S, RECORDINGS, WINDOWS = 1000.0, 180.0, 10, 1000
CURVES = {
    "constant": constant(200),
    "ramp": ramp(50, 300, BEGIN_S, BEGIN_S + LENGTH_S),
    "square, 1.3 s, 30 %": square(60, 300),
    "bursts": bursts(60, 300),
}
UPDATES_S = (0.001, 0.02, 0.1)
PERIODS_S = (0.01, 0.1)


def recorded(curve: Curve, update_s: float, period_s: float, seed: int) -> Timeline:
    clock = Clock(BEGIN_S, look_s=2e-6)
    reader = CounterReader(
        clock, curve, update_s=update_s, phase_s=Random(f"phase {seed}").random() * update_s
    )
    meter = Meter([reader], period_s, clock=clock)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, LENGTH_S, seed=100 + seed, latency_s=2e-4))
    return timeline


def errors_and_widths(curve: Curve, update_s: float, period_s: float) -> list[tuple[float, float]]:
    found = []
    for seed in range(RECORDINGS):
        timeline = recorded(curve, update_s, period_s, seed)
        random = Random(f"windows {seed}")
        last_s = BEGIN_S + LENGTH_S - 1
        for start_s, end_s in windows(random, BEGIN_S + 1, last_s, WINDOWS // RECORDINGS):
            (energy,) = timeline.energy(Window(kind="train", start_s=start_s, end_s=end_s))
            assert energy.energy_j is not None
            assert energy.resolution_j is not None
            error_j = abs(energy.energy_j - curve.between_j(start_s, end_s))
            found.append((error_j, energy.resolution_j))
    return found


def joules(energy_j: float) -> str:
    return f"{energy_j:.2f} J" if energy_j >= 1 else f"{1000 * energy_j:.3g} mJ"


def row(name: str, update_s: float, period_s: float) -> tuple[object, ...]:
    found = errors_and_widths(CURVES[name], update_s, period_s)
    inside = sum(error_j <= width_j for error_j, width_j in found) / len(found)
    errors_j = sorted(error_j for error_j, _ in found)
    large_j = errors_j[int(0.95 * len(errors_j))]
    middle_j = median(width_j for _, width_j in found)
    return (
        name,
        f"{1000 * update_s:.0f} ms",
        f"{1000 * period_s:.0f} ms",
        f"{100 * inside:.1f} %{'' if inside >= 0.95 else ' (missed)'}",
        joules(median(errors_j)),
        joules(large_j),
        joules(middle_j),
        f"{middle_j / large_j:.2f}{'' if middle_j <= 1.5 * large_j else ' (missed)'}",
    )


def main() -> None:
    head = ["power", "counter updates", "sampling", "truth within ±", "median error"]
    head += ["95th percentile of the error", "median ±", "± / 95th percentile"]
    rows = [row(n, u, p) for n in CURVES for u in UPDATES_S for p in PERIODS_S]
    print("## The stated ± against the truth\n")
    print(
        "Aim: the truth within ± in at least 95 % of 1,000 windows of 0.05 s to 20 s, and a median"
    )
    print(
        "± of at most 1.5 times the 95th percentile of the error. Counter in mJ, ten recordings of"
        " 180 s a line, simulated time.\n"
    )
    print(table(head, rows))


if __name__ == "__main__":
    main()
