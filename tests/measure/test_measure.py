"""`greenbench measure`: the energy of any command, and nothing of the command changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sim.curves import constant, square
from sim.machine import GREENBENCH

LOAD = square(80, 260, period_s=0.31, duty=0.3)
SAY = "import sys, time; print('to stdout'); print('to stderr', file=sys.stderr); time.sleep({})"


def python(code: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", code)


def test_json_has_the_documented_structure_and_the_truth(simulated_host):
    with simulated_host(package=LOAD) as host:
        host.gpu.set_curve(0, constant(200))
        done = host.run("measure", "--json", *python(SAY.format(4)))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # what the command printed is not in it
    assert "to stdout" in done.stderr
    window = found["window"]
    start_s, end_s = window["start_monotonic_s"], window["end_monotonic_s"]
    assert 4 <= end_s - start_s < 60
    channels = {channel["channel"]: channel for channel in found["channels"]}
    truth = {"cpu/package-0": LOAD, "cpu/dram-0": constant(9), "gpu/0": constant(200)}
    for name, curve in truth.items():
        channel, truth_j = channels[name], curve.between_j(start_s, end_s)
        assert channel["energy_j"] == pytest.approx(truth_j, rel=0.01)
        assert 0 < channel["uncertainty_j"] < 0.05 * truth_j
        assert channel["source"] in ("rapl", "nvml")
        assert channel["method"] == "counter"
        assert channel["estimate"] is False
    whole_j = sum(channels[name]["energy_j"] for name in truth)
    assert found["total"]["energy_j"] == pytest.approx(whole_j)
    assert sorted(found["total"]["included"]) == sorted(truth)
    assert "cpu/core-0" in found["total"]["left_out"]
    assert found["exit_code"] == 0


def test_without_json_stdout_is_the_commands_alone(simulated_host):
    with simulated_host() as host:
        done = host.run("measure", *python(SAY.format(0.5)))
    assert done.stdout == "to stdout\n"
    assert "to stderr" in done.stderr
    assert "cpu/package-0" in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 80


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_exit_code_is_passed_on(greenbench, form):
    done = greenbench("measure", *form, *python("raise SystemExit(23)"))
    assert done.returncode == 23
    if form:
        assert json.loads(done.stdout)["exit_code"] == 23


def test_a_command_that_a_signal_ends_has_the_shells_code(greenbench):
    done = greenbench("measure", *python("import os; os.kill(os.getpid(), 15)"))
    assert done.returncode == 128 + signal.SIGTERM


def test_a_command_that_is_not_there_is_127(greenbench):
    done = greenbench("measure", "--", "no-such-command-anywhere")
    assert done.returncode == 127
    assert "no such command: no-such-command-anywhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_of_the_command_are_the_commands(greenbench):
    done = greenbench(
        "measure", "--", sys.executable, "-c", "import sys; print(sys.argv)", "--json"
    )
    assert done.returncode == 0
    assert done.stdout.strip() == "['-c', '--json']"


@pytest.mark.parametrize(
    ("tell", "codes"),
    [(os.killpg, (1, 128 + signal.SIGINT)), (os.kill, (128 + signal.SIGTERM,))],
    ids=["ctrl-c", "sigterm"],
)
def test_a_signal_ends_the_command_and_its_energy_is_still_told(tmp_path, tell, codes):
    ready = tmp_path / "ready"
    code = f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    process = subprocess.Popen(
        [*GREENBENCH, "measure", "--json", *python(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end_s = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < end_s:
        time.sleep(0.05)
    tell(process.pid, signal.SIGINT if tell is os.killpg else signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert json.loads(output)["channels"]
    assert process.returncode in codes


def test_a_channel_that_can_not_be_known_is_null_with_its_reason(simulated_host):
    with simulated_host() as host:
        host.gpu.fail(0, "energy")
        done = host.run("measure", "--json", *python("pass"))
    found = json.loads(done.stdout)
    missing = {entry["channel"]: entry for entry in found["missing"]}
    assert missing["gpu/0"]["remedy"]
    for channel in found["channels"]:
        assert (channel["energy_j"] is None) == bool(channel["reason"])


def test_without_a_meter_numbers_are_labelled_estimates(greenbench, tmp_path):
    nothing = {"GREENBENCH_POWERCAP_ROOT": str(tmp_path / "nowhere")}
    found = json.loads(greenbench("measure", "--json", *python("pass"), env=nothing).stdout)
    if any(not channel["estimate"] for channel in found["channels"]):
        pytest.skip("this host has a meter")
    assert {channel["method"] for channel in found["channels"]} == {"estimate"}
    assert {entry["source"] for entry in found["missing"]} >= {"nvml", "rapl"}
