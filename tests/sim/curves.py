"""Power curves whose energy is known in closed form: the truth of every simulated sensor."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor


@dataclass(frozen=True)
class Pulse:
    """`extra_w` on top, for `duty` of every `period_s`, first at `phase_s`."""

    extra_w: float
    period_s: float
    duty: float
    phase_s: float = 0.0

    def power_w(self, t: float) -> float:
        x = (t - self.phase_s) / self.period_s
        return self.extra_w if x - floor(x) < self.duty else 0.0

    def energy_j(self, t: float) -> float:
        """From the phase to `t`; only differences mean anything."""
        x = (t - self.phase_s) / self.period_s
        whole = floor(x)
        return self.extra_w * self.period_s * (whole * self.duty + min(x - whole, self.duty))


@dataclass(frozen=True)
class Curve:
    """Power over the monotonic clock: `base_w`, a ramp of `slope_w_per_s` between two instants
    (held after), and at most two pulse trains. The same terms are known to the NVML stub."""

    base_w: float
    slope_w_per_s: float = 0.0
    ramp_begin_s: float = 0.0
    ramp_end_s: float = 0.0
    pulses: tuple[Pulse, ...] = ()

    def power_w(self, t: float) -> float:
        along_s = min(max(t, self.ramp_begin_s), self.ramp_end_s) - self.ramp_begin_s
        return self.base_w + self.slope_w_per_s * along_s + sum(p.power_w(t) for p in self.pulses)

    def energy_j(self, t: float) -> float:
        along_s = min(max(t, self.ramp_begin_s), self.ramp_end_s) - self.ramp_begin_s
        held_s = max(t - self.ramp_end_s, 0.0)
        ramp_j = self.slope_w_per_s * along_s * (along_s / 2 + held_s)
        return self.base_w * t + ramp_j + sum(p.energy_j(t) for p in self.pulses)

    def between_j(self, start_s: float, end_s: float) -> float:
        """The true energy of a window."""
        return self.energy_j(end_s) - self.energy_j(start_s)

    def numbers(self) -> list[float]:
        """The curve as twelve numbers, for simulators in other processes and languages."""
        values = [self.base_w, self.slope_w_per_s, self.ramp_begin_s, self.ramp_end_s]
        for pulse in self.pulses:
            values += [pulse.extra_w, pulse.period_s, pulse.duty, pulse.phase_s]
        return values + [0.0, 1.0, 0.0, 0.0] * (2 - len(self.pulses))

    @classmethod
    def from_numbers(cls, values: list[float]) -> Curve:
        pulses = [Pulse(*values[i : i + 4]) for i in (4, 8)]
        return cls(*values[:4], pulses=tuple(p for p in pulses if p.extra_w))


def constant(power_w: float) -> Curve:
    return Curve(power_w)


def ramp(low_w: float, high_w: float, begin_s: float, end_s: float) -> Curve:
    return Curve(low_w, (high_w - low_w) / (end_s - begin_s), begin_s, end_s)


def square(
    low_w: float, high_w: float, period_s: float = 1.3, duty: float = 0.3, phase_s: float = 0.0
) -> Curve:
    return Curve(low_w, pulses=(Pulse(high_w - low_w, period_s, duty, phase_s),))


def bursts(low_w: float, high_w: float) -> Curve:
    """Bursts of 53 ms each 0.71 s and of 170 ms each 2.9 s, on top of each other."""
    extra_w = high_w - low_w
    return Curve(
        low_w, pulses=(Pulse(extra_w * 0.6, 0.71, 0.075), Pulse(extra_w * 0.4, 2.9, 0.0586))
    )
