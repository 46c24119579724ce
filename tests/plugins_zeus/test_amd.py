"""AMD GPUs: Zeus's own classes above a simulated AMD SMI."""

import time

import pytest
from fake_amdsmi import NO_PERMISSION, Gpu, amdsmi

from greenbench.errors import EnergyError


@pytest.fixture
def host(zeus, monkeypatch):
    """Puts GPUs below Zeus; its half second of waiting passes at once."""
    amd = zeus("gpu.amd")
    from greenbench_zeus import amd as ours

    passed_s = [1000.0]

    def sleep(seconds):
        passed_s[0] += seconds

    def put(*gpus):
        monkeypatch.setattr(amd, "amdsmi", amdsmi(lambda: passed_s[0], list(gpus)))
        monkeypatch.setattr(amd, "amdsmi_is_available", lambda: True)
        monkeypatch.setattr(amd.time, "sleep", sleep)
        amd._hip_to_amdsmi_handle.cache_clear()
        ours._manager.cache_clear()
        return sleep

    monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    yield put
    ours._manager.cache_clear()
    amd._hip_to_amdsmi_handle.cache_clear()


def test_counter_and_power_in_the_channels_units(host, opened):
    pass_s = host(Gpu())
    readers, _ = opened()
    assert list(readers) == ["gpu/amd-0", "gpu/amd-0/power"]
    counter, power = readers.values()
    before = counter.read()
    pass_s(10.0)
    assert (counter.read() - before) * counter.channel.unit_j == pytest.approx(4000, abs=0.01)
    assert power.read() * power.channel.unit_w == 400
    assert isinstance(power.read(), int)
    assert power.channel.contained_in == "gpu/amd-0"
    assert counter.channel.physical_id == power.channel.physical_id == Gpu().uuid
    assert counter.channel.max_power_w == 750


def test_gpus_keep_the_order_of_hip(host, opened):
    first, second = Gpu(hip=1, uuid="first-on-the-bus"), Gpu(hip=0, uuid="second-on-the-bus")
    host(first, second)
    readers, _ = opened()
    assert readers["gpu/amd-0"].channel.physical_id == "second-on-the-bus"
    assert readers["gpu/amd-1"].channel.physical_id == "first-on-the-bus"


def test_a_counter_that_zeus_distrusts_leaves_the_power(host, opened):
    host(Gpu(counter_w=4.0))
    readers, _ = opened()
    assert [r.channel.method for r in readers.values()] == ["power"]
    assert readers["gpu/amd-0"].channel.contained_in is None


def test_the_average_is_read_where_there_is_no_momentary_power(host, opened):
    host(Gpu(average_w=390, current_w="N/A"))
    readers, _ = opened()
    assert readers["gpu/amd-0/power"].read() == 390_000


def test_both_dies_of_an_mi250_are_counted_once(host, opened):
    host(
        Gpu(0, "AMD Instinct MI250X", average_w=400, current_w="N/A", uuid="even"),
        Gpu(1, "AMD Instinct MI250X", 0.0, average_w=0, current_w="N/A", uuid="odd"),
    )
    readers, missing = opened()
    assert list(readers) == ["gpu/amd-0", "gpu/amd-0/power"]
    assert "both dies" in readers["gpu/amd-0"].channel.scope
    assert "chiplet" in missing["gpu/amd-1"].reason
    assert "\n" not in missing["gpu/amd-1"].reason


def test_a_read_that_fails_is_an_energy_error_in_amd_smis_words(host, opened):
    gpu = Gpu()
    host(gpu)
    readers, _ = opened()
    gpu.fails["energy"] = NO_PERMISSION
    with pytest.raises(EnergyError, match=r"gpu/amd-0: Zeus: .*Permission Denied"):
        readers["gpu/amd-0"].read()
    del gpu.fails["energy"]
    assert readers["gpu/amd-0"].read() > 0


def test_gpus_that_may_not_be_read_are_missing_with_a_remedy(host, opened):
    host(Gpu(fails={"power": NO_PERMISSION}))
    readers, missing = opened()
    assert not readers
    assert "Permission Denied" in missing["gpu/amd"].reason
    assert "amd-smi" in missing["gpu/amd"].remedy


def test_the_meter_gets_its_energy_right(host, opened):
    from greenbench.api import Window
    from greenbench.energy.meter import Meter
    from greenbench.energy.timeline import Timeline

    start_s = time.monotonic()
    pass_s = host(Gpu())
    readers, _ = opened()
    now_s = [start_s]
    meter = Meter(list(readers.values()), 0.1, clock=lambda: now_s[0])
    timeline = Timeline(meter.channels)
    for _ in range(300):
        meter.tick()
        pass_s(0.1)
        now_s[0] += 0.1
    timeline.add(meter.drain())
    window = Window(kind="train", start_s=start_s + 5, end_s=start_s + 25)
    for energy in timeline.energy(window):
        assert energy.energy_j == pytest.approx(8000, rel=0.001)


def test_a_driver_without_amd_smi_says_what_to_install(zeus, opened, monkeypatch, tmp_path):
    from greenbench_zeus import amd as ours

    monkeypatch.setattr(zeus("gpu.amd"), "amdsmi_is_available", lambda: False)
    monkeypatch.setattr(ours, "DRIVER", tmp_path)
    _, missing = opened()
    assert "amdsmi" in missing["gpu/amd"].reason
    assert "ROCM_PATH" in missing["gpu/amd"].remedy
