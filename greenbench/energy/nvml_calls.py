"""NVML calls that are made ten times a second, without what pynvml does around each one.

pynvml builds its arguments and looks its function up on every call; in a process that sleeps in
between, that is most of the cost of a sample. Here both are done once. pynvml loads the library,
and its errors are raised; where it keeps no library object, its own functions are used.

A call keeps its result in a place of its own: one thread at a time may make it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

Call = Callable[[Any], int]
"""Takes the device's handle; raises NVMLError."""


def energy_call(nvml: Any) -> Call:
    """A GPU's energy since the driver was loaded (mJ)."""
    value = ctypes.c_ulonglong()
    usual: Call = nvml.nvmlDeviceGetTotalEnergyConsumption
    return _prepared(nvml, "nvmlDeviceGetTotalEnergyConsumption", value) or usual


def usage_call(nvml: Any) -> Call:
    """A GPU's power as `nvmlDeviceGetPowerUsage` tells it (mW)."""
    usual: Call = nvml.nvmlDeviceGetPowerUsage
    return _prepared(nvml, "nvmlDeviceGetPowerUsage", ctypes.c_uint()) or usual


def field_call(nvml: Any, field: int) -> Call:
    """A field of a GPU that is a whole number."""
    function = _function(nvml, "nvmlDeviceGetFieldValues")
    structure = getattr(nvml, "c_nvmlFieldValue_t", None)
    if function is None or structure is None:
        return _usual_field_call(nvml, field)
    place = structure()
    place.fieldId = field
    into, one, error = ctypes.byref(place), ctypes.c_int(1), nvml.NVMLError

    def read(handle: Any) -> int:
        refusal = function(handle, one, into) or place.nvmlReturn
        if refusal:
            raise error(refusal)
        return int(place.value.uiVal)

    return read


def _usual_field_call(nvml: Any, field: int) -> Call:
    fields = [field]

    def read(handle: Any) -> int:
        value = nvml.nvmlDeviceGetFieldValues(handle, fields)[0]
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        return int(value.value.uiVal)

    return read


def _prepared(nvml: Any, name: str, place: Any) -> Call | None:
    """The function of that name, with `place` for its result."""
    function = _function(nvml, name)
    if function is None:
        return None
    into, error = ctypes.byref(place), nvml.NVMLError

    def read(handle: Any) -> int:
        refusal = function(handle, into)
        if refusal:
            raise error(refusal)
        return int(place.value)

    return read


def _function(nvml: Any, name: str) -> Any:
    """A function of the library that pynvml has loaded, or None."""
    try:
        return getattr(nvml.nvmlLib, name)
    except AttributeError:  # another pynvml, or a driver without this function
        return None
