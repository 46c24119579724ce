"""Adds up what may be added: disjoint channels of one window, and names what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from greenbench.api import Channel, WindowEnergy

NEVER_MEASURED: Final = (
    "power supply losses, mainboard, fans, disks and network are in no channel read here"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Energy of one window over all disjoint channels.

    `energy_j` is None where a channel that belongs to the total has none (`reason` says which):
    a smaller sum would pass for the whole. `left_out` maps what is not in the sum to the reason.
    """

    energy_j: float | None
    resolution_j: float | None
    included: tuple[str, ...]
    left_out: Mapping[str, str]
    method: Literal["measured", "estimate", "none"]
    reason: str = ""


def disjoint(channels: Sequence[Channel]) -> tuple[tuple[Channel, ...], dict[str, str]]:
    """The channels that a total adds, and why each other one is left out.

    Decided by what the channels are, never by their values, so that totals of different windows
    mean the same. Measurements and estimates are never added.
    """
    measured = any(channel.method != "estimate" for channel in channels)
    names = {channel.name for channel in channels}
    taken: dict[str, str] = {}
    included: list[Channel] = []
    left_out: dict[str, str] = {}
    for channel in sorted(channels, key=lambda c: c.method == "power"):
        if measured and channel.method == "estimate":
            left_out[channel.name] = "an estimate, and there are measurements"
        elif channel.contained_in in names:
            left_out[channel.name] = f"already in {channel.contained_in}"
        elif channel.physical_id in taken:
            left_out[channel.name] = f"reads what {taken[channel.physical_id]} reads"
        else:
            taken[channel.physical_id] = channel.name
            included.append(channel)
    order = {channel.name: place for place, channel in enumerate(channels)}
    return tuple(sorted(included, key=lambda c: order[c.name])), left_out


def total(energies: Iterable[WindowEnergy], channels: Sequence[Channel]) -> Total:
    """The sum over the disjoint ones of `channels` of their `energies` in one window."""
    included, left_out = disjoint(channels)
    found = {energy.channel: energy for energy in energies}
    names = tuple(channel.name for channel in included)
    estimated = bool(included) and included[0].method == "estimate"
    method: Literal["measured", "estimate"] = "estimate" if estimated else "measured"
    if not names:
        return Total(
            energy_j=None,
            resolution_j=None,
            included=(),
            left_out=left_out,
            method="none",
            reason="there is no energy channel",
        )
    energy_j, squares, unknown = 0.0, 0.0, []
    for name in names:
        part = found.get(name)
        if part is None or part.energy_j is None:
            unknown.append(f"{name}: {part.reason if part else 'not in this window'}")
        else:
            energy_j += part.energy_j
            squares += (part.resolution_j or 0.0) ** 2
    left_out["everything else"] = NEVER_MEASURED
    return Total(
        energy_j=None if unknown else energy_j,
        resolution_j=None if unknown else sqrt(squares),
        included=names,
        left_out=left_out,
        method=method,
        reason="; ".join(unknown),
    )
