"""When the host has come to rest: compared with its idle window before the suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Idle power by measured channel (W) and temperature by sensor (°C); empty: not readable."""

    power_w: Mapping[str, float] = field(default_factory=dict)
    temperature_c: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """How a cool-down ended, for the record."""

    waited_s: float
    rested: bool | None
    """None: there was no sensor to watch."""
    unrest: tuple[str, ...] = ()
    """What was still above its margin when the limit came."""


def unrest(
    now: Reading, idle: Reading, *, temperature_margin_c: float, idle_power_margin: float
) -> list[str]:
    """What keeps the host from being rested, in words; empty when it is.

    Only what both readings have is compared: a sensor that vanished can't hold up a suite.
    """
    found = []
    for channel, idle_w in idle.power_w.items():
        now_w = now.power_w.get(channel)
        if now_w is not None and now_w > idle_w * (1 + idle_power_margin):
            found.append(f"{channel} draws {now_w:.1f} W, idle was {idle_w:.1f} W")
    for sensor, idle_c in idle.temperature_c.items():
        now_c = now.temperature_c.get(sensor)
        if now_c is not None and now_c > idle_c + temperature_margin_c:
            found.append(f"{sensor} is at {now_c:.0f} °C, idle was {idle_c:.0f} °C")
    return found


def watchable(idle: Reading) -> bool:
    """Whether there is anything to tell a rested host by."""
    return bool(idle.power_w or idle.temperature_c)
