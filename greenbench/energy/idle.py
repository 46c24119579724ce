"""What each channel draws with nothing running, from all idle windows of a session so far."""

from __future__ import annotations

from math import sqrt
from statistics import stdev
from typing import TYPE_CHECKING, Final

from greenbench.energy.attribution import Idle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenbench.api import Window, WindowEnergy

SPREAD: Final = 2.0
"""Half-width of idle power in standard deviations of the readings (95 % of normal ones)."""


class IdlePowers:
    """Mean power by channel over idle windows, weighted by their length.

    The half-width spans how much the readings differ (a host is never equally idle) and, of the
    mean, what the sensor leaves open.
    """

    __slots__ = ("_readings",)

    def __init__(self) -> None:
        self._readings: dict[str, list[tuple[float, float, float]]] = {}

    def add(self, window: Window, energies: Sequence[WindowEnergy]) -> None:
        """Takes an idle window; what is not known of it, and estimates, are left out."""
        length_s = window.end_s - window.start_s
        for energy in energies:
            if energy.energy_j is not None and energy.method != "estimate" and length_s > 0:
                reading = (length_s, energy.energy_j, energy.resolution_j or 0.0)
                self._readings.setdefault(energy.channel, []).append(reading)

    def of(self, channel: str) -> Idle | None:
        """Idle power of a channel; None if no idle window of it is known."""
        readings = self._readings.get(channel)
        if not readings:
            return None
        length_s = sum(reading[0] for reading in readings)
        power_w = sum(reading[1] for reading in readings) / length_s
        resolution_w = sqrt(sum(reading[2] ** 2 for reading in readings)) / length_s
        powers_w = [energy_j / seconds for seconds, energy_j, _ in readings]
        spread_w = SPREAD * stdev(powers_w) if len(powers_w) > 1 else 0.0
        return Idle(power_w=power_w, uncertainty_w=sqrt(resolution_w**2 + spread_w**2))
