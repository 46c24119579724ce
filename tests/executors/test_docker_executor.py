"""The container executor against a real engine: what is asked, what is seen from in- and outside."""

import json
import subprocess
from dataclasses import replace

import pytest

from greenbench.api import Limits
from greenbench.errors import ExecutorError
from greenbench.executors.docker import DockerExecutor

pytestmark = pytest.mark.docker

LIMITS = Limits(threads=2, memory_mb=200, pids=40, scratch_mb=11, shm_mb=9)
MIB = 1024 * 1024


@pytest.fixture
def executor(plain_image):
    return DockerExecutor()


def inspected(trial):
    """What an independent client says about the trial's container."""
    found = subprocess.run(
        ["docker", "inspect", trial.running.identity], capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout)[0]


def test_the_engine_is_asked_to_lock_the_container_down(executor, probe, talk):
    trial = talk(executor, probe, LIMITS)
    trial.until("ready")
    seen = inspected(trial)
    host, config = seen["HostConfig"], seen["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 40
    assert host["Memory"] == host["MemorySwap"] == 200 * MIB
    assert host["ShmSize"] == 9 * MIB
    assert {u["Name"]: u["Hard"] for u in host["Ulimits"]} == {
        "nofile": 8192, "nproc": 32768, "core": 0, "fsize": 11 * MIB,
    }  # fmt: skip
    assert set(host["Tmpfs"]) == {"/scratch", "/tmp"}
    assert config["User"] == "65534:65534"
    assert config["Labels"]["greenbench.trial"] == "k"
    assert config["Labels"]["greenbench.holder"] == f"test-{trial.folder.name}"
    assert not any(mount["RW"] for mount in seen["Mounts"])
    assert "docker.sock" not in json.dumps(seen["Mounts"])
    assert seen["Name"].startswith("/greenbench-probe-")


def test_the_training_code_sees_the_walls(executor, probe, talk, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    data = tmp_path / "data"
    data.mkdir()
    (data / "set.txt").write_text("digits")
    trial = talk(executor, probe, LIMITS, data=data)
    trial.until("ready")
    inside = json.loads(trial.events["ready"]["environment"]["answer"])
    assert (inside["uid"], inside["gid"], inside["home"]) == (65534, 65534, "/scratch")
    assert int(inside["capabilities"], 16) == 0
    assert inside["no_new_privileges"] == "1"
    assert inside["seccomp"] == "2"
    assert inside["interfaces"] == ["lo"]
    assert inside["root"] == "OSError 30"
    assert inside["run_folder"] == "OSError 30"
    assert inside["scratch"] == "done"
    assert (inside["data"], inside["data_write"]) == ("digits", "OSError 30")
    assert (inside["scratch_bytes"], inside["shm_bytes"]) == (11 * MIB, 9 * MIB)
    assert inside["environment"]["OMP_NUM_THREADS"] == "2"
    assert "AWS_SECRET_ACCESS_KEY" not in inside["environment"]


def test_cpu_time_and_memory_come_from_the_containers_cgroup(executor, probe, talk):
    trial = talk(executor, probe)
    trial.until("result", behaviour="burn_in_children")
    used_s, peak_bytes = trial.running.cpu_time_s(), trial.running.memory_peak_bytes()
    assert used_s >= 0.8
    assert 5 * MIB < peak_bytes <= 256 * MIB
    trial.say_bye()
    assert trial.wait().code == 0
    assert trial.running.cpu_time_s() >= used_s  # what was read last stays readable
    assert trial.running.memory_peak_bytes() >= peak_bytes


def test_nothing_is_left_after_remove(executor, probe, talk, docker_engine):
    trial = talk(executor, probe)
    trial.until("epoch_begin", behaviour="linger")
    trial.running.kill()
    assert trial.wait().code == 137
    trial.running.kill()
    trial.running.remove()
    trial.running.remove()
    label = f"greenbench.holder=test-{trial.folder.name}"
    assert docker_engine.client.containers(all=True, filters={"label": label}) == []


def test_out_of_memory_is_told_apart(executor, probe, talk):
    trial = talk(executor, probe, replace(LIMITS, memory_mb=64))
    trial.until("exit", behaviour="eat_memory")
    assert trial.events["exit"]["signal"] == 9
    assert trial.wait().out_of_memory is True


def test_a_container_killed_from_outside_says_so(executor, probe, talk):
    trial = talk(executor, probe)
    trial.until("epoch_begin", behaviour="linger")
    subprocess.run(["docker", "kill", trial.running.identity], capture_output=True, check=True)
    assert trial.wait().code == 137
    other = talk(executor, probe)
    other.until("epoch_begin", behaviour="linger")
    subprocess.run(["docker", "rm", "-f", other.running.identity], capture_output=True, check=True)
    assert "removed from outside" in other.wait().detail


def test_an_early_crash_is_told_with_its_last_words(executor, probe, talk):
    trial = talk(executor, probe)
    trial.running.kill()
    (trial.folder / "worker.sock").unlink()
    running = executor.start(trial.launch)
    try:
        ended = trial.wait(running)
        assert ended.code == 1
        assert "can't reach /run/greenbench/worker.sock" in ended.detail
    finally:
        running.remove()


def test_leftovers_are_found_by_label_and_only_ours(executor, probe, talk):
    mine, other = talk(executor, probe), talk(executor, probe)
    mine.until("ready")
    other.until("ready")
    removed = executor.remove_leftovers(f"test-{mine.folder.name}")
    assert removed == [f"container {mine.running.identity}"]
    assert other.running.exit() is None


def test_an_image_removed_under_our_feet_is_built_again(executor, probe, talk, docker_engine):
    executor.prepare([probe], LIMITS, print)
    image = executor._images["probe"]
    docker_engine.client.remove_image(image.tag)
    with pytest.raises(ExecutorError, match="can't be created: No such image"):
        talk(executor, probe)
    executor.prepare([probe], LIMITS, print)
    talk(executor, probe).until("ready")
