"""The real pyRAPL beside `rapl` on one tree, and pyRAPL's known failures put into words."""

from __future__ import annotations

import json
import sys

import pytest
from sim import unshare
from sim.curves import constant
from sim.powercap import SimulatedPowercap, Zone, intel

W = constant(50)

PARITY = r"""
import json, os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from pathlib import Path
from sim.powercap import SimulatedPowercap, Zone, intel
from sim.host import Clock
from sim.curves import constant, square
from greenbench.api import Window
from greenbench.energy.meter import Meter
from greenbench.energy.pyrapl import PyRaplBackend
from greenbench.energy.rapl import RaplBackend
from greenbench.energy.timeline import Timeline
import pyRAPL

tree = SimulatedPowercap.__new__(SimulatedPowercap)
spec = json.loads(sys.argv[2])
zones = [Zone("0", "package-0", square(60, 200), range_uj=spec["range_uj"], origin_s=0.0)]
tree.__dict__.update(zones=zones, _files={zones[0].folder: os.open(spec["file"], os.O_RDWR)})
clock = Clock(1.0)
tree.update(clock.now_s)
found = {}
pyRAPL.setup(devices=[pyRAPL.Device.PKG])
own = pyRAPL.Measurement("window")
meters = {b.name: Meter(b.open()[0], 0.1, clock=clock) for b in (RaplBackend(), PyRaplBackend())}
timelines = {name: Timeline(meter.channels) for name, meter in meters.items()}
for meter in meters.values():
    meter.start()
for step in range(1, 200):
    clock.now_s = 1.0 + step * 0.1
    tree.update(clock.now_s)
    for meter in meters.values():
        meter.tick()
    if step == 50: own.begin()
    if step == 150: own.end()
for name, timeline in timelines.items():
    rows = meters[name].drain()
    timeline.add(rows)
    found[f"{name} rows"] = (rows[0].value[150] - rows[0].value[50]) * meters[name].channels[0].unit_j
    (energy,) = timeline.energy(Window(kind="train", start_s=6.0, end_s=16.0))
    found[name] = [energy.energy_j, energy.resolution_j, energy.reason, energy.gap_s]
found["own"] = own.result.pkg and own.result.pkg[0]
found["truth"] = zones[0].curve.between_j(6.0, 16.0)
print(json.dumps(found))
"""


@pytest.fixture
def beside(tmp_path):
    if not unshare.available():
        pytest.skip("needs root and unshare, to put a simulated tree at /sys/class/powercap")

    def run(range_uj: int) -> dict:
        from pathlib import Path

        zone = Zone("0", "package-0", W, range_uj=range_uj)
        tree = SimulatedPowercap(tmp_path / "tree", [zone])
        cpu = unshare.fake_sockets(tmp_path / "cpu", 1)
        tests = str(Path(__file__).parents[1])
        spec = json.dumps({"range_uj": range_uj, "file": str(tree.path(zone) / "energy_uj")})
        done = unshare.run([sys.executable, "-c", PARITY, tests, spec], tree.root, cpu)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_pyrapl_and_rapl_agree_to_one_step_on_the_same_windows(beside):
    found = beside(262_143_328_850)
    step_j = 2.0**-14
    assert found["rapl"][0] == pytest.approx(found["pyrapl"][0], abs=step_j)
    assert found["rapl"][0] == pytest.approx(found["truth"], abs=found["rapl"][1])
    assert found["own"] / 1e6 == pytest.approx(found["rapl rows"], abs=step_j)
    assert found["own"] / 1e6 == pytest.approx(found["truth"], rel=0.01)


def test_across_a_wrap_rapl_is_right_and_pyrapl_says_that_it_is_not(beside):
    found = beside(700_000_000)  # 700 J: wraps within the window
    assert found["rapl"][0] == pytest.approx(found["truth"], abs=found["rapl"][1])
    assert found["own"] is None or found["own"] < 0  # pyRAPL itself
    energy_j, resolution_j, _, gap_s = found["pyrapl"]
    assert gap_s > 0
    assert energy_j == pytest.approx(found["truth"], abs=resolution_j)
    assert resolution_j > 10 * found["rapl"][1]


def test_pyrapl_without_rapl_is_told(probe_with_powercap, tmp_path):
    tree = SimulatedPowercap(tmp_path / "tree", [])
    found = probe_with_powercap("pyrapl", 0.0, tree.root)
    assert "pyRAPL finds no single zone named package-0" in found["error"]
    assert "rapl" in found["error"]


def test_pyrapl_cannot_tell_dies_apart_and_rapl_can(probe_with_powercap, tmp_path):
    zones = [Zone("0", "package-0-die-0", W), Zone("1", "package-0-die-1", W)]
    tree = SimulatedPowercap(tmp_path / "tree", zones)
    assert "dies" in probe_with_powercap("pyrapl", 0.0, tree.root)["error"]
    assert len(probe_with_powercap("rapl", 0.0, tree.root)["channels"]) == 2


def test_pyrapl_without_dram_reads_the_packages(probe_with_powercap, tmp_path):
    tree = SimulatedPowercap(tmp_path / "tree", intel(W, packages=2))
    found = probe_with_powercap("pyrapl", 0.0, tree.root, sockets=2)
    assert [c["name"] for c in found["channels"]] == ["cpu/package-0", "cpu/package-1"]
    assert [m["channel"] for m in found["missing"]] == ["cpu/dram-0", "cpu/dram-1"]
