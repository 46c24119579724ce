"""Processor energy through the pyRAPL package, as published work reads it. On request only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Channel, Missing
from greenbench.energy.rapl import SCOPES, UPDATE_PERIOD_S
from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenbench.api import Reader

MAX_POWER_W: Final = 500.0
"""pyRAPL tells no limit; a step above 1.5 times this is a fault."""
BACKWARD: Final = "pyRAPL does not undo a counter's wrap: use the backend rapl for long windows"


class PyRaplReader:
    """Reads one socket's package or DRAM through a pyRAPL device of its own."""

    __slots__ = ("_device", "_socket", "channel")

    def __init__(self, channel: Channel, device: Any, socket: int) -> None:
        self.channel = channel
        self._device = device
        self._socket = socket

    def read(self) -> int:
        """The value that pyRAPL returns, in µJ, wraps and all; EnergyError if pyRAPL gives none."""
        try:
            value = self._device.energy()[self._socket]
        except (ValueError, IndexError) as error:
            raise EnergyError(f"pyRAPL could not read {self.channel.name}: {error}") from None
        if value < 0:
            raise EnergyError(f"pyRAPL returned {value} for {self.channel.name}")
        return int(value)

    def close(self) -> None:
        """Closes the files that pyRAPL opened and would leave open."""
        for file in getattr(self._device, "_sys_files", ()):
            file.close()


class PyRaplBackend:
    """Packages and DRAM as pyRAPL reads them: counters without their range, so that a wrap shows
    as a step back, which the meter records as a gap."""

    name = "pyrapl"
    description = "the same processor counters through pyRAPL, for parity with published work"
    measured = True
    on_request = True

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """A reader per socket and device; pyRAPL's failures become `Missing` with their cause."""
        try:
            DramAPI, PkgAPI, get_socket_ids = _import()  # noqa: N806 (pyRAPL's own names)
        except ImportError as error:
            reason = f"pyRAPL can't be imported: {error}"
            return [], [Missing("pyrapl", "cpu", reason, "pip install pyRAPL")]
        try:
            sockets = sorted(get_socket_ids())
        except (OSError, ValueError) as error:
            reason = f"pyRAPL can't find this host's sockets: {error}"
            return [], [_missing("cpu", reason)]
        readers: list[Reader] = []
        missing: list[Missing] = []
        for kind, build in (("package", PkgAPI), ("dram", DramAPI)):
            for socket in sockets:
                _open(kind, socket, build, readers, missing)
        return readers, missing


def _import() -> tuple[Any, Any, Any]:
    """Imports pyRAPL without the warnings it logs about optional database outputs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from pyRAPL.device_api import DramAPI, PkgAPI, get_socket_ids
    finally:
        logging.disable(before)
    return DramAPI, PkgAPI, get_socket_ids


def _open(
    kind: str,
    socket: int,
    build: Callable[[list[int]], Any],
    readers: list[Reader],
    missing: list[Missing],
) -> None:
    from pyRAPL.exception import PyRAPLException

    package = f"package-{socket}"
    name = f"cpu/{kind}-{socket}"
    try:
        device = build([socket])
    except PermissionError as error:
        reason = f"{error.filename} may be read by root alone (CVE-2020-8694)"
        remedy = "sudo chmod a+r /sys/class/powercap/*/energy_uj   (until the next boot)"
        missing.append(Missing("pyrapl", name, reason, remedy))
        return
    except PyRAPLException:
        missing.append(_missing(name, _why_refused(kind, package)))
        return
    except (OSError, ValueError, IndexError) as error:
        reason = f"pyRAPL failed on this host's powercap tree: {type(error).__name__}: {error}"
        missing.append(_missing(name, reason))
        return
    channel = Channel(
        name=name,
        backend="pyrapl",
        method="counter",
        physical_id=package if kind == "package" else f"{package}/dram",
        scope=SCOPES[kind],
        unit_j=1e-6,
        max_power_w=MAX_POWER_W,
        update_period_s=UPDATE_PERIOD_S,
    )
    readers.append(PyRaplReader(channel, device, socket))


def _why_refused(kind: str, package: str) -> str:
    if kind == "dram":
        return f"pyRAPL finds no zone named dram in {package} (many processors have none)"
    return (
        f"pyRAPL finds no single zone named {package} at "
        "/sys/class/powercap/intel-rapl/intel-rapl:N; it knows no other path, and it can't tell "
        "the dies of a package apart"
    )


def _missing(channel: str, reason: str) -> Missing:
    return Missing("pyrapl", channel, reason, 'use the backend "rapl": it reads the same counters')
