"""The built-in energy backends, offered through the same hook as anyone's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenbench.energy.estimate import EstimateBackend
from greenbench.energy.nvml import NvmlBackend
from greenbench.energy.pyrapl import PyRaplBackend
from greenbench.energy.rapl import RaplBackend
from greenbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenbench.api import EnergyBackend


@hookimpl
def greenbench_energy_backends() -> Iterable[EnergyBackend]:
    """The order is the order in which `auto` asks them."""
    yield NvmlBackend()
    yield RaplBackend()
    yield PyRaplBackend()
    yield EstimateBackend()
