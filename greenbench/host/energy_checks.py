"""Checks of an attempt's energy: readings, gaps, ±, power in range, two sensors side by side."""

from __future__ import annotations

from typing import Final

from greenbench.energy.total import total
from greenbench.host.evidence import Check, Evidence, Severity, rising, worst_of

POWER_SAMPLES_WARN: Final = 60
"""An integral of power readings rests on at least 60 (MLPerf Power: 60 s at 1 Hz)."""
POWER_SAMPLES_FAIL: Final = 10
COUNTER_SAMPLES_WARN: Final = 10
"""A counter adds up by itself; its readings only have to find the window's edges."""
COUNTER_SAMPLES_FAIL: Final = 2
GAP_WARN: Final = 0.01
GAP_FAIL: Final = 0.1
"""Share of a window without readings; above a tenth the timeline gives no energy either."""
RESOLUTION_WARN: Final = 0.01
"""Half-width over energy: ±1 % is what a counter reaches over 100 of its update periods."""
RESOLUTION_FAIL: Final = 0.25
"""Above it the energy is hardly known. Not lower: short trainings have the widest ±, and leaving
out the short ones would leave out the greener ones."""
IDLE_POWER_WARN: Final = 0.9
"""Training below this share of idle power: the idle reading was disturbed, or the sensor sticks."""
POWER_FAIL: Final = 1.5
"""Mean power above this share of the channel's maximum is no power; the meter's limit too."""
AGREE_WARN: Final = 0.1
"""Counter against integrated power: ±5 % is the power reading's own gain error (Yang, Adamek,
Armour, arXiv:2312.02741), taken twice."""
AGREE_FAIL: Final = 0.5
"""A card is known that differs by 43 % when idle and is still consistent with itself."""
AGREE_LEAST_S: Final = 2.0
"""Newer GPUs' power reading is an average over 1 s: shorter windows say nothing."""


def samples(evidence: Evidence) -> Check | None:
    """Whether every measured channel was read often enough in the window."""
    found = []
    for channel, energy in evidence.measured():
        power = channel.method == "power"
        few = POWER_SAMPLES_WARN if power else COUNTER_SAMPLES_WARN
        hardly = POWER_SAMPLES_FAIL if power else COUNTER_SAMPLES_FAIL
        text = f"{channel.name} was read {energy.samples} times in the window"
        severity: Severity = "warn" if energy.samples < few else "ok"
        if energy.samples < hardly:
            severity, few = "fail", hardly
        found.append(Check("samples", severity, energy.samples, few, text))
    return worst_of(found)


def gaps(evidence: Evidence) -> Check | None:
    """Whether readings were missing for a part of the window, or its energy is not known."""
    if evidence.length_s <= 0:
        return None
    found = []
    for channel, energy in evidence.measured():
        share = energy.gap_s / evidence.length_s
        text = f"{channel.name} has no readings for {share:.1%} of the window"
        check = rising("gaps", share, GAP_WARN, GAP_FAIL, text)
        if energy.energy_j is None:
            why = f"{channel.name}: the window's energy is not known: {energy.reason}"
            check = Check("gaps", "fail", share, GAP_FAIL, why)
        found.append(check)
    return worst_of(found)


def resolution(evidence: Evidence) -> Check | None:
    """Whether the total's ± is small beside it."""
    if not evidence.measured():
        return None
    whole = total(evidence.energies, evidence.channels)
    if not whole.energy_j or whole.energy_j < 0 or whole.resolution_j is None:
        return None
    share = whole.resolution_j / whole.energy_j
    text = f"the total energy of the window is known to ±{share:.1%}"
    return rising("resolution", share, RESOLUTION_WARN, RESOLUTION_FAIL, text)


def power(evidence: Evidence) -> Check | None:
    """Whether each channel's mean power lies between idle and its maximum."""
    found = []
    for channel, energy in evidence.measured():
        if energy.energy_j is None or evidence.length_s <= 0:
            continue
        mean_w = energy.energy_j / evidence.length_s
        idle_w = evidence.idle.power_w.get(channel.name)
        most_w = POWER_FAIL * channel.max_power_w if channel.max_power_w else None
        text = f"{channel.name} drew {mean_w:.1f} W on average"
        severity: Severity = "ok"
        limit = idle_w and IDLE_POWER_WARN * idle_w
        if idle_w is not None and mean_w < IDLE_POWER_WARN * idle_w:
            severity, text = "warn", f"{text}, less than idle ({idle_w:.1f} W)"
        if mean_w < 0 or (most_w is not None and mean_w > most_w):
            severity, limit, text = "fail", most_w, f"{text}, which is no power it can have"
        found.append(Check("power", severity, mean_w, limit, text))
    return worst_of(found)


def sensors_agree(evidence: Evidence) -> Check | None:
    """Whether a GPU's counter and its integrated power readings tell the same, beyond their ±."""
    if evidence.length_s < AGREE_LEAST_S:
        return None
    found = []
    by_name = {energy.channel: energy for energy in evidence.energies}
    for channel in evidence.channels:
        inside = by_name.get(channel.name)
        counter = by_name.get(channel.contained_in or "")
        if channel.method != "power" or inside is None or counter is None:
            continue
        if inside.energy_j is None or not counter.energy_j:
            continue
        spread_j = (inside.resolution_j or 0.0) + (counter.resolution_j or 0.0)
        apart_j = max(abs(inside.energy_j - counter.energy_j) - spread_j, 0.0)
        share = apart_j / max(abs(inside.energy_j), abs(counter.energy_j))
        text = (
            f"{counter.channel}: the counter says {counter.energy_j:.1f} J, the integrated power"
            f" readings {inside.energy_j:.1f} J (they may share a sensor: agreement is no proof)"
        )
        found.append(rising("sensors_agree", share, AGREE_WARN, AGREE_FAIL, text))
    return worst_of(found)
