"""AMD GPUs through Zeus, which reads them with AMD SMI (ROCm 6.2 and later).

Zeus compares each energy counter with the power reading for half a second and drops counters that
are off by more than tenfold (https://github.com/ROCm/amdsmi/issues/38); their power is read here.
"""

from __future__ import annotations

import contextlib
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Channel, Missing
from greenbench_zeus.reader import BACKEND, Found, ZeusReader, in_short

if TYPE_CHECKING:
    from collections.abc import Callable

DRIVER: Final = Path("/dev/kfd")
"""Where the kernel's driver for AMD's compute devices shows itself."""
INSTALL: Final = (
    "install ROCm, set ROCM_PATH to its folder, and take an amdsmi that is no older than it: "
    "pip install amdsmi; check with: amd-smi list"
)
TWO_DIES: Final = "MI250"
"""On these the driver tells the power of both dies together, on the even one."""


def find() -> Found:
    """Readers of every AMD GPU that Zeus tracks (it obeys `HIP_VISIBLE_DEVICES`)."""
    zeus = import_module("zeus.device.gpu.amd")
    if not zeus.amdsmi_is_available():
        if not DRIVER.exists():
            return Found(absent=f"no AMD GPU ({DRIVER} is not there)")
        return Found(missing=[Missing(BACKEND, "gpu/amd", _why_not(), INSTALL)])
    try:
        gpus = _tracked()
    except Exception as error:  # noqa: BLE001 (AMD SMI has errors of its own beside Zeus's)
        reason = f"Zeus can't open the AMD GPUs: {in_short(error)}"
        return Found(missing=[Missing(BACKEND, "gpu/amd", reason, "check with: amd-smi list")])
    found = Found(absent="" if gpus else "AMD SMI lists no GPU")
    for gpu in gpus:
        _Gpu(zeus, gpu, found).open()
    return found


@cache
def _manager() -> Any:
    """Zeus's manager of AMD GPUs, once a process: it shuts AMD SMI down when it is collected."""
    return import_module("zeus.device.gpu.amd").AMDGPUs()


def _tracked() -> list[Any]:
    return list(_manager().gpus)


def _why_not() -> str:
    """Why AMD SMI is of no use although there is a driver."""
    try:
        with contextlib.redirect_stdout(None):
            import_module("amdsmi")
    except Exception as error:  # noqa: BLE001 (amdsmi fails with KeyError, OSError and others)
        return f"amdsmi can't be imported: {in_short(error)}"
    return "amdsmi does not start"


class _Gpu:
    """One GPU while it is being opened. Zeus counts GPUs as HIP does, which is PyTorch's order."""

    def __init__(self, zeus: Any, gpu: Any, found: Found) -> None:
        self._zeus = zeus
        self._gpu = gpu
        self._found = found
        self._name = f"gpu/amd-{gpu.gpu_index}"

    def open(self) -> None:
        gpu = self._gpu
        model = str(self._quietly(gpu.get_name) or "AMD GPU")
        scope = f"{model}, {'both dies' if TWO_DIES in model else 'whole'} board"
        limits_mw = self._quietly(gpu.get_power_management_limit_constraints)
        common = {
            "backend": BACKEND,
            "physical_id": self._identity(),
            "max_power_w": limits_mw[1] / 1000 if limits_mw and limits_mw[1] else None,
        }
        counter = self._counter(scope, common)
        self._power(scope, common, counter=counter)

    def _counter(self, scope: str, common: dict[str, Any]) -> bool:
        gpu = self._gpu
        if not gpu.supports_get_total_energy_consumption():
            return False
        if self._quietly(gpu.get_total_energy_consumption) is None:
            return False
        channel = Channel(name=self._name, method="counter", scope=scope, unit_j=1e-3, **common)
        self._found.readers.append(ZeusReader(channel, gpu.get_total_energy_consumption))
        return True

    def _power(self, scope: str, common: dict[str, Any], *, counter: bool) -> None:
        read, reason = self._power_call()
        if read is None:
            lacking = f"{self._name}/power" if counter else self._name
            remedy = "nothing to do: this GPU does not offer it; check with: amd-smi metric --power"
            self._found.missing.append(Missing(BACKEND, lacking, reason, remedy))
            return
        channel = Channel(
            name=f"{self._name}/power" if counter else self._name,
            method="power",
            scope=f"{scope}, integrated from power readings",
            unit_w=1e-3,
            contained_in=self._name if counter else None,
            **common,
        )
        self._found.readers.append(ZeusReader(channel, read))

    def _power_call(self) -> tuple[Callable[[], int] | None, str]:
        """The momentary power if the GPU tells it (an average blurs a window's edges), else the
        average; or the reason of the last refusal."""
        reason = ""
        for read in (self._gpu.get_instant_power_usage, self._gpu.get_average_power_usage):
            try:
                read()
            except Exception as error:  # noqa: BLE001 (as above)
                reason = in_short(error)
            else:
                return read, ""
        return None, reason

    def _identity(self) -> str:
        """The GPU's UUID from AMD SMI, which Zeus does not pass on."""
        uuid = self._quietly(
            partial(self._zeus.amdsmi.amdsmi_get_gpu_device_uuid, self._gpu.handle)
        )
        return str(uuid) if uuid else f"hip-{self._gpu.gpu_index}"

    @staticmethod
    def _quietly(call: Callable[[], Any]) -> Any:
        """The call's result, or None: the GPU is read without it."""
        try:
            return call()
        except Exception:  # noqa: BLE001 (as above)
            return None
