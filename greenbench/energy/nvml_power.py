"""Which of NVML's power readings a GPU offers, and over how long each one is a mean.

`nvmlDeviceGetPowerUsage` is a mean over 1 s on Ampere and newer GPUs (GA100 excepted), and
instantaneous before (NVML API reference). Newer drivers tell both by name:
`NVML_FI_DEV_POWER_INSTANT` and `NVML_FI_DEV_POWER_AVERAGE`. The instant one is preferred: a mean
over 1 s smears a window's edges by half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from greenbench.energy.nvml_calls import Call, field_call, usage_call

AVERAGED_S: Final = 1.0
INSTANT_CHIPS: Final = ("A100", "A30", "CMP 170HX", "A800")
"""Cards with the chip GA100, by the names that NVML gives them."""


@dataclass(frozen=True, slots=True)
class PowerCall:
    """How to read a GPU's power (mW), what to call it, and over how long (s) it is a mean."""

    call: Call
    name: str
    averaging_s: float | None


def power_call(nvml: Any, handle: Any, model: str) -> PowerCall:
    """The best reading this GPU has. Raises NVMLError where it has none at all."""
    for constant, name, averaging_s in (
        ("NVML_FI_DEV_POWER_INSTANT", "instant power", None),
        ("NVML_FI_DEV_POWER_AVERAGE", "average power over 1 s", AVERAGED_S),
    ):
        field = getattr(nvml, constant, None)  # drivers and bindings before 530 have none
        if field is not None:
            call = field_call(nvml, field)
            try:
                call(handle)
            except nvml.NVMLError:
                continue
            return PowerCall(call, name, averaging_s)
    usage = usage_call(nvml)
    usage(handle)
    averaging_s = _averaging_s(nvml, handle, model)
    name = "power usage, a mean over 1 s" if averaging_s else "power usage, instantaneous"
    return PowerCall(usage, name, averaging_s)


def _averaging_s(nvml: Any, handle: Any, model: str) -> float | None:
    if any(chip in model for chip in INSTANT_CHIPS):
        return None
    try:
        architecture = nvml.nvmlDeviceGetArchitecture(handle)
    except nvml.NVMLError:
        return AVERAGED_S  # the wider ± of the two
    return AVERAGED_S if architecture >= nvml.NVML_DEVICE_ARCH_AMPERE else None
