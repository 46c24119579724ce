"""Where there is nothing to read: a reason and a remedy, never an exception; nothing twice."""

import subprocess
import sys

import pytest
from greenbench_zeus.backend import ZeusBackend

from greenbench.api import Channel, Provided
from greenbench.energy.select import open_channels
from greenbench.errors import EnergyError
from greenbench.plugins import load_plugins


def provided(backend):
    return Provided(backend.name, backend, "test", "0")


def test_without_zeus_it_says_how_to_get_it(monkeypatch, opened):
    monkeypatch.setitem(sys.modules, "zeus", None)
    readers, missing = opened()
    assert not readers
    assert "pip install zeus" in missing["*"].remedy


def test_a_host_without_such_devices_is_told_once(zeus, opened):
    readers, missing = opened()
    if readers:
        pytest.skip("this host has a device that Zeus reads")
    assert list(missing) == ["*"]
    for family in ("AMD", "Apple", "Jetson"):
        assert family in missing["*"].reason
    with pytest.raises(EnergyError, match="no Jetson board"):
        open_channels([provided(ZeusBackend())], ["zeus"])


def test_a_failure_inside_zeus_leaves_the_other_devices(zeus, opened, monkeypatch):
    def broken():
        raise KeyError("hip_id")

    monkeypatch.setitem(sys.modules["greenbench_zeus.backend"].FAMILIES, "gpu/amd", broken)
    _, missing = opened()
    assert "hip_id" in missing["gpu/amd"].reason
    assert missing["gpu/amd"].remedy


def test_a_sensor_that_greenbench_reads_itself_stays_with_it(monkeypatch):
    from greenbench_zeus.reader import Found, ZeusReader

    def reader(backend, name):
        channel = Channel(
            name=name, backend=backend, method="counter", physical_id="GPU-7", scope="", unit_j=1e-3
        )
        return ZeusReader(channel, lambda: 1)

    class Ours:
        name, description, measured, on_request = "nvml", "", True, False

        def open(self):
            return [reader("nvml", "gpu/0")], []

    found = Found(readers=[reader("zeus", "gpu/amd-0")])
    monkeypatch.setattr(
        sys.modules["greenbench_zeus.backend"], "FAMILIES", {"gpu/amd": lambda: found}
    )
    monkeypatch.setattr("greenbench_zeus.backend.import_module", lambda name: None)
    opened = open_channels([provided(Ours()), provided(ZeusBackend())])
    assert [c.backend for c in opened.channels] == ["nvml"]


def test_it_is_found_through_its_entry_point_and_zeus_stays_unimported(tmp_path, monkeypatch):
    info = tmp_path / "greenbench_zeus-9.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Name: greenbench-zeus\nVersion: 9\n", "utf-8")
    entry = "[greenbench]\nzeus = greenbench_zeus.plugin\n"
    info.joinpath("entry_points.txt").write_text(entry, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    zeus = load_plugins().energy["zeus"]
    assert zeus.distribution == "greenbench-zeus"
    assert zeus.value.measured
    assert not zeus.value.on_request
    code = "import sys, greenbench_zeus.plugin; sys.exit('zeus' in sys.modules)"
    paths = [str(p) for p in sys.path if p]
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}; {code}"], check=True
    )
