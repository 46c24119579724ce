"""Is a trial's measurement valid? Pure checks, from what was read to a severity each.

A check that lacks what it needs (no GPU, no sensor) returns nothing: not made is not passed. What
failed is left out of the statistics; what was warned of stays in and is shown. Energy checks look
at measured channels alone: an estimate has nothing to be checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from greenbench.host import colocation_checks, energy_checks, machine_checks
from greenbench.host.evidence import Check, Evidence

ENERGY: Final = (
    energy_checks.samples,
    energy_checks.gaps,
    energy_checks.resolution,
    energy_checks.power,
    energy_checks.sensors_agree,
)
MACHINE: Final = (
    machine_checks.cooldown,
    machine_checks.temperature,
    machine_checks.clocks,
    machine_checks.throttling,
    machine_checks.foreign_load,
    machine_checks.foreign_gpu,
    machine_checks.gpu_intrusion,
    machine_checks.gpu_used,
)
COLOCATION: Final = (
    colocation_checks.background,
    colocation_checks.background_load,
    colocation_checks.overlap,
    colocation_checks.pinning,
)
ALL: Final = ENERGY + MACHINE + COLOCATION
REMEDIES: Final[Mapping[str, str]] = {
    "samples": "train longer, or sample more often ([measure] period_s)",
    "gaps": "`greenbench doctor` shows what is wrong with the sensor",
    "resolution": "train longer (more epochs in the original)",
    "power": "run on a quiet host, so that idle is idle; look at the sensor with `greenbench doctor`",
    "sensors_agree": "trust neither in absolute joules; deltas on one device still hold",
    "cooldown": "raise [cooldown] limit_s, or cool the host better",
    "temperature": "raise [measure] idle_between_s, or cool the host better",
    "clocks": "lock the GPU's clocks: sudo nvidia-smi -lgc MHZ; a processor's: turn turbo off "
    "(`greenbench doctor` shows the file)",
    "throttling": "cool the host better, or lower its power limit and clocks",
    "foreign_load": "end other work on the host; `greenbench doctor` names it",
    "gpu_used": "the training ran elsewhere: look at the trial's log and environment",
    "background": "give the background more epochs, so that it outlasts the foreground",
    "background_load": "look at the background's own log and metrics; train it solo first",
    "overlap": "give the shorter members more epochs, so that all end at about the same time",
    "pinning": "the training sets its own affinity; use the docker executor, which holds it",
    "foreign_gpu": "end other work on the GPU; `greenbench doctor` names it",
    "gpu_intrusion": "run the suite again when the GPU is free: it repeats these trials",
}


CONTAMINATING: Final = (machine_checks.gpu_intrusion.__name__,)
"""Failed checks that say: somebody else was there, and may be gone the next time."""


def contamination(found: Sequence[Check]) -> str | None:
    """What spoiled a measurement from outside, in words; such a one is worth repeating."""
    texts = [c.text for c in found if c.name in CONTAMINATING and c.severity == "fail"]
    return "; ".join(texts) or None


def checks(evidence: Evidence) -> list[Check]:
    """Every check that can be made, in a fixed order."""
    made = (check(evidence) for check in ALL)
    return [found for found in made if found is not None]
