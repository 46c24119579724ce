"""Backends through their real libraries (pynvml, pyRAPL, the kernel's files) against the truth."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sim import nvml
from sim.curves import Curve, constant, square
from sim.nvml import SimulatedNvml
from sim.powercap import SimulatedPowercap, Zone, intel

PERIOD_S = 0.31
INSIDE = 0.92
"""Of all windows of all channels, this share lies within the stated ±, which covers 95 %.

Windows of one recording overlap, and share what is not known of it: channels are the independent
unit, so several are recorded at once, each with a phase of its own. In simulated time the share is
0.972 with a standard deviation of 0.009 from recording to recording (eight GPUs), so that by chance
less than one recording in a million lies below; where ± is half as wide as it should be, it is 0.80
with one of 0.02, and as little lies above. The counters of a powercap tree are updated together, so
that what misses one misses all: there it takes many windows.
"""


def load(place: int = 0, of: int = 1) -> Curve:
    """A trial's power, fast enough to pass through many periods in a short test."""
    return square(80, 260, period_s=PERIOD_S, duty=0.3, phase_s=PERIOD_S * place / of)


def energy_j(found: dict, window: dict, channel: str) -> dict:
    return next(e for e in window["energies"] if e["channel"] == channel)


def check_against(
    found: dict,
    curves: dict[str, Curve],
    seconds: float,
    late: Sequence[tuple[float, float]] = (),
) -> None:
    """Of the whole each channel's energy is within 1 % of the truth; of random windows of all
    channels together, as many as have to be are within their stated ±. A window that begins or ends
    while the simulation was `late` is none of them; most are."""
    random = [
        window
        for window in found["random"]
        if not any(a <= window[end] <= b for a, b in late for end in ("start_s", "end_s"))
    ]
    assert len(random) > 0.5 * len(found["random"])
    whole = found["windows"][-1]
    assert whole["end_s"] - whole["start_s"] >= seconds
    inside = []
    for channel, curve in curves.items():
        truth_j = curve.between_j(whole["start_s"], whole["end_s"])
        measured = energy_j(found, whole, channel)
        assert measured["energy_j"] == pytest.approx(truth_j, rel=0.01)
        assert measured["gap_s"] == 0.0
        parts = [energy_j(found, w, channel)["energy_j"] for w in found["windows"][:-1]]
        between_j = curve.between_j(found["windows"][0]["end_s"], found["windows"][1]["start_s"])
        assert sum(parts) == pytest.approx(measured["energy_j"] - between_j, rel=1e-3)
        for window in random:
            answer = energy_j(found, window, channel)
            error_j = abs(answer["energy_j"] - curve.between_j(window["start_s"], window["end_s"]))
            inside.append(error_j <= answer["resolution_j"])
    assert sum(inside) >= INSIDE * len(inside) > 0


def test_nvml_counter_and_power_agree_with_the_truth(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, devices=8, library=stub)
    curves = {f"gpu/{i}": load(i, of=7) for i in range(7)} | {"gpu/7": constant(57)}
    for device, curve in enumerate(curves.values()):
        simulated.set_curve(device, curve)
        simulated.set(device, phase_s=0.0025 * device)
    found = probe("nvml", 6.0, **simulated.environment)
    names = [channel["name"] for channel in found["channels"]]
    assert names == [f"gpu/{i}{kind}" for i in range(8) for kind in ("", "/power")]
    check_against(found, curves, 6.0)
    check_against(found, {"gpu/7/power": constant(57)}, 6.0)


def test_nvml_learns_the_update_period(tmp_path, stub, probe):
    simulated = SimulatedNvml(tmp_path, library=stub)
    simulated.set(0, update_s=0.05)
    found = probe("nvml", 0.0, **simulated.environment)
    assert found["channels"][0]["update_period_s"] == pytest.approx(0.05, rel=0.1)


def packages(count: int, **facts: object) -> tuple[list[Zone], dict[str, Curve]]:
    """Zones of packages that all do the same, each at another time, and of their memory; what is
    true of them."""
    zones, curves = [], {}
    for number in range(count):
        curve, dram = load(number, of=count), constant(9 + number)
        for zone in intel(curve, dram=dram):
            index = str(number) + zone.index[1:]
            name = zone.name.replace("-0", f"-{number}")
            zones.append(replace(zone, index=index, name=name, **facts))
        curves |= {f"cpu/package-{number}": curve, f"cpu/dram-{number}": dram}
    return zones, curves


def test_rapl_agrees_with_the_truth_across_a_wrap(tmp_path, probe):
    # A range of 300 J wraps every two or three seconds.
    zones, curves = packages(4, range_uj=300_000_000)
    tree = SimulatedPowercap(tmp_path, zones)
    with tree.running():
        found = probe("rapl", 6.0, GREENBENCH_POWERCAP_ROOT=str(tree.root))
    cores = {f"cpu/core-{number}" for number in range(4)}
    assert {channel["name"] for channel in found["channels"]} == cores | set(curves)
    check_against(found, curves, 6.0, tree.late())


def test_pyrapl_agrees_with_the_truth(tmp_path, probe_with_powercap):
    zones, curves = packages(4)
    tree = SimulatedPowercap(tmp_path / "tree", zones)
    with tree.running():
        found = probe_with_powercap("pyrapl", 3.0, tree.root, sockets=4)
    assert found["backends"] == ["pyrapl"]
    check_against(found, curves, 3.0, tree.late())


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
    simulated = SimulatedNvml(tmp_path, devices=9, library=stub)
    others = {f"gpu/{i}": load(i, of=8) for i in range(1, 9)}

    def lose_it_once_it_is_metered() -> None:
        calls = [0]  # a hundred in a tenth of a second: a calibration looks far more often
        while calls[-1] < 100 or calls[-1] - calls[-2] > 100:
            time.sleep(0.1)
            calls.append(simulated.calls)
        simulated.set(0, lost=1)

    losing = threading.Thread(target=lose_it_once_it_is_metered, daemon=True)
    losing.start()
    for device, curve in enumerate(others.values(), start=1):
        simulated.set_curve(device, curve)
        simulated.set(device, phase_s=0.0025 * device)
    found = probe("nvml", 3.0, **simulated.environment)
    losing.join(5)
    whole = found["windows"][-1]
    assert energy_j(found, whole, "gpu/0")["energy_j"] is None
    assert "reads failed since" in energy_j(found, whole, "gpu/0")["reason"]
    assert "GPU is lost" in found["failures"]["gpu/0"][1]
    check_against(found, others, 3.0)


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
