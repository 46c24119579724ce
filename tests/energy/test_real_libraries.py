"""Backends through their real libraries (pynvml, pyRAPL, the kernel's files) against the truth."""

from __future__ import annotations

import os
import threading
import time

import pytest
from sim import nvml
from sim.curves import Curve, constant, square
from sim.nvml import SimulatedNvml
from sim.powercap import SimulatedPowercap, intel

LOAD = square(80, 260, period_s=0.31, duty=0.3)
"""A trial's power, fast enough to pass through many periods in a short test."""


def energy_j(found: dict, window: dict, channel: str) -> dict:
    return next(e for e in window["energies"] if e["channel"] == channel)


def check_against(found: dict, channel: str, curve: Curve, seconds: float) -> None:
    """Within 1 % over the whole; of random windows at least 90 % within their stated ± (which
    covers 95 %, and these overlap)."""
    whole = found["windows"][-1]
    truth_j = curve.between_j(whole["start_s"], whole["end_s"])
    measured = energy_j(found, whole, channel)
    assert whole["end_s"] - whole["start_s"] >= seconds
    assert measured["energy_j"] == pytest.approx(truth_j, rel=0.01)
    assert measured["gap_s"] == 0.0
    parts = [energy_j(found, w, channel)["energy_j"] for w in found["windows"][:-1]]
    between_j = curve.between_j(found["windows"][0]["end_s"], found["windows"][1]["start_s"])
    assert sum(parts) == pytest.approx(measured["energy_j"] - between_j, rel=1e-3)
    inside = 0
    for window in found["random"]:
        answer = energy_j(found, window, channel)
        truth_j = curve.between_j(window["start_s"], window["end_s"])
        inside += abs(answer["energy_j"] - truth_j) <= answer["resolution_j"]
    assert inside >= 0.9 * len(found["random"]) > 0


def test_nvml_counter_and_power_agree_with_the_truth(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, devices=2, library=stub)
    simulated.set_curve(0, LOAD)
    simulated.set_curve(1, constant(57))
    found = probe("nvml", 6.0, **simulated.environment)
    names = [channel["name"] for channel in found["channels"]]
    assert names == ["gpu/0", "gpu/0/power", "gpu/1", "gpu/1/power"]
    check_against(found, "gpu/0", LOAD, 6.0)
    check_against(found, "gpu/1", constant(57), 6.0)
    check_against(found, "gpu/1/power", constant(57), 6.0)


def test_nvml_learns_the_update_period(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, library=stub)
    simulated.set(0, update_s=0.05)
    found = probe("nvml", 0.0, **simulated.environment)
    assert found["channels"][0]["update_period_s"] == pytest.approx(0.05, rel=0.1)


def test_rapl_agrees_with_the_truth_across_a_wrap(tmp_path, probe):
    zones = intel(LOAD, dram=constant(9))
    zones = [
        type(z)(**{**z.__dict__, "origin_s": 0.0, "range_uj": 300_000_000}) for z in zones
    ]  # a range of 300 J wraps every two or three seconds
    tree = SimulatedPowercap(tmp_path, zones)
    with tree.running():
        found = probe("rapl", 6.0, GREENBENCH_POWERCAP_ROOT=str(tree.root))
    assert [c["name"] for c in found["channels"]] == ["cpu/package-0", "cpu/core-0", "cpu/dram-0"]
    check_against(found, "cpu/package-0", LOAD, 6.0)
    check_against(found, "cpu/dram-0", constant(9), 6.0)


def test_pyrapl_agrees_with_the_truth(tmp_path, probe_with_powercap):
    tree = SimulatedPowercap(tmp_path / "tree", intel(LOAD, dram=constant(9)))
    with tree.running():
        found = probe_with_powercap("pyrapl", 3.0, tree.root)
    assert found["backends"] == ["pyrapl"]
    check_against(found, "cpu/package-0", LOAD, 3.0)
    check_against(found, "cpu/dram-0", constant(9), 3.0)


@pytest.mark.parametrize("call", nvml.CALLS)
def test_a_call_that_nvml_does_not_support_costs_no_more_than_itself(tmp_path, stub, probe, call):
    """Of what the other calls tell, the states of GPUs: tests/host/test_gpu_calls.py."""
    simulated = SimulatedNvml(tmp_path, devices=2, library=stub)
    simulated.fail(0, call)
    if call == "power":  # told by three calls: two named fields, and the old one
        simulated.fail(0, "fields")
    found = probe("nvml", 0.2, **simulated.environment)
    by_name = {channel["name"]: channel["method"] for channel in found["channels"]}
    missing = {m["channel"]: m for m in found["missing"]}
    assert (by_name.pop("gpu/1"), by_name.pop("gpu/1/power")) == ("counter", "power")
    if call == "handle":
        assert by_name == {}
        assert "Not Supported" in missing["gpu/0"]["reason"]
    elif call == "energy":
        assert by_name == {"gpu/0": "power"}
        assert "Not Supported" in missing["gpu/0"]["reason"]
    elif call == "power":
        assert by_name == {"gpu/0": "counter"}
        assert missing["gpu/0/power"]["remedy"]
    else:
        assert by_name == {"gpu/0": "counter", "gpu/0/power": "power"}


def test_no_driver_is_told_with_its_remedy(probe):
    found = probe("nvml", 0.0, LD_LIBRARY_PATH="")
    if "channels" in found:
        pytest.skip("this host has an NVIDIA driver")
    assert "driver" in found["error"]


def test_a_gpu_that_is_lost_is_named_and_the_other_stays(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, devices=2, library=stub)
    simulated.set(0, lost=1)
    found = probe("nvml", 0.2, **simulated.environment)
    assert [c["name"] for c in found["channels"]] == ["gpu/1", "gpu/1/power"]
    assert "GPU is lost" in found["missing"][0]["reason"]
    assert "reboot" in found["missing"][0]["remedy"]


def test_a_gpu_lost_in_the_middle_leaves_the_other_whole(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, devices=2, library=stub)

    def lose_it_once_it_is_metered() -> None:
        while simulated.calls < 150:
            time.sleep(0.01)
        simulated.set(0, lost=1)

    losing = threading.Thread(target=lose_it_once_it_is_metered, daemon=True)
    losing.start()
    simulated.set_curve(1, LOAD)
    found = probe("nvml", 3.0, **simulated.environment)
    losing.join(5)
    whole = found["windows"][-1]
    assert energy_j(found, whole, "gpu/0")["energy_j"] is None
    assert "reads failed since" in energy_j(found, whole, "gpu/0")["reason"]
    assert "GPU is lost" in found["failures"]["gpu/0"][1]
    check_against(found, "gpu/1", LOAD, 3.0)


def test_mig_instances_are_covered_by_their_gpu(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, library=stub)
    simulated.set(0, mig=1, mig_count=2)
    found = probe("nvml", 0.0, **simulated.environment)
    assert [c["name"] for c in found["channels"]] == ["gpu/0", "gpu/0/power"]
    assert [m["channel"] for m in found["missing"]] == ["gpu/0/mig-0", "gpu/0/mig-1"]
    simulated.set(0, mig_energy=0.5)
    found = probe("nvml", 0.0, **simulated.environment)
    inside = [c["contained_in"] for c in found["channels"] if "mig" in c["name"]]
    assert inside == ["gpu/0", "gpu/0"]


def test_permission_denied_names_the_file_and_the_command(tmp_path, probe):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become someone who may not read")
    tree = SimulatedPowercap(tmp_path, intel(constant(50)))
    for zone in tree.zones:
        path = tree.path(zone) / "energy_uj"
        path.chmod(0o400)
        os.chown(path, 65534, 65534)
    found = drop_read_override(tree)
    assert "root alone" in found["error"]
    assert "chmod a+r" in found["error"]


def drop_read_override(tree: SimulatedPowercap) -> dict:
    """The probe without the capabilities by which root reads everything."""
    import json
    import subprocess
    import sys

    from .conftest import PROBE

    drop = "--bounding-set=-dac_override,-dac_read_search"
    inherit = "--inh-caps=-dac_override,-dac_read_search"
    command = ["setpriv", drop, inherit, sys.executable, str(PROBE), "rapl", "0"]
    env = {**os.environ, "GREENBENCH_POWERCAP_ROOT": str(tree.root)}
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_init_that_fails_is_told(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, library=stub)
    simulated.fail_init(18)
    found = probe("nvml", 0.0, **simulated.environment)
    assert "mismatch" in found["error"]
    assert "reboot" in found["error"]
    assert nvml.CALLS
