"""GPUs that aren't there, or that others use, are found before anything starts."""

import json
import subprocess
import sys

import pytest

ASK = """
import json, sys
from greenbench.errors import ExecutorError
from greenbench.host.gpu import open_gpus
from greenbench.host.gpu_request import asked_for, check_gpus, gpu_names
from greenbench.executors.gpus import gpu_request

gpus = open_gpus()
answers = []
for wanted, share in json.loads(sys.argv[1]):
    try:
        told = check_gpus(gpus, wanted, share=share)
        answers.append([sorted(asked_for(gpus, gpu_request(wanted))), told])
    except ExecutorError as error:
        answers.append([error.message, error.remedy])
print(json.dumps(answers))
"""
GPU = "GPU-51300000-0000-0000-0000-{:012d}"
MIG = "MIG-51300000-0000-0000-{:04d}-{:012d}"

SUITE = """
name = "gpus"
seed = 1
blocks = 1
[limits]
gpus = {gpus}
[[study]]
model = "trouble"
[[study.mutate]]
operator = "epochs"
values = [3]
"""


@pytest.fixture
def two_gpus(tmp_path, stub):
    from sim.nvml import SimulatedNvml

    return SimulatedNvml(tmp_path, devices=2, library=stub)


@pytest.fixture
def stranger():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600) # train"])
    yield process
    process.kill()
    process.wait()


def ask(nvml, *wanted, share=False):
    import os

    questions = json.dumps([[each, share] for each in wanted])
    done = subprocess.run(
        [sys.executable, "-c", ASK, questions],
        env={**os.environ, **nvml.environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_every_name_of_a_gpu_and_of_an_instance_is_known(two_gpus):
    two_gpus.set(1, mig=1, mig_count=2)
    first, second = GPU.format(0), GPU.format(1)
    wanted = (["all"], ["count:1"], ["1"], [second], ["1:0"], [MIG.format(1, 2)], ["0", "1:1"], [])
    found = [uuids for uuids, _ in ask(two_gpus, *wanted)]
    assert found == [
        [first, second], [first], [second], [second], [second], [second], [first, second], [],
    ]  # fmt: skip


def test_one_that_is_not_there_is_told_with_those_that_are(two_gpus):
    two_gpus.set(0, mig=1, mig_count=1)
    answers = ask(two_gpus, ["count:3"], ["7"], ["0:1"], ["GPU-no"], ["MIG-no"])
    assert "asks for 3 GPUs, and this host has 2" in answers[0][0]
    for (message, remedy), name in zip(answers[1:], ["7", "0:1", "GPU-no", "MIG-no"], strict=True):
        assert f"asks for GPU {name}, which this host has not" in message
        assert f"0 = {GPU.format(0)}\n  0:0 = {MIG.format(0, 1)}\n  1 = {GPU.format(1)}" in message
        assert "nvidia-smi -L" in remedy


def test_one_that_somebody_else_uses_is_told_with_the_way_out(two_gpus, stranger):
    two_gpus.processes(0, [(stranger.pid, 0.0, 0.0, 3.2e9)])
    (message, remedy), (free, told) = ask(two_gpus, ["count:2"], ["1"])
    assert "a GPU that the suite asks for is in use" in message
    assert f"GPU 0 (Simulated A100-SXM4-40GB, {GPU.format(0)}): process {stranger.pid}" in message
    assert "time.sleep(600) # train" in message
    assert "3.2 GB" in message
    assert "free: 1" in remedy
    assert "--share-host" in remedy
    assert (free, told) == ([GPU.format(1)], []), "another GPU is none of our business"
    ((uuids, told),) = ask(two_gpus, ["0"], share=True)
    assert uuids == [GPU.format(0)]
    assert f"process {stranger.pid}" in told[0]


def test_the_command_refuses_before_it_starts_anything(simulated_host, stranger):
    with simulated_host() as host:
        path = host.folder / "suite.toml"
        path.write_text(SUITE.format(gpus='["1"]'))
        done = host.run("suite", "run", path, "--executor", "process", "--results", "out")
        assert done.returncode == 5
        assert "asks for GPU 1, which this host has not" in done.stderr
        host.gpu.processes(0, [(stranger.pid, 0.0, 0.0, 1e9)])
        path.write_text(SUITE.format(gpus="1"))
        done = host.run("suite", "run", path, "--executor", "process", "--results", "out2")
        assert done.returncode == 5
        assert f"process {stranger.pid}" in done.stderr
