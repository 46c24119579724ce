"""Which power reading of a GPU is taken, and what is learnt about counters that hardly move."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sim.curves import Curve
from sim.host import Clock, CounterReader

from greenbench.energy.calibrate import update_periods_s
from greenbench.energy.nvml import NvmlBackend, NvmlReader
from greenbench.energy.nvml_calls import energy_call, field_call
from greenbench.energy.nvml_power import power_call

INSTANT, AVERAGE, AMPERE = 186, 185, 7


class RefusalError(Exception):
    pass


def driver(*fields: int, architecture: int = AMPERE, named: bool = True) -> SimpleNamespace:
    """An NVML that answers the named `fields`; bindings before 530 do not name them."""

    def field_values(_handle, wanted):
        known = wanted[0] in fields
        value = SimpleNamespace(uiVal=wanted[0] * 1000)
        return [SimpleNamespace(nvmlReturn=0 if known else 3, value=value)]

    found = SimpleNamespace(
        NVMLError=RefusalError,
        NVML_SUCCESS=0,
        NVML_DEVICE_ARCH_AMPERE=AMPERE,
        nvmlDeviceGetFieldValues=field_values,
        nvmlDeviceGetPowerUsage=lambda _: 7000,
        nvmlDeviceGetArchitecture=lambda _: architecture,
    )
    if named:
        found.NVML_FI_DEV_POWER_INSTANT = INSTANT
        found.NVML_FI_DEV_POWER_AVERAGE = AVERAGE
    return found


@pytest.mark.parametrize(
    ("nvml", "model", "name", "averaging_s"),
    [
        (driver(INSTANT, AVERAGE), "H100", "instant power", None),
        (driver(AVERAGE), "H100", "average power over 1 s", 1.0),
        (driver(named=False), "RTX A6000", "power usage, a mean over 1 s", 1.0),
        (driver(), "NVIDIA A100-SXM4-80GB", "power usage, instantaneous", None),
        (driver(architecture=AMPERE - 1), "Tesla V100", "power usage, instantaneous", None),
    ],
)
def test_the_sharpest_reading_is_taken_and_named(nvml, model, name, averaging_s):
    power = power_call(nvml, object(), model)
    assert (power.name, power.averaging_s) == (name, averaging_s)
    assert power.call(object()) > 0


def test_a_counter_that_stood_still_at_first_is_watched_for_longer():
    clock = Clock(0.0)
    curve = Curve(0.0, slope_w_per_s=1000.0, ramp_begin_s=1.5, ramp_end_s=4.0)  # nothing before
    reader = NvmlReader.__new__(NvmlReader)
    source = CounterReader(clock, curve, update_s=0.05, stated_update_s=None)
    reader.channel, reader._error = source.channel, OSError
    reader._call, reader._handle = lambda _: source.read(), None

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    assert update_periods_s([reader], 0.6, clock, sleep) == [None]
    NvmlBackend(0.6, clock, sleep)._calibrated([reader])
    assert reader.channel.update_period_s == pytest.approx(0.05, rel=0.1)


def test_a_driver_without_the_quick_way_is_read_the_usual_way():
    """Another pynvml, which keeps no library object."""
    nvml = driver(INSTANT)
    nvml.nvmlDeviceGetTotalEnergyConsumption = lambda _: 42
    assert energy_call(nvml)(object()) == 42
    assert field_call(nvml, INSTANT)(object()) == 186_000
    with pytest.raises(RefusalError):
        field_call(nvml, AVERAGE)(object())
