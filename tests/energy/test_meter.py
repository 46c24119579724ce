"""The meter in simulated time: wraps, faults, resets, failures, sleep; and its thread."""

from __future__ import annotations

import sys
import threading
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim.curves import constant, square
from sim.host import Clock, CounterReader, PowerReader, record

from greenbench.api import Window
from greenbench.energy import samples
from greenbench.energy.meter import Meter
from greenbench.energy.samples import SampleChunk
from greenbench.energy.timeline import Timeline
from greenbench.errors import EnergyError


def ticked(clock: Clock, meter: Meter, count: int, period_s: float = 0.1) -> None:
    for _ in range(count):
        clock.now_s += period_s
        meter.tick()


def train(timeline: Timeline, start_s: float, end_s: float):
    return timeline.energy(Window(kind="train", start_s=start_s, end_s=end_s))[0]


def simulated(clock: Clock, *readers, period_s: float = 0.1) -> Meter:
    return Meter(readers, period_s, clock=clock, suspended=clock.suspended)


def test_ten_thousand_wraps_and_no_wrong_window():
    clock, random = Clock(0.0), Random(1)
    curve = square(100, 300, duty=0.5)
    reader = CounterReader(clock, curve, update_s=0.001, wrap_units=200_000, max_power_w=500)
    meter = simulated(clock, reader)  # wraps each second, may be ambiguous from 0.4 s on
    timeline = Timeline(meter.channels)
    meter.start()
    checked = inside = 0
    for second in range(1, 10_001):
        ticked(clock, meter, 10)
        if second % 50 == 0:
            timeline.add(meter.drain())
            for _ in range(48):
                start_s = random.uniform(second - 49, second - 2)
                end_s = random.uniform(start_s + 0.05, second - 1)
                found = train(timeline, start_s, end_s)
                error_j = abs(found.energy_j - curve.between_j(start_s, end_s))
                assert error_j < 40, "a wrap is 200 J"
                assert found.gap_s == 0
                inside += error_j <= found.resolution_j
                checked += 1
            timeline.forget(second - 52)
    assert checked == 9_600
    assert inside >= 0.95 * checked


def test_where_a_second_wrap_was_possible_the_interval_is_a_gap():
    clock = Clock(0.0)
    reader = CounterReader(
        clock, constant(200), update_s=0.001, wrap_units=200_000, max_power_w=500
    )
    meter = simulated(clock, reader)
    meter.start()
    ticked(clock, meter, 50)
    clock.now_s += 3.0  # three wraps
    ticked(clock, meter, 50)
    chunk = meter.drain()[0]
    gaps = [flags for flags in chunk.flags if flags & samples.GAP]
    assert len(gaps) == 1
    assert gaps[0] & samples.AMBIGUOUS
    timeline = Timeline(meter.channels)
    timeline.add([chunk])
    assert train(timeline, 1, 4).energy_j == pytest.approx(600, abs=0.5)
    spoilt = train(timeline, 4, 9)
    assert spoilt.energy_j is None
    assert "could not be read" in spoilt.reason


def test_a_short_gap_widens_instead_of_hiding():
    clock = Clock(0.0)
    reader = CounterReader(
        clock, constant(200), update_s=0.001, wrap_units=200_000, max_power_w=500
    )
    meter = simulated(clock, reader)
    meter.start()
    ticked(clock, meter, 100)
    clock.now_s += 0.5
    ticked(clock, meter, 100)
    timeline = Timeline(meter.channels)
    timeline.add(meter.drain())
    found = train(timeline, 2, 18)
    assert found.gap_s == pytest.approx(0.6, abs=0.02)
    assert found.energy_j == pytest.approx(200 * 16, abs=found.resolution_j)
    assert found.resolution_j == pytest.approx(300 * 0.6, rel=0.1)


def test_one_absurd_reading_is_a_fault_and_costs_nothing():
    clock = Clock(0.0)
    reader = CounterReader(clock, constant(100), update_s=0.01)
    meter = simulated(clock, reader)
    meter.start()
    ticked(clock, meter, 50)
    reader.raw = 10**12
    ticked(clock, meter, 1)
    reader.raw = 3
    ticked(clock, meter, 1)
    reader.raw = None
    ticked(clock, meter, 50)
    timeline = Timeline(meter.channels)
    timeline.add(meter.drain())
    assert train(timeline, 1, 10).energy_j == pytest.approx(900, rel=0.002)
    assert meter.failures()["gpu/0"][0] == 2
    assert "no power explains" in meter.failures()["gpu/0"][1]


def test_a_slow_counter_read_often_steps_and_is_right():
    clock = Clock(0.0)
    reader = CounterReader(clock, constant(690), update_s=0.1, max_power_w=700)
    meter = simulated(clock, reader, period_s=0.01)
    meter.start()
    ticked(clock, meter, 1000, 0.01)
    timeline = Timeline(meter.channels)
    timeline.add(meter.drain())
    assert not meter.failures()
    assert train(timeline, 1, 9).energy_j == pytest.approx(690 * 8, rel=1e-3)


def test_a_driver_reload_is_a_gap_and_what_follows_is_measured():
    clock = Clock(0.0)
    reader = CounterReader(clock, constant(100), update_s=0.02)
    meter = simulated(clock, reader)
    meter.start()
    ticked(clock, meter, 50)
    reader.origin_s = clock.now_s  # the counter starts again at 0
    ticked(clock, meter, 100)
    timeline = Timeline(meter.channels)
    timeline.add(meter.drain())
    assert train(timeline, 1, 4.5).energy_j == pytest.approx(350, rel=0.01)
    assert train(timeline, 6, 14).energy_j == pytest.approx(800, rel=0.01)
    across = train(timeline, 1, 14)
    assert 0 < across.gap_s < 0.5
    assert across.energy_j == pytest.approx(1300, abs=across.resolution_j)


def test_a_lost_gpu_is_a_named_gap_and_the_others_stay_whole():
    clock = Clock(0.0)
    lost = CounterReader(clock, constant(100), "gpu/0")
    other = CounterReader(clock, constant(50), "gpu/1")
    meter = simulated(clock, lost, other)
    meter.start()
    ticked(clock, meter, 50)
    lost.fails = True
    ticked(clock, meter, 100)
    timeline = Timeline(meter.channels)
    timeline.add(meter.drain())
    window = Window(kind="train", start_s=1, end_s=12)
    assert timeline.ready(window)
    first, second = timeline.energy(window)
    assert first.energy_j is None
    assert "100 reads failed since" in first.reason
    assert second.energy_j == pytest.approx(550, rel=0.01)


def test_a_host_that_slept_has_a_gap():
    clock = Clock(0.0)
    reader = CounterReader(clock, constant(100), update_s=0.02)
    meter = simulated(clock, reader)
    meter.start()
    ticked(clock, meter, 50)
    clock.asleep_s += 3600
    ticked(clock, meter, 50)
    flags = [f for f in meter.drain()[0].flags if f & samples.SLEPT]
    assert len(flags) == 1
    assert flags[0] & samples.GAP


SENSORS = {
    "counter": lambda clock, curve: CounterReader(clock, curve, update_s=0.02, phase_s=0.007),
    "power": PowerReader,
}


@pytest.fixture(params=SENSORS)
def sensor(request):
    """Makes a counter or a power reading of a curve."""
    return SENSORS[request.param]


def test_a_suspended_host_is_a_gap_and_no_spike(sensor):
    """The monotonic clock stands still meanwhile, and the counter may have gone on."""
    clock, curve = Clock(0.0), square(60, 300)
    reader = sensor(clock, curve)
    meter = simulated(clock, reader)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, 60))
    clock.asleep_s += 3600
    clock.now_s += 0.05  # from the last sample to the first, awake
    reader.origin_s = -200.0  # 26 kJ of a night, which are nobody's
    timeline.add(record(clock, meter, 60, seed=2))
    check_windows(timeline, curve, 1, 118)
    across = train(timeline, 30, 90)
    assert 0 < across.gap_s < 0.3
    assert across.energy_j == pytest.approx(curve.between_j(30, 90), abs=across.resolution_j)
    assert across.resolution_j < 300
    assert train(timeline, 5, 55).gap_s == train(timeline, 65, 115).gap_s == 0


@pytest.mark.parametrize("starved_s", [0.7, 2.0, 5.0])
def test_a_starved_sampler_leaves_gaps_and_no_spikes(sensor, starved_s):
    clock, curve = Clock(0.0), square(60, 300)
    meter = simulated(clock, sensor(clock, curve))
    timeline = Timeline(meter.channels)
    for part in range(12):
        timeline.add(record(clock, meter, 20, seed=part))
        clock.now_s += starved_s
    timeline.add(record(clock, meter, 20))
    check_windows(timeline, curve, 1, clock.now_s - 1)
    assert train(timeline, 10, 10 + 20 + starved_s).gap_s == pytest.approx(starved_s, abs=0.3)
    assert train(timeline, 2, 18).gap_s == 0


def check_windows(timeline: Timeline, curve, from_s: float, until_s: float) -> None:
    """Of random windows at least 95 % are within their ±; a window that has no energy says why,
    and is one of which much was not read."""
    random = Random(7)
    inside, known = 0, 0
    for _ in range(600):
        length_s = random.uniform(0.2, 15)
        start_s = random.uniform(from_s, until_s - length_s)
        found = train(timeline, start_s, start_s + length_s)
        truth_j = curve.between_j(start_s, start_s + length_s)
        if found.energy_j is None:
            assert found.gap_s > 0.1 * length_s
            assert "could not be read" in found.reason
            continue
        known += 1
        inside += abs(found.energy_j - truth_j) <= found.resolution_j
        assert abs(found.energy_j - truth_j) <= 3 * found.resolution_j, "a spike"
    assert inside >= 0.95 * known
    assert known > 300


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_failed_reads_stay_within_the_stated_width(sensor, share):
    random = Random(7)
    clock = Clock(0.0)
    curve = square(60, 300)
    reader = sensor(clock, curve)
    read = reader.read

    def failing() -> int:
        if random.random() < share:
            raise OSError("simulated failure")
        return read()

    reader.read = failing
    meter = simulated(clock, reader, period_s=0.05)
    timeline = Timeline(meter.channels)
    timeline.add(record(clock, meter, 300))
    check_windows(timeline, curve, 2, 298)


@given(st.integers(2_000, 10**7), st.integers(0, 10**7), st.randoms(use_true_random=False))
def test_energy_does_not_depend_on_where_the_counter_wraps(wrap, start, random):
    """The same recording with and without wraps, as long as no interval may hide one."""
    found = []
    steps = [random.uniform(0.001, 0.008) for _ in range(60)]
    for wrap_units in (None, wrap):
        clock = Clock(0.0)
        reader = CounterReader(
            clock, constant(120), update_s=0.001, max_power_w=200, wrap_units=wrap_units
        )
        reader.origin_s = -start / 1e6
        meter = simulated(clock, reader, period_s=0.01)
        meter.start()
        for step_s in steps:
            ticked(clock, meter, 1, step_s)
        found.append(list(meter.drain()[0].value))
    assert found[0] == found[1]


def test_drained_rows_are_gone_and_chunks_survive_as_bytes():
    clock = Clock(0.0)
    meter = simulated(
        clock, CounterReader(clock, constant(100)), PowerReader(clock, constant(5), "p")
    )
    meter.start()
    ticked(clock, meter, 9)
    first = meter.drain()
    assert [len(chunk) for chunk in first] == [10, 10]
    assert meter.drain() == []
    assert [SampleChunk.from_bytes(chunk.to_bytes()) for chunk in first] == first
    with pytest.raises(EnergyError, match="cut short"):
        SampleChunk.from_bytes(first[0].to_bytes()[:-1])
    with pytest.raises(EnergyError, match="unknown kind"):
        SampleChunk.from_bytes(b"x" * 50)


def test_a_tick_of_a_gpu_and_two_packages_keeps_at_most_100_bytes():
    clock = Clock(0.0)
    readers = [
        CounterReader(clock, constant(100), "gpu/0"),
        PowerReader(clock, constant(100), "gpu/0/power"),
        CounterReader(clock, constant(100), "cpu/package-0"),
        CounterReader(clock, constant(100), "cpu/package-1"),
    ]
    meter = simulated(clock, *readers)
    ticked(clock, meter, 10_000)
    kept = sum(
        sys.getsizeof(column)
        for chunk in meter.drain()
        for column in (chunk.stamp_s, chunk.half_s, chunk.value, chunk.flags)
    )
    assert kept / 10_000 <= 100


def test_live_power_is_there_as_soon_as_it_is_known():
    clock = Clock(0.0)
    readers = [CounterReader(clock, constant(100), "a"), PowerReader(clock, constant(7), "b")]
    meter = simulated(clock, *readers)
    assert meter.latest_power_w() == {}
    meter.start()
    ticked(clock, meter, 30)
    assert meter.latest_power_w() == pytest.approx({"a": 100, "b": 7}, rel=0.1)


def test_the_thread_samples_survives_a_broken_sensor_and_ends():
    clock = Clock(0.0)
    good = CounterReader(clock, constant(100), "good")
    broken = CounterReader(clock, constant(100), "broken")
    broken.read = lambda: 1 // 0
    interval_s = sys.getswitchinterval()
    meter = Meter([broken, good], 0.01)
    with meter:
        assert sys.getswitchinterval() < interval_s
        time.sleep(0.3)
    assert sys.getswitchinterval() == interval_s
    assert not [t for t in threading.enumerate() if t.name == "greenbench-meter"]
    rows = {chunk.channel: chunk for chunk in meter.drain()}
    assert len(rows["good"]) > 5
    assert all(flags == samples.FAILED for flags in rows["broken"].flags)
    assert "ZeroDivisionError" in meter.failures()["broken"][1]


def test_a_period_of_zero_is_refused():
    with pytest.raises(EnergyError, match="above 0"):
        Meter([], 0.0)


def test_a_meter_can_be_stopped_and_started_again():
    meter = Meter([CounterReader(Clock(0.0), constant(100))], 0.01)
    for _ in range(2):
        meter.start()
        time.sleep(0.05)
        meter.stop()
        assert len(meter.drain()[0]) >= 2
        assert not [t for t in threading.enumerate() if t.name == "greenbench-meter"]
    meter.stop()
