"""Splits a channel's energy in a window over the trials that ran at the same time. Modelled.

What was measured is the channel as a whole. Who used it is a model:

    idle    = idle power × length of the window         (idle power: measured with nothing running)
    dynamic = energy of the window − idle
    trial   = dynamic × its use / use by everyone

with use = time on the device by GPU process utilisation (GPUs), CPU time (packages, cores,
platform), and for DRAM CPU time as a proxy, since nobody counts a process's memory traffic.
Idle is nobody's: it is a row of its own, as is what greenbench itself and other processes used,
and what can't be attributed. The rows of a channel add up exactly to its energy.

The ± of a row spans what this model can't see: its work may draw up to twice or down to half as
much per unit of use as its neighbours' (`UNEQUAL`), and where power saturates, shares lean towards
equal parts (by `SATURATING` at most). Where it is not told on which package CPU time was spent, its least and most possible
part there come in; so do the time between a window's edge and the reading of use, idle power's own
± and the window's resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from greenbench.energy.knots import grained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenbench.api import Channel, Window, WindowEnergy

UNEQUAL: Final = 2.0
"""Kernels of equal utilisation differ in power by up to about this factor."""

SATURATING: Final = 5.0
"""Where power saturates, the first work on an idle device draws up to this many times the mean
power per unit of use (a GPU whose power reaches 63 % of its range at 40 % utilisation, loaded fully
twice over); a small user's part may be larger by as much, but never above an equal part."""

Who = Literal["trial", "own", "other", "unattributed"]
"""own: greenbench itself; other: everything else on the host; unattributed: use by processes that
can't be told apart from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one trial, or another `kind` of user, used in a window. `trial`: its key, else "".

    `cpu_time_s`: CPU seconds. `cpu_time_by_s`: the same by a channel's physical id, where it is
    known which package they ran on. `gpu_time_s`: utilisation × time by GPU UUID (s). None, or a
    GPU that is not in the mapping: not known, which is not the same as 0.
    """

    kind: Who = "trial"
    trial: str = ""
    cpu_time_s: float | None = None
    cpu_time_by_s: Mapping[str, float] | None = None
    gpu_time_s: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        names = {"own": "greenbench", "other": "other processes"}
        return self.trial or names.get(self.kind, "unknown processes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everyone's use of the host in one window.

    `busy_by_s`: busy CPU time of the whole host (s) by package. `why_not`: why a channel's use is
    not known, by its physical id ("cpu" for processors). `slack`: the share of the window by which
    its edges and the readings of use are apart.
    """

    uses: Sequence[Use]
    busy_by_s: Mapping[str, float] = field(default_factory=dict)
    why_not: Mapping[str, str] = field(default_factory=dict)
    slack: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A channel's power with nothing running (W), and its half-width."""

    power_w: float
    uncertainty_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """One row of the split. `basis` says in words what it rests on; it begins with "modelled"."""

    channel: str
    kind: Literal["idle", "trial", "own", "other", "unattributed"]
    trial: str
    energy_j: float
    uncertainty_j: float
    basis: str


@dataclass(frozen=True, slots=True)
class _Weight:
    """Use of one channel in seconds, and between what it must lie."""

    use: Use
    seconds: float
    least: float
    most: float


def attribute(
    energy: WindowEnergy,
    window: Window,
    channel: Channel,
    account: Account,
    idle: Idle | None = None,
) -> list[Share]:
    """The rows of one channel in one window: idle, a row per trial, own, other, unattributed.

    Empty if the channel's energy is not known. Without `idle` its share stays in the trials'
    rows, and their ± says so. If the use of any trial is not known, nothing is split.
    """
    if energy.energy_j is None:
        return []
    length_s = window.end_s - window.start_s
    whole_j, resolution_j = energy.energy_j, energy.resolution_j or 0.0
    idle_j = min(max(grained(idle.power_w * length_s), 0.0), max(whole_j, 0.0)) if idle else 0.0
    idle_pm_j = idle.uncertainty_w * length_s if idle else 0.0
    rows: list[Share] = []
    if idle:
        basis = "modelled: idle power × time"
        rows.append(Share(channel.name, "idle", "", idle_j, idle_pm_j, basis))
    dynamic_j = whole_j - idle_j
    weights, why_not = _weights(channel, account)
    everyone = sum(weight.seconds for weight in weights)
    if why_not or everyone <= 0:
        pm_j = resolution_j + idle_pm_j
        basis = f"modelled: nothing is split, {why_not or 'nobody was seen to use it'}"
        return [*rows, Share(channel.name, "unattributed", "", dynamic_j, pm_j, basis)]
    basis = f"modelled: {_proxy(channel, weights)}" + ("" if idle else "; idle power is not known")
    shares = []
    active = sum(weight.seconds > 0 for weight in weights)
    for weight in weights:
        if weight.seconds <= 0 and weight.use.kind in ("own", "unattributed"):
            continue
        part_j = grained(dynamic_j * weight.seconds / everyone)
        pm_j = _spread_j(dynamic_j, weight, everyone, active, idle_known=bool(idle))
        pm_j += (resolution_j + idle_pm_j) * weight.seconds / everyone
        pm_j += abs(dynamic_j) * account.slack
        use = weight.use
        shares.append(Share(channel.name, use.kind, use.trial, part_j, pm_j, basis))
    return [*rows, *_adding_up(shares, dynamic_j)]


def _adding_up(shares: list[Share], whole_j: float) -> list[Share]:
    """Puts what rounding left (nanojoules) into the largest row."""
    largest = max(range(len(shares)), key=lambda i: shares[i].energy_j)
    others_j = sum(share.energy_j for i, share in enumerate(shares) if i != largest)
    shares[largest] = replace(shares[largest], energy_j=whole_j - others_j)
    return shares


def _kind(channel: Channel) -> Literal["gpu", "dram", "cpu"]:
    if channel.name.startswith("gpu/"):
        return "gpu"
    return "dram" if channel.physical_id.endswith("dram") else "cpu"


def _proxy(channel: Channel, weights: Sequence[_Weight]) -> str:
    kind = _kind(channel)
    if kind == "gpu":
        return "by process utilisation of the GPU"
    text = "by CPU time"
    if not channel.physical_id.startswith("package"):
        text += ", though more than processors draws here"
    elif any(weight.most > weight.least and weight.use.kind == "trial" for weight in weights):
        text += ", on which package is not told for each trial"
    if kind == "dram":
        text += ", a proxy: memory traffic of a process is not counted"
    return text


def _weights(channel: Channel, account: Account) -> tuple[list[_Weight], str]:
    """Use of this channel by everyone, or why it is not known (empty if it is)."""
    if _kind(channel) == "gpu":
        return _gpu_weights(channel, account)
    for use in account.uses:
        if use.cpu_time_s is None:
            return [], account.why_not.get("cpu", f"CPU time of {use} is not known")
    package = channel.physical_id.split("/")[0]
    busy_s = account.busy_by_s.get(package)
    if busy_s is None and all(use.cpu_time_by_s or not use.cpu_time_s for use in account.uses):
        busy_s = 0.0
    if busy_s is None:
        return _anywhere_weights(account), ""
    return _package_weights(package, busy_s, account), ""


def _anywhere_weights(account: Account) -> list[_Weight]:
    """CPU time anywhere, for what is no single package (a platform, a wall meter), or a package
    that the host does not tell about: anything from nothing to all may have been drawn there."""
    used_s = [max(use.cpu_time_s or 0.0, 0.0) for use in account.uses]
    return [_Weight(use, s, 0.0, sum(used_s)) for use, s in zip(account.uses, used_s, strict=True)]


def _gpu_weights(channel: Channel, account: Account) -> tuple[list[_Weight], str]:
    weights = []
    for use in account.uses:
        seconds = use.gpu_time_s.get(channel.physical_id)
        if seconds is None:
            reason = f"GPU use of {use} is not known"
            return [], account.why_not.get(channel.physical_id, reason)
        seconds = max(seconds, 0.0)
        weights.append(_Weight(use, seconds, seconds, seconds))
    return weights, ""


def _package_weights(package: str, busy_s: float, account: Account) -> list[_Weight]:
    """CPU time on one package: as told, or a part of what is left there of the host's busy time,
    in proportion to CPU time anywhere."""
    told = [use.cpu_time_by_s for use in account.uses]
    here_s = [max(by_s.get(package, 0.0), 0.0) if by_s else None for by_s in told]
    open_s = max(busy_s - sum(s for s in here_s if s is not None), 0.0)
    untold_s = sum(
        max(use.cpu_time_s or 0.0, 0.0)
        for use, s in zip(account.uses, here_s, strict=True)
        if s is None
    )
    elsewhere_s = max(untold_s - open_s, 0.0)
    weights = []
    for use, s in zip(account.uses, here_s, strict=True):
        if s is not None:
            weights.append(_Weight(use, s, s, s))
            continue
        used_s = max(use.cpu_time_s or 0.0, 0.0)
        part_s = used_s * min(open_s / untold_s, 1.0) if untold_s > 0 else 0.0
        least, most = max(used_s - elsewhere_s, 0.0), min(used_s, open_s)
        weights.append(_Weight(use, part_s, min(least, part_s), max(most, part_s)))
    return weights


def _spread_j(
    dynamic_j: float, weight: _Weight, everyone: float, active: int, *, idle_known: bool
) -> float:
    """Half-width of one part: unequal work, saturation, and an idle share that is in it."""
    if weight.most <= 0:
        return 0.0
    part_j = dynamic_j * weight.seconds / everyone
    low_j = dynamic_j * weight.least / (weight.least + UNEQUAL * (everyone - weight.least))
    most = UNEQUAL * weight.most
    high_j = dynamic_j * most / (most + max(everyone - weight.most, 0.0))
    equal_j = min(dynamic_j / max(active, 1), SATURATING * part_j)
    spread_j = max(high_j - part_j, part_j - low_j, abs(equal_j - part_j))
    return spread_j if idle_known else max(spread_j, part_j)
