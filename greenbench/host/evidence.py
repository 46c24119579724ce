"""What the checks of a trial's measurement look at, and what one of them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.energy.total import disjoint
from greenbench.host.cooldown import Reading, Rest
from greenbench.host.readings import CpuReading, GpuReading, HostReading

Severity = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found, its limit, and a sentence; `name` is the column `check`."""

    name: str
    severity: Severity
    found: float | None
    limit: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A background during one foreground's train window: how long it trained in it (s), how many
    runs it took, and the CPU time that it used in it (s; None: not told)."""

    model: str
    trained_s: float
    runs: int
    cpu_time_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """The members of a cohort that each train once: from the first start to the last end (s), and
    how much of it all of them trained (s)."""

    members: int
    whole_s: float
    overlap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the checks of one attempt look at.

    `window` is its train window, `energies` are of it. `idle` was read before the suite. `cpu` has
    the CPU time of every trial of its cohort as (stamp, s); `gpus` are readings of every GPU,
    `own_gpus` the UUIDs of those that it may use, `foreign_before` how many processes of others
    each GPU had before the suite. `cpu_limit_c` is where the processors slow themselves down, if the
    kernel tells. `beside` is its background, `together` what it did with members
    that train once as it does (None: there are none); `pinned` are the processors that it was given
    (empty: all), and `strayed` others that a thread of it could run on.
    """

    window: Window
    energies: Sequence[WindowEnergy] = ()
    channels: Sequence[Channel] = ()
    idle: Reading = field(default_factory=Reading)
    start_temperature_c: Mapping[str, float] = field(default_factory=dict)
    rest: Rest | None = None
    cooldown_limit_s: float | None = None
    gpus: Sequence[GpuReading] = ()
    own_gpus: frozenset[str] = frozenset()
    foreign_before: Mapping[str, int] = field(default_factory=dict)
    host: Sequence[HostReading] = ()
    processors: Sequence[CpuReading] = ()
    cpu_limit_c: float | None = None
    cpu: Sequence[Sequence[tuple[float, float]]] = ()
    beside: Sequence[Beside] = ()
    together: Together | None = None
    pinned: frozenset[int] = frozenset()
    strayed: frozenset[int] = frozenset()

    @property
    def length_s(self) -> float:
        """The window's length (s)."""
        return self.window.end_s - self.window.start_s

    def measured(self) -> list[tuple[Channel, WindowEnergy]]:
        """The disjoint measured channels with their energies."""
        found = {energy.channel: energy for energy in self.energies}
        counted, _ = disjoint(self.channels)
        return [(c, found[c.name]) for c in counted if c.method != "estimate" and c.name in found]


def rising(
    name: str, found: float, warn_above: float, fail_above: float | None, text: str
) -> Check:
    """A check where more is worse; `limit` is the one that was passed, or else the first."""
    if fail_above is not None and found > fail_above:
        return Check(name, "fail", found, fail_above, text)
    return Check(name, "warn" if found > warn_above else "ok", found, warn_above, text)


def worst_of(found: Sequence[Check]) -> Check | None:
    """The check that says the worst; None if there is none."""
    order = ("ok", "warn", "fail")
    return max(found, key=lambda c: (order.index(c.severity), c.found or 0.0), default=None)
