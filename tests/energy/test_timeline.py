"""Windows: exact additivity, honest edges, bounded memory, totals of disjoint channels."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.curves import bursts, constant, square
from sim.host import AveragedPowerReader, Clock, CounterReader, PowerReader, record

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline
from greenbench.energy.total import total
from greenbench.errors import EnergyError


def timeline_of(*readers, clock: Clock, length_s: float = 30.0, period_s: float = 0.05) -> Timeline:
    meter = Meter(readers, period_s, clock=clock)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, length_s))
    return timeline


def train(start_s: float, end_s: float) -> Window:
    return Window(kind="train", start_s=start_s, end_s=end_s)


_CLOCK = Clock(0.0)
SHARED = timeline_of(
    CounterReader(_CLOCK, square(60, 300), "gpu/0", update_s=0.02, phase_s=0.007),
    CounterReader(_CLOCK, bursts(10, 90), "cpu/package-0", update_s=0.001),
    PowerReader(_CLOCK, bursts(60, 300), "gpu/1"),
    clock=_CLOCK,
)


@settings(max_examples=200)
@given(st.lists(st.floats(1, 28), min_size=3, max_size=8))
def test_adjacent_windows_add_up_exactly(cuts):
    cuts.sort()
    parts = [SHARED.energy(train(a, b)) for a, b in pairwise(cuts)]
    whole = SHARED.energy(train(cuts[0], cuts[-1]))
    for place, channel in enumerate(whole):
        assert sum(part[place].energy_j for part in parts) == channel.energy_j


def test_rows_in_many_chunks_give_the_same_windows_as_in_one():
    clock = Clock(0.0)
    reader = CounterReader(clock, square(60, 300))
    meter = Meter([reader], 0.05, clock=clock)
    pieces = []
    meter.start()
    for number in range(200):
        clock.now_s += 0.05
        meter.tick()
        if number % 7 == 0:
            pieces += meter.drain()
    pieces += meter.drain()
    one, many = Timeline(meter.channels), Timeline(meter.channels)
    for piece in pieces:
        many.add([piece])
    one.add(pieces)
    assert one.energy(train(1, 8)) == many.energy(train(1, 8))


@pytest.mark.parametrize("read_s", [0.0, 0.005, 0.02, 0.05])
@pytest.mark.parametrize("curve", [square(60, 300, period_s=1.3), bursts(60, 300)])
def test_power_readings_integrate_and_say_how_well(curve, read_s):
    """However long a read takes: it was of some instant in between."""
    clock = Clock(0.0)
    timeline = timeline_of(PowerReader(clock, curve, read_s=read_s), clock=clock, length_s=200)
    random, inside = Random(3), 0
    for _ in range(300):
        start_s = random.uniform(1, 170)
        end_s = start_s + random.uniform(1, 20)
        (found,) = timeline.energy(train(start_s, end_s))
        inside += abs(found.energy_j - curve.between_j(start_s, end_s)) <= found.resolution_j
    assert inside >= 0.95 * 300


@pytest.mark.parametrize(
    "curve", [square(60, 300, period_s=1.3), square(60, 300, period_s=8, duty=0.5), bursts(60, 300)]
)
def test_a_reading_that_is_a_mean_over_a_second_is_wider_at_edges_and_covers_the_truth(curve):
    clock = Clock(0.0)
    reader = AveragedPowerReader(clock, curve, averaging_s=1.0)
    timeline = timeline_of(reader, clock=clock, length_s=200, period_s=0.1)
    random, inside = Random(3), 0
    for _ in range(300):
        start_s = random.uniform(1, 170)
        end_s = start_s + random.uniform(1, 20)
        (found,) = timeline.energy(train(start_s, end_s))
        inside += abs(found.energy_j - curve.between_j(start_s, end_s)) <= found.resolution_j
    assert inside >= 0.95 * 300


def test_a_mean_over_a_second_costs_nothing_where_power_is_steady():
    clock = Clock(0.0)
    timeline = timeline_of(
        AveragedPowerReader(clock, constant(200), averaging_s=1.0), clock=clock, length_s=30
    )
    (found,) = timeline.energy(train(5, 20))
    assert found.energy_j == pytest.approx(3000, rel=1e-4)
    assert found.resolution_j < 1


def test_a_window_beyond_the_readings_has_no_energy_but_a_reason():
    (gpu, *_) = SHARED.energy(train(20, 40))
    assert gpu.energy_j is None
    assert "last reading is" in gpu.reason
    (gpu, *_) = SHARED.energy(train(-20, 5))
    assert "first reading is" in gpu.reason
    assert not SHARED.ready(train(20, 40))
    assert SHARED.ready(train(20, 29))
    empty = Timeline(SHARED.channels)
    assert "no two readings" in empty.energy(train(1, 2))[0].reason


def test_a_counter_that_does_not_move_is_no_measurement_of_zero():
    clock = Clock(0.0)
    timeline = timeline_of(CounterReader(clock, constant(0)), clock=clock)
    (found,) = timeline.energy(train(2, 28))
    assert found.energy_j is None
    assert "not moved" in found.reason
    assert timeline.ready(train(2, 28))


def test_an_idle_processor_used_no_cpu_time():
    """What an estimate counts may stand still; then nothing was used."""
    clock = Clock(0.0)
    reader = CounterReader(clock, constant(0), "cpu/estimate")
    reader.channel = replace(reader.channel, method="estimate")
    (found,) = timeline_of(reader, clock=clock).energy(train(2, 28))
    assert found.energy_j == 0


def test_forgetting_bounds_memory_and_changes_no_later_window():
    clock = Clock(0.0)
    timeline = timeline_of(CounterReader(clock, bursts(60, 300)), clock=clock, length_s=100)
    before = timeline.energy(train(90, 95))
    held = len(timeline.power_w("gpu/0", train(0, 100)))
    timeline.forget(89)
    assert timeline.energy(train(90, 95)) == before
    assert len(timeline.power_w("gpu/0", train(0, 100))) < held / 5


def test_a_trace_is_the_power_of_the_window():
    points = SHARED.power_w("gpu/0", train(5, 6.3))
    assert all(5 <= at_s <= 6.3 for at_s, _ in points)
    stamps = [at_s for at_s, _ in points]
    energy_j = sum(point[1] * (point[0] - before[0]) for before, point in pairwise(points))
    (gpu, *_) = SHARED.energy(train(stamps[0], stamps[-1]))
    assert energy_j == pytest.approx(gpu.energy_j, rel=1e-6)


def test_short_windows_say_that_they_are_uncertain():
    """Below about 100 update periods the stated width is above 1 %."""
    clock = Clock(0.0)
    timeline = timeline_of(
        CounterReader(clock, constant(200), update_s=0.1), clock=clock, period_s=0.1
    )
    (short,) = timeline.energy(train(5, 6))
    assert short.resolution_j > 0.01 * short.energy_j


def test_chunks_of_strangers_and_twins_are_refused():
    reader = CounterReader(Clock(), constant(1))
    with pytest.raises(EnergyError, match="two energy channels"):
        Timeline([reader.channel, reader.channel])
    with pytest.raises(EnergyError, match="before it begins"):
        SHARED.energy(train(2, 1))


# --- totals -------------------------------------------------------------------------------------


def channel(name: str, **facts) -> Channel:
    known = {"backend": "x", "method": "counter", "physical_id": name, "scope": ""}
    return Channel(name=name, **{**known, **facts})


def found(name: str, energy_j: float | None) -> WindowEnergy:
    return WindowEnergy(
        channel=name,
        window="train",
        number=0,
        energy_j=energy_j,
        resolution_j=None if energy_j is None else 0.3,
        coverage=None,
        calibration=None,
        method="counter",
        samples=9,
        gap_s=0.0,
        reason="" if energy_j is not None else "it was lost",
    )


def test_a_total_adds_what_is_disjoint_and_names_the_rest():
    channels = [
        channel("cpu/package-0"),
        channel("cpu/core-0", contained_in="cpu/package-0"),
        channel("cpu/dram-0"),
        channel("gpu/0", physical_id="GPU-1"),
        channel("gpu/0/power", physical_id="GPU-1", method="power", contained_in="gpu/0"),
        channel("twin", physical_id="cpu/dram-0"),
        channel("cpu/estimate", method="estimate"),
    ]
    energies = [found(c.name, 10.0) for c in channels]
    whole = total(energies, channels)
    assert whole.included == ("cpu/package-0", "cpu/dram-0", "gpu/0")
    assert whole.energy_j == 30.0
    assert whole.resolution_j == pytest.approx(0.3 * 3**0.5)
    assert whole.method == "measured"
    assert whole.left_out["cpu/core-0"] == "already in cpu/package-0"
    assert whole.left_out["twin"] == "reads what cpu/dram-0 reads"
    assert "estimate" in whole.left_out["cpu/estimate"]
    assert "fans" in whole.left_out["everything else"]


def test_the_platform_counter_replaces_its_parts():
    channels = [
        channel("platform/psys"),
        channel("cpu/package-0", contained_in="platform/psys"),
        channel("cpu/core-0", contained_in="cpu/package-0"),
        channel("gpu/0"),
    ]
    assert total([found(c.name, 1.0) for c in channels], channels).included == (
        "platform/psys",
        "gpu/0",
    )


def test_a_total_with_an_unknown_part_is_unknown():
    channels = [channel("a"), channel("b")]
    whole = total([found("a", 5.0), found("b", None)], channels)
    assert whole.energy_j is None
    assert "b: it was lost" in whole.reason
    assert total([], []).method == "none"


def test_estimates_alone_are_an_estimate():
    channels = [channel("cpu/estimate", method="estimate")]
    assert total([found("cpu/estimate", 4.0)], channels).method == "estimate"
