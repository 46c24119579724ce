"""What every family of devices hands over: readers, what is missing, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenbench.api import Channel, Missing

BACKEND = "zeus"


class ZeusReader:
    """Reads one number through Zeus."""

    __slots__ = ("_call", "channel")

    def __init__(self, channel: Channel, call: Callable[[], float | None]) -> None:
        self.channel = channel
        self._call = call

    def read(self) -> int:
        """In mJ or mW, as the channel says; OSError, or EnergyError with Zeus's own words."""
        try:
            value = self._call()
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 (Zeus and the vendors' libraries have no common base)
            raise EnergyError(f"{self.channel.name}: Zeus: {in_short(error)}") from None
        if value is None:
            raise EnergyError(f"{self.channel.name}: Zeus gives no value")
        return round(value)

    def close(self) -> None:
        """Zeus keeps its libraries open for the life of the process."""


@dataclass(slots=True)
class Found:
    """One family of devices on this host. `absent` says why there is none at all."""

    readers: list[ZeusReader] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    absent: str = ""


def in_short(error: BaseException) -> str:
    """An error's name and the first line of its text."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
