"""What this distribution offers to greenbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenbench.hookspecs import hookimpl
from greenbench_zeus.backend import ZeusBackend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenbench.api import EnergyBackend


@hookimpl
def greenbench_energy_backends() -> Iterable[EnergyBackend]:
    """The backend `zeus`; Zeus itself is imported when its sensors are opened."""
    yield ZeusBackend()
