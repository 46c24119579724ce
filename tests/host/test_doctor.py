"""`greenbench doctor` on simulated hardware: what can be measured, what is missing, what it calls stable."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from sim.curves import ramp

QUICK = ("--idle", "1", "--no-control")
GPU = "GPU-51300000-0000-0000-0000-000000000000"


def examined(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode in (0, 6, 8), done.stderr
    return json.loads(done.stdout)


def test_each_channel_with_its_period_range_wrap_and_idle_power(simulated_host):
    with simulated_host() as host:
        host.gpu.set(0, update_s=0.05)
        done = host.run("doctor", "--json", *QUICK)
    found = examined(done)
    assert done.returncode == 0
    assert found["measures"] is True
    assert found["stable"] is found["control"] is None
    channels = {channel["channel"]: channel for channel in found["channels"]}
    gpu, package = channels["gpu/0"], channels["cpu/package-0"]
    assert gpu["update_period_s"] == pytest.approx(0.05, rel=0.1)
    assert gpu["update_period_from"] == "observed"
    assert gpu["one_percent_s"] == pytest.approx(5.0, rel=0.1)
    assert gpu["range_j"] is gpu["wrap_s"] is None
    assert gpu["idle_power_w"] == pytest.approx(100, rel=0.1)
    assert package["range_j"] == pytest.approx(262_143, rel=1e-4)
    assert package["wrap_s"] == pytest.approx(package["range_j"] / package["max_power_w"])
    assert package["idle_power_w"] == pytest.approx(50, rel=0.02)
    assert package["idle_variation"] < 0.05
    assert package["idle_uncertainty_w"] > 0
    assert channels["cpu/core-0"]["contained_in"] == "cpu/package-0"
    assert {"nvml", "rapl"} == {channel["source"] for channel in channels.values()}
    assert found["host"]["gpus"][0]["uuid"] == GPU
    assert {"docker", "process"} <= {executor["name"] for executor in found["executors"]}


def test_what_may_not_be_read_is_missing_with_the_command_that_helps(simulated_host):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become someone who may not read")
    drop = "-dac_override,-dac_read_search"
    with simulated_host() as host:
        for zone in host.tree.zones:
            path = host.tree.path(zone) / "energy_uj"
            path.chmod(0o400)
            os.chown(path, 65534, 65534)
        prefix = ("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}")
        found = examined(host.run("doctor", "--json", *QUICK, prefix=prefix))
        text = host.run("doctor", *QUICK, prefix=prefix).stdout
    missing = {entry["channel"]: entry for entry in found["missing"]}
    assert "root alone" in missing["cpu/package-0"]["reason"]
    assert "sudo chmod a+r" in missing["cpu/package-0"]["remedy"]
    assert [c["channel"] for c in found["channels"]] == ["gpu/0", "gpu/0/power"]
    assert "→ sudo chmod a+r" in text


def test_a_gpu_call_that_is_not_supported_is_missing_by_name(simulated_host):
    with simulated_host() as host:
        host.gpu.fail(0, "energy")
        found = examined(host.run("doctor", "--json", *QUICK))
    (missing,) = [m for m in found["missing"] if m["source"] == "nvml"]
    assert missing["channel"] == "gpu/0"
    assert missing["remedy"]


def test_other_work_is_named(simulated_host, tmp_path):
    script = tmp_path / "neighbour.py"
    script.write_text("while True: pass\n")
    neighbour = subprocess.Popen([sys.executable, script])
    try:
        with simulated_host() as host:
            host.gpu.processes(0, [(neighbour.pid, 30, 10, 1e9)])
            time.sleep(0.5)
            found = examined(host.run("doctor", "--json", *QUICK))
            text = host.run("doctor", *QUICK).stdout
    finally:
        neighbour.kill()
        neighbour.wait()
    named = [d for d in found["disturbances"] if "neighbour.py" in d["text"]]
    assert {d["what"] for d in named} == {"busy process", "GPU process"}
    assert "neighbour.py" in text


def test_the_terminal_gets_the_same_at_80_columns(simulated_host):
    with simulated_host() as host:
        done = host.run("doctor", "--idle", "1", "--runs", "2", "--seconds", "0.3")
    assert max(map(len, done.stdout.splitlines())) <= 80
    for words in ("cpu/package-0", "rapl counter", "min at 500 W", "coefficient of variation"):
        assert words in done.stdout
    assert "control run 2 of 2" in done.stderr


def test_power_that_drifts_is_not_stable_and_the_exit_code_says_so(simulated_host):
    now_s = time.monotonic()
    drifting = ramp(20, 1000, begin_s=now_s, end_s=now_s + 60)
    with simulated_host(package=drifting) as host:
        options = ("--idle", "0.5", "--runs", "4", "--seconds", "0.5")
        done = host.run("doctor", "--json", *options)
    found = examined(done)
    assert done.returncode == 8
    assert found["stable"] is False
    assert found["control"]["quantity"] == "energy_j"
    assert found["control"]["coefficient_of_variation"] > found["control"]["limit"] == 0.01
    assert len(found["control"]["runs"]) == 4


def test_without_a_meter_cpu_time_is_compared_and_nothing_is_called_stable(greenbench, tmp_path):
    nothing = {"GREENBENCH_POWERCAP_ROOT": str(tmp_path / "nowhere"), "COLUMNS": "80"}
    options = ("--idle", "0.5", "--runs", "2", "--seconds", "0.3")
    done = greenbench("doctor", "--json", *options, env=nothing)
    found = examined(done)
    if found["measures"]:
        pytest.skip("this host has a meter")
    assert done.returncode == 6
    assert found["stable"] is None
    assert found["control"]["quantity"] == "cpu_time_s"
    assert all(run["energy_j"] is None for run in found["control"]["runs"])
    assert {m["source"] for m in found["missing"]} >= {"nvml", "rapl"}
    text = greenbench("doctor", *options, env=nothing).stdout
    assert "not energy" in text
    assert "This host is stable" not in text
