"""What disturbs a host: said with the command that ends it, and not said where all is quiet."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import pytest

from greenbench.host.activity import busy_cpu_time_s, busy_processes, process_times_s
from greenbench.host.disturbances import disturbances
from greenbench.host.state import StateWatch, state_facts

QUIET_HOST = {"governor": "performance", "turbo": False, "virtual": False}
QUIET = {
    "load_1min": 0.02,
    "swap_used_bytes": 0,
    "busy_processes": [],
    "unseen_cpus": 0.01,
    "gpus": [{"uuid": "GPU-1", "processes": []}],
}
GPU_PROCESS = {"pid": 9, "name": "miner", "utilization": 0.4}


@pytest.mark.parametrize(
    ("host", "state", "what", "words"),
    [
        ({"governor": "powersave"}, {}, "governor", ("powersave", "cpupower frequency-set")),
        ({"turbo": True}, {}, "turbo", ("turbo is on", "sudo tee")),
        ({"virtual": True}, {}, "virtual machine", ("RAPL", "host itself")),
        ({}, {"swap_used_bytes": 2**21}, "swap", ("2 MiB", "swapoff")),
        ({}, {"load_1min": 3.0}, "load", ("3.00", "uptime")),
        ({}, {"unseen_cpus": 0.7}, "unseen work", ("0.70", "top")),
        (
            {},
            {"busy_processes": [{"name": "indexer", "pid": 7, "cpus": 0.9}]},
            "busy process",
            ("indexer", "7", "ps -fp"),
        ),
        (
            {},
            {"gpus": [{"uuid": "GPU-1", "processes": [GPU_PROCESS]}]},
            "GPU process",
            ("miner", "GPU-1", "40%"),
        ),
    ],
)
def test_each_is_said_with_its_fix(host, state, what, words):
    assert disturbances(QUIET_HOST, QUIET) == []
    (found,) = disturbances(QUIET_HOST | host, QUIET | state)
    assert found.what == what
    assert all(word in found.text + found.remedy for word in words)


def test_what_is_not_known_is_not_said():
    unknown = dict.fromkeys((*QUIET_HOST, *QUIET))
    assert disturbances(unknown, unknown) == []


def test_a_busy_process_is_found_by_name(tmp_path):
    script = tmp_path / "hungry.py"
    script.write_text("while True: pass\n")
    watch = StateWatch()
    children = [
        subprocess.Popen([sys.executable, script]),
        subprocess.Popen(["sh", "-c", "while :; do :; done"], executable=shutil.which("sh")),
    ]
    try:
        time.sleep(1.5)
        state = watch.state()
    finally:
        for child in children:
            child.kill()
            child.wait()
    by_pid = {process["pid"]: process for process in state["busy_processes"]}
    assert by_pid[children[0].pid]["name"].endswith("hungry.py")
    assert by_pid[children[1].pid]["name"].endswith("sh")
    assert by_pid[children[0].pid]["cpus"] > 0.02
    assert state["busy_cpus"] > 0.02
    facts = state_facts(QUIET_HOST, state, {"cpu/package-0": 40.0})
    assert facts["host_state"]["idle_power_w"] == {"cpu/package-0": 40.0}


def test_a_process_that_began_anew_under_an_old_id_is_another():
    before = {(7, 100.0): ("old", 500.0)}
    after = {(7, 200.0): ("new", 2.0), (8, 1.0): ("idle", 0.01)}
    (busy,) = busy_processes(before, after, 10.0)
    assert (busy.name, busy.cpus) == ("new", pytest.approx(0.2))
    assert busy_processes(before, after, 10.0, own=[7]) == []


def test_busy_time_of_the_host_grows_and_names_come_with_times():
    before = busy_cpu_time_s()
    sum(range(5_000_000))
    assert busy_cpu_time_s() >= before
    assert all(name and used >= 0 for name, used in process_times_s().values())
