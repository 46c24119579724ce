"""Windows of counters against the truth: the stated ± covers it, and is not wider than it must be.

Simulated time: 1,000 random windows of 0.05 s to 20 s over four recordings, with random
phases of the counter's updates. A sample of benchmarks/energy/coverage.py, whose table is in
docs/energy.md: sampling as suites do it, and fast sampling of a counter that it can follow.
"""

from __future__ import annotations

from random import Random

import pytest
from sim.curves import Curve, bursts, constant, ramp, square
from sim.host import Clock, CounterReader, record, windows

from greenbench.api import Window
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline

BEGIN_S, LENGTH_S, RECORDINGS = 1000.0, 180.0, 4
CURVES = {
    "constant": constant(200),
    "ramp": ramp(50, 300, BEGIN_S, BEGIN_S + LENGTH_S),
    "square": square(60, 300, period_s=1.3, duty=0.3),
    "bursts": bursts(60, 300),
}


def recorded(
    curve: Curve, update_s: float, period_s: float, seed: int, read_s: float = 0.0
) -> tuple[CounterReader, Timeline]:
    clock = Clock(BEGIN_S, look_s=2e-6)
    phase_s = Random(seed).random() * update_s
    reader = CounterReader(clock, curve, update_s=update_s, phase_s=phase_s, read_s=read_s)
    meter = Meter([reader], period_s, clock=clock)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, LENGTH_S, seed=seed, latency_s=2e-4))
    return reader, timeline


def errors_and_widths(
    curve: Curve, update_s: float, period_s: float, read_s: float = 0.0
) -> list[tuple[float, float]]:
    found = []
    for seed in range(RECORDINGS):
        _, timeline = recorded(curve, update_s, period_s, seed, read_s)
        drawn = windows(Random(seed), BEGIN_S + 1, BEGIN_S + LENGTH_S - 1, 1000 // RECORDINGS)
        for start_s, end_s in drawn:
            (energy,) = timeline.energy(Window(kind="train", start_s=start_s, end_s=end_s))
            error_j = abs(energy.energy_j - curve.between_j(start_s, end_s))
            found.append((error_j, energy.resolution_j))
    return found


@pytest.mark.parametrize(
    ("update_s", "period_s"),
    [(0.001, 0.1), (0.02, 0.1), (0.1, 0.1), (0.001, 0.01), (0.02, 0.01), (0.1, 0.01)],
)
@pytest.mark.parametrize("name", list(CURVES))
def test_the_stated_width_covers_the_truth_and_is_not_idle_talk(name, update_s, period_s):
    found = errors_and_widths(CURVES[name], update_s, period_s)
    inside = sum(error_j <= width_j for error_j, width_j in found) / len(found)
    large_j = sorted(error_j for error_j, _ in found)[int(0.95 * len(found))]
    middle_j = sorted(width_j for _, width_j in found)[len(found) // 2]
    assert inside >= 0.95
    assert middle_j <= 1.5 * large_j


@pytest.mark.parametrize("name", list(CURVES))
def test_a_read_that_takes_20_ms_widens_what_is_stated(name):
    quick, slow = (errors_and_widths(CURVES[name], 0.02, 0.1, read_s) for read_s in (0.0, 0.02))
    assert sum(error_j <= width_j for error_j, width_j in slow) >= 0.95 * len(slow)
    assert sum(width_j for _, width_j in slow) > 1.1 * sum(width_j for _, width_j in quick)


def test_window_errors_are_far_below_those_of_reading_the_counter_at_the_edges():
    """20 ms counter, 10 ms sampling, square wave: what tools do that read at begin and end."""
    curve = CURVES["square"]
    ours, edges, long = [], [], []
    for seed in range(RECORDINGS):
        reader, timeline = recorded(curve, 0.02, 0.01, seed)
        random = Random(seed)
        for _ in range(150):
            start_s = random.uniform(BEGIN_S + 1, BEGIN_S + LENGTH_S - 22)
            for length_s in (1.0, 20.0):
                end_s = start_s + length_s
                truth_j = curve.between_j(start_s, end_s)
                (energy,) = timeline.energy(Window(kind="train", start_s=start_s, end_s=end_s))
                error = abs(energy.energy_j - truth_j) / truth_j
                if length_s > 1:
                    long.append(error)
                    continue
                ours.append(error)
                read_j = []
                for at_s in (start_s, end_s):
                    reader.clock.now_s = at_s
                    read_j.append(reader.read() * 1e-3)
                edges.append(abs(read_j[1] - read_j[0] - truth_j) / truth_j)
    assert sum(ours) <= 0.5 * sum(edges)
    assert sum(long) / len(long) <= 0.001


def test_updates_that_jitter_are_not_trusted():
    clock = Clock(BEGIN_S, look_s=2e-6)
    curve = constant(200)
    reader = CounterReader(clock, curve, update_s=0.1, jitter_s=0.01)
    meter = Meter([reader], 0.01, clock=clock)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, LENGTH_S))
    drawn = list(windows(Random(5), BEGIN_S + 5, BEGIN_S + LENGTH_S - 1, 400))
    inside = 0
    for start_s, end_s in drawn:
        (energy,) = timeline.energy(Window(kind="train", start_s=start_s, end_s=end_s))
        inside += abs(energy.energy_j - curve.between_j(start_s, end_s)) <= energy.resolution_j
    assert inside >= 0.95 * len(drawn)
