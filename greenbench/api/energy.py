"""Energy: channels, their readers, and the backends that open them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One energy source of a host and how it is read.

    `name`: `gpu/0`, `cpu/package-0`, `cpu/dram-0`. `method`: "counter" (accumulated energy in
    units of `unit_j`, wraps at `wrap_units`), "power" (a reading in units of `unit_w`), or
    "estimate" (a counter that comes from a model, never mixed with measurements).
    `physical_id` is what two backends that read the same thing share (GPU UUID, zone name).
    `contained_in` names the channel that already includes this one. `coverage` is the share of
    time the sensor looks; `calibration` is the gain's published relative error, None: unknown.
    `averaging_s`: a power reading is the mean over so long before it (s).
    """

    name: str
    backend: str
    method: Literal["counter", "power", "estimate"]
    physical_id: str
    scope: str
    unit_j: float | None = None
    unit_w: float | None = None
    wrap_units: int | None = None
    max_power_w: float | None = None
    update_period_s: float | None = None
    contained_in: str | None = None
    coverage: float | None = None
    calibration: float | None = None
    averaging_s: float | None = None


class Reader(Protocol):
    """Reads one channel. Called from the meter's thread alone: fast, no allocation it can avoid."""

    channel: Channel

    def read(self) -> int:
        """The raw value in the channel's units; raises OSError or EnergyError on failure."""

    def close(self) -> None:
        """Releases what is kept open."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A channel or backend that could not be opened: why, and the command that would fix it."""

    backend: str
    channel: str
    reason: str
    remedy: str


class EnergyBackend(Protocol):
    """A way to read energy. `measured` is False for one whose numbers are a model's.

    `on_request` keeps it out of `auto` (it reads what another one reads).
    """

    name: str
    description: str
    measured: bool
    on_request: bool

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """Opens what this host has. Never raises for a missing sensor: that is a `Missing`."""
