"""The backend `zeus`: asks Zeus for what greenbench doesn't read itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from greenbench.api import Missing
from greenbench_zeus import amd, apple, jetson
from greenbench_zeus.reader import BACKEND, Found, in_short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenbench.api import Reader

FAMILIES: Final[dict[str, Callable[[], Found]]] = {
    "gpu/amd": amd.find,
    "apple": apple.find,
    "jetson": jetson.find,
}
NOTHING: Final = (
    "nothing to do on a host without such a device; NVIDIA GPUs and Intel or AMD processors are "
    "read by greenbench's own backends nvml and rapl"
)


class ZeusBackend:
    """AMD GPUs, Apple silicon and Jetson boards. NVIDIA GPUs and RAPL are left to `nvml` and
    `rapl`: two backends that read one sensor would count it twice."""

    name = BACKEND
    description = "AMD GPUs, Apple silicon and Jetson boards (through Zeus)"
    measured = True
    on_request = False

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """A reader per sensor. Imports Zeus, which takes about half a second."""
        try:
            import_module("zeus")
        except ImportError as error:
            reason = f"Zeus can't be imported: {error}"
            return [], [Missing(BACKEND, "*", reason, "pip install zeus")]
        found = [_ask(family, find) for family, find in FAMILIES.items()]
        readers = [reader for one in found for reader in one.readers]
        missing = [missing for one in found for missing in one.missing]
        if not readers and not missing:
            reason = "; ".join(one.absent for one in found if one.absent)
            missing.append(Missing(BACKEND, "*", reason, NOTHING))
        return readers, missing


def _ask(family: str, find: Callable[[], Found]) -> Found:
    """What `find` found; a failure inside Zeus is one family missing, not all of them."""
    try:
        return find()
    except Exception as error:  # noqa: BLE001 (Zeus and the vendors' libraries have no common base)
        reason = f"Zeus failed: {in_short(error)}"
        remedy = "see what Zeus says itself: python -m zeus.show_env"
        return Found(missing=[Missing(BACKEND, family, reason, remedy)])
