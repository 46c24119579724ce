"""A host in simulated time: a clock that a test moves, and counters that follow power curves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import floor
from random import Random

from greenbench.api import Channel
from greenbench.energy.meter import Meter
from greenbench.energy.samples import SampleChunk

from .curves import Curve


class Clock:
    """Monotonic time that passes only when told; each look costs `look_s`."""

    def __init__(self, now_s: float = 1000.0, look_s: float = 0.0) -> None:
        self.now_s = now_s
        self.look_s = look_s
        self.asleep_s = 0.0
        self._random = Random(0)

    def __call__(self) -> float:
        self.now_s += self.look_s
        return self.now_s

    def suspended(self) -> float:
        return self.asleep_s

    @contextmanager
    def during(self, read_s: float) -> Iterator[None]:
        """A read that takes `read_s`, at some instant of which the sensor is looked at."""
        first = self._random.random()
        self.now_s += first * read_s
        yield
        self.now_s += (1 - first) * read_s


class CounterReader:
    """A counter that follows `curve`, updated every `update_s` from `phase_s` on."""

    def __init__(
        self,
        clock: Clock,
        curve: Curve,
        name: str = "gpu/0",
        *,
        update_s: float = 0.02,
        phase_s: float = 0.0,
        jitter_s: float = 0.0,
        unit_j: float = 1e-3,
        wrap_units: int | None = None,
        max_power_w: float | None = 700.0,
        stated_update_s: float | None = -1.0,
        physical_id: str = "",
        contained_in: str | None = None,
        origin_s: float = 0.0,
        read_s: float = 0.0,
    ) -> None:
        self.clock, self.curve = clock, curve
        self.update_s, self.phase_s, self.jitter_s = update_s, phase_s, jitter_s
        self.origin_s = origin_s
        self.read_s = read_s
        self.fails = False
        self.raw: int | None = None
        self.channel = Channel(
            name=name,
            backend="simulated",
            method="counter",
            physical_id=physical_id or name,
            scope="simulated",
            unit_j=unit_j,
            wrap_units=wrap_units,
            max_power_w=max_power_w,
            update_period_s=update_s if stated_update_s == -1.0 else stated_update_s,
            contained_in=contained_in,
        )

    def updated_s(self) -> float:
        """The instant of the last update."""
        number = floor((self.clock.now_s - self.phase_s) / self.update_s) + 1
        while True:
            noise_s = Random(number).uniform(-1, 1) * self.jitter_s
            at_s = number * self.update_s + self.phase_s + noise_s
            if at_s <= self.clock.now_s:
                return at_s
            number -= 1

    def read(self) -> int:
        if self.fails:
            raise OSError("simulated failure")
        if self.raw is not None:
            return self.raw
        with self.clock.during(self.read_s):
            updated_s = self.updated_s()
        energy_j = self.curve.energy_j(updated_s) - self.curve.energy_j(self.origin_s)
        units = floor(energy_j / self.channel.unit_j)
        return units % self.channel.wrap_units if self.channel.wrap_units else units

    def close(self) -> None:
        pass


class PowerReader:
    """An instantaneous power reading of `curve`, in mW."""

    def __init__(
        self,
        clock: Clock,
        curve: Curve,
        name: str = "gpu/0",
        *,
        read_s: float = 0.0,
        **facts: object,
    ) -> None:
        self.clock, self.curve, self.read_s = clock, curve, read_s
        self.fails = False
        self.channel = Channel(
            **{
                "name": name,
                "backend": "simulated",
                "method": "power",
                "physical_id": name,
                "scope": "simulated",
                "unit_w": 1e-3,
                "max_power_w": 700.0,
                **facts,
            }
        )

    def read(self) -> int:
        if self.fails:
            raise OSError("simulated failure")
        with self.clock.during(self.read_s):
            return round(self.curve.power_w(self.clock.now_s) * 1000)

    def close(self) -> None:
        pass


class AveragedPowerReader(PowerReader):
    """A power reading that is the mean over the last second, as newer GPUs give it."""

    def read(self) -> int:
        super().read()
        now_s = self.clock.now_s
        return round(1000 * self.curve.between_j(now_s - 1.0, now_s))


def record(
    clock: Clock,
    meter: Meter,
    length_s: float,
    *,
    seed: int = 1,
    latency_s: float = 0.0,
) -> list[SampleChunk]:
    """Runs `meter` for `length_s` of simulated time as its own thread would: each period varied
    by ± a quarter, and woken up to `latency_s` late."""
    random = Random(seed)
    end_s = clock.now_s + length_s
    due_s = clock.now_s
    meter.start()
    while due_s < end_s:
        due_s += meter.period_s * (0.75 + 0.5 * random.random())
        clock.now_s = due_s + random.random() * latency_s
        meter.tick()
    return meter.drain()


def windows(
    random: Random, start_s: float, end_s: float, count: int
) -> Iterable[tuple[float, float]]:
    """Random windows of 0.05 s to 20 s, lengths drawn evenly on a logarithmic scale."""
    for _ in range(count):
        length_s = 0.05 * 400 ** random.random()
        begin_s = random.uniform(start_s, end_s - length_s)
        yield begin_s, begin_s + length_s
