"""Apple silicon and Jetson: Zeus's own classes above simulated counters and sensor files."""

import multiprocessing
from pathlib import Path
from types import SimpleNamespace

import pytest

from greenbench.errors import EnergyError

FIELDS = [
    *("cpu_total", "efficiency_cores", "performance_cores", "efficiency_cluster"),
    *("performance_cluster", "efficiency_core_manager", "performance_core_manager"),
    *("dram", "gpu", "gpu_sram", "ane"),
]


@pytest.fixture
def mac(zeus, monkeypatch):
    """A Mac whose counters a test sets by name; the others don't exist on it."""
    apple = zeus("soc.apple")
    values_mj = {}

    class Monitor:
        def get_cumulative_energy(self):
            if "error" in values_mj:
                raise RuntimeError(values_mj["error"])
            return SimpleNamespace(**{f"{f}_mj": values_mj.get(f) for f in FIELDS})

    monkeypatch.setattr("greenbench_zeus.apple.sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr("greenbench_zeus.jetson.sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(apple, "zeus_apple_available", True)
    monkeypatch.setattr(apple, "apple_silicon_is_available", lambda: True)
    monkeypatch.setattr(apple, "zeus_apple_silicon", SimpleNamespace(AppleEnergyMonitor=Monitor))
    return values_mj


def test_apples_counters_are_read_in_millijoules(mac, opened):
    mac.update(cpu_total=1000, dram=200, gpu=3000, gpu_sram=40)
    readers, missing = opened()
    assert list(readers) == ["cpu/apple", "cpu/apple-dram", "gpu/apple", "gpu/apple-sram"]
    mac.update(gpu=5500)
    assert readers["gpu/apple"].read() == 5500
    assert readers["gpu/apple"].channel.unit_j == 1e-3
    assert readers["gpu/apple-sram"].channel.contained_in == "gpu/apple"
    assert len({r.channel.physical_id for r in readers.values()}) == 4
    assert "neural engine" in missing["npu/apple"].reason


def test_a_counter_that_goes_away_is_an_error_not_zero(mac, opened):
    mac.update(cpu_total=1000)
    readers, _ = opened()
    mac.clear()
    with pytest.raises(EnergyError, match="cpu/apple: Zeus gives no value"):
        readers["cpu/apple"].read()
    mac["error"] = "IOReport does not answer"
    with pytest.raises(EnergyError, match="IOReport does not answer"):
        readers["cpu/apple"].read()


def test_a_mac_without_apples_package_says_what_to_install(mac, zeus, opened, monkeypatch):
    monkeypatch.setattr(zeus("soc.apple"), "zeus_apple_available", False)
    readers, missing = opened()
    assert not readers
    assert "zeus[apple]" in missing["cpu/apple"].remedy


@pytest.fixture
def board(zeus, monkeypatch, tmp_path):
    """A Jetson whose INA3221 files lie in a folder: `board(rail=(mV, mA))`."""
    jetson = zeus("soc.jetson")
    inside = tmp_path / "ina3221" / "1-0040" / "hwmon" / "hwmon3"
    drivers = "/sys/bus/i2c/drivers/"

    def redirected(path):
        text = str(path)
        return tmp_path / text.removeprefix(drivers) if text.startswith(drivers) else Path(path)

    def put(**rails):
        inside.mkdir(parents=True, exist_ok=True)
        for number, (label, (millivolts, milliamperes)) in enumerate(rails.items(), start=1):
            (inside / f"in{number}_label").write_text(f"{label}\n")
            (inside / f"in{number}_input").write_text(f"{millivolts}\n")
            (inside / f"curr{number}_input").write_text(f"{milliamperes}\n")
        return inside

    monkeypatch.setattr(jetson, "Path", redirected)
    monkeypatch.setattr(jetson, "jetson_is_available", lambda: True)
    return put


def test_jetsons_rails_are_read_in_milliwatts_without_a_process(board, opened):
    inside = board(VDD_IN=(5000, 2000), VDD_CPU_CV=(5000, 400), VDD_GPU_SOC=(5000, 900))
    readers, _ = opened()
    assert not multiprocessing.active_children()
    power_w = {name: r.read() * r.channel.unit_w for name, r in readers.items()}
    assert power_w == pytest.approx({"platform/jetson": 10, "cpu/jetson": 2, "gpu/jetson": 4.5})
    assert readers["gpu/jetson"].channel.contained_in == "platform/jetson"
    assert readers["platform/jetson"].channel.contained_in is None
    (inside / "curr3_input").write_text("1800\n")
    assert readers["gpu/jetson"].read() == 9000


def test_a_jetson_without_a_rail_names_it(board, opened):
    board(VDD_GPU=(5000, 900))
    readers, missing = opened()
    assert list(readers) == ["gpu/jetson"]
    assert readers["gpu/jetson"].channel.contained_in is None
    assert "cpu/jetson" in missing
    assert "platform/jetson" in missing


def test_a_rail_that_vanishes_is_an_error_that_names_its_file(board, opened):
    inside = board(VDD_IN=(5000, 2000))
    readers, _ = opened()
    (inside / "curr1_input").unlink()
    with pytest.raises(OSError, match="curr1_input"):
        readers["platform/jetson"].read()


def test_a_zeus_that_finds_rails_in_another_way_is_told(board, zeus, opened, monkeypatch):
    monkeypatch.delattr(zeus("soc.jetson").Jetson, "_discover_available_metrics")
    readers, missing = opened()
    assert not readers
    assert "zeus==" in missing["platform/jetson"].remedy
