"""GPU requests as the engine receives them, its refusal, and what is done where it refuses."""

import json
import os
import stat
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from recording import recording_engine

from greenbench.api import Limits, Placement, Scenario
from greenbench.errors import ExecutorError
from greenbench.executors.docker import DockerExecutor
from greenbench.executors.engine import Endpoint
from greenbench.executors.gpu_access import DriverFiles, cdi_offered, files_grant, ways
from greenbench.executors.gpus import GpuRequest, driver_present, gpu_request
from greenbench.executors.process import ProcessExecutor
from greenbench.host.cores import parse_cpus, usable_cores
from greenbench.host.placement import seats

LIMITS = Limits(memory_mb=200)
MIG = "MIG-51300000-0000-0000-0000-000000000001"
needs_no_gpu = pytest.mark.skipif(driver_present(), reason="this host has a GPU")
root = pytest.mark.skipif(os.getuid() != 0, reason="making device nodes takes root")

REQUESTS = [
    (("all",), "all"),
    (("count:2",), "2"),
    (("0", "GPU-5c1b0000"), '"device=0,GPU-5c1b0000"'),
    ((MIG,), f"device={MIG}"),
    (("0:1",), "device=0:1"),
]


@pytest.fixture
def recorded(docker_engine):
    """An executor that talks to the real engine through a socket that keeps what it says."""
    real = docker_engine.endpoint.url.removeprefix("unix://")
    with tempfile.TemporaryDirectory(prefix="gb-") as folder:
        socket = Path(folder) / "docker.sock"
        with recording_engine(socket, real) as recording:
            yield socket, recording


@pytest.mark.docker
@needs_no_gpu
def test_a_trials_request_is_the_one_that_the_docker_command_sends(
    recorded, plain_image, probe, talk, docker_engine
):
    path, recording = recorded
    executor = DockerExecutor(Endpoint(f"unix://{path}", "the test"))
    executor.prepare([probe], LIMITS, print)
    for wanted, option in REQUESTS:
        with pytest.raises(ExecutorError, match="could not select device driver") as caught:
            talk(executor, probe, replace(LIMITS, gpus=wanted))
        assert "container toolkit" in caught.value.remedy
        assert _containers(docker_engine, executor._images[probe.name]) == []
        ours = recording.created()[-1]
        command = ["docker", "--host", f"unix://{path}", "create", "--gpus", option]
        made = subprocess.run(
            [*command, plain_image.tag, "true"], capture_output=True, text=True, check=True
        ).stdout.strip()
        docker_engine.client.remove_container(made)
        theirs = recording.created()[-1]
        assert theirs["HostConfig"]["DeviceRequests"], "the command was recorded"
        assert _plain(ours) == _plain(theirs)
        assert ours["HostConfig"]["DeviceRequests"][0]["Capabilities"] == [["gpu"]]
        assert ours["HostConfig"]["NetworkMode"] == "none", "GPUs take nothing of the isolation"
        assert ours["HostConfig"]["CapDrop"] == ["ALL"]
        assert ours["HostConfig"]["ReadonlyRootfs"] is True


def _containers(engine, image):
    return engine.client.containers(all=True, quiet=True, filters={"ancestor": image.id})


def _plain(body):
    """Device requests without the difference between an empty list and none."""
    requests = body["HostConfig"]["DeviceRequests"]
    return [{key: value or None for key, value in each.items()} for each in requests]


def pair(gpu):
    """The seats of two pinned copies for which the suite asks for two GPUs."""
    placement = Placement(gpu=gpu, cores="pinned", cpu_quota=0.5, memory_mb=96)
    scenario = Scenario(kind="homogeneous", copies=2, placement=placement)
    cores = usable_cores()
    if sum(map(len, cores)) < 2:
        pytest.skip("two processors are needed to pin two trials")
    limits = replace(LIMITS, threads=1, gpus=("GPU-a", "GPU-b"))
    return seats(scenario, limits, cores, ["GPU-a", "GPU-b"])


PLACED = [("same", [["GPU-a", "GPU-b"]] * 2), ("each", [["GPU-a"], ["GPU-b"]])]


@pytest.mark.docker
@needs_no_gpu
@pytest.mark.parametrize(("gpu", "given"), PLACED)
def test_where_members_sit_is_what_the_engine_is_asked(
    recorded, plain_image, probe, talk, gpu, given
):
    path, recording = recorded
    executor = DockerExecutor(Endpoint(f"unix://{path}", "the test"))
    executor.prepare([probe], LIMITS, print)
    first, second = pair(gpu)
    for seat in (first, second):
        with pytest.raises(ExecutorError, match="could not select device driver"):
            talk(executor, probe, seat.limits, cpus=seat.cpus, cpu_quota=seat.cpu_quota)
    asked = [body["HostConfig"] for body in recording.created()[-2:]]
    assert [host["DeviceRequests"][0]["DeviceIDs"] for host in asked] == given
    assert [parse_cpus(host["CpusetCpus"]) for host in asked] == [
        set(first.cpus), set(second.cpus),
    ]  # fmt: skip
    assert not set(first.cpus) & set(second.cpus)
    assert [host["NanoCpus"] for host in asked] == [500_000_000] * 2
    assert [host["Memory"] for host in asked] == [96 << 20] * 2


@pytest.mark.parametrize(("gpu", "given"), PLACED)
def test_where_members_sit_is_what_a_process_sees(probe, talk, gpu, given):
    executor = ProcessExecutor()
    for seat, names in zip(pair(gpu), given, strict=True):
        trial = talk(executor, probe, seat.limits, cpus=seat.cpus)
        trial.until("ready")
        inside = json.loads(trial.events["ready"]["environment"]["answer"])
        assert inside["environment"]["CUDA_VISIBLE_DEVICES"] == ",".join(names)
        assert set(inside["affinity"]) == set(seat.cpus)


@pytest.mark.docker
@needs_no_gpu
def test_a_cdi_device_is_asked_for_as_the_docker_command_does(recorded, plain_image, docker_engine):
    path, recording = recorded
    version = ["docker", "version", "--format", "{{.Client.Version}}"]
    told = subprocess.run(version, capture_output=True, text=True, check=True).stdout
    knows_cdi = int(told.partition(".")[0]) >= 25
    offered = {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]}
    _, way = ways(offered)
    for wanted, devices in (
        (("all",), ["all"]), (("count:2",), ["0", "1"]), (("1", MIG), ["1", MIG]),
    ):  # fmt: skip
        names = [f"nvidia.com/gpu={name}" for name in devices]
        (ours,) = way.grant(gpu_request(wanted)).device_requests
        assert (ours["Driver"], ours["DeviceIDs"]) == ("cdi", names)
        if not knows_cdi:
            continue
        command = ["docker", "--host", f"unix://{path}", "create"]
        options = [part for name in names for part in ("--device", name)]
        done = subprocess.run(
            [*command, *options, plain_image.tag, "true"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        docker_engine.client.remove_container(done.stdout.strip())
        theirs = recording.created()[-1]
        assert _plain({"HostConfig": {"DeviceRequests": [ours]}}) == _plain(theirs)


@pytest.mark.docker
@needs_no_gpu
def test_what_the_engine_says_to_every_way_is_told_before_the_first_trial(
    probe, docker_engine, plain_image, monkeypatch
):
    executor = DockerExecutor()
    with pytest.raises(ExecutorError, match="no NVIDIA driver is loaded on this host"):
        executor.prepare([probe], replace(LIMITS, gpus=("count:1",)), print)
    executor.prepare([probe], LIMITS, print)
    image = executor._images[probe.name]
    monkeypatch.setitem(executor.engine().info, "DiscoveredDevices", [{"ID": "nvidia.com/gpu=0"}])
    with pytest.raises(ExecutorError) as caught:
        executor.choose_gpu_way(image, GpuRequest(all=True), print)
    assert 'by device request: refused: could not select device driver ""' in caught.value.message
    assert 'by CDI device: refused: could not select device driver "cdi"' in caught.value.message
    assert _containers(docker_engine, image) == []


def test_cdi_is_known_by_what_the_engine_lists_or_by_its_folders(tmp_path):
    assert not cdi_offered({})
    assert not cdi_offered({"CDISpecDirs": [str(tmp_path), "/no/such/folder"]})
    (tmp_path / "other.json").write_text('{"kind": "intel.com/gpu"}')
    assert not cdi_offered({"CDISpecDirs": [str(tmp_path)]})
    (tmp_path / "nvidia.yaml").write_text("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n")
    assert cdi_offered({"CDISpecDirs": [str(tmp_path)]})
    assert cdi_offered({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]})
    assert not cdi_offered({"DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.com/net=0"}]})


CUDA = """
int cuInit(unsigned int flags) { return (int)flags; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
"""


@pytest.fixture
def driver(tmp_path):
    """A host with a driver and no toolkit: nodes (of /dev/null's kind), a library, two GPUs."""
    dev, proc = tmp_path / "dev", tmp_path / "proc"
    dev.mkdir()
    for name in ("nvidiactl", "nvidia-uvm", "nvidia0", "nvidia3"):
        os.mknod(dev / name, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (dev / name).chmod(0o666)
    for address, uuid, minor in (("01", "GPU-aa", 3), ("41", "GPU-bb", 0)):
        folder = proc / f"0000:{address}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(
            f"Model: \t\t NVIDIA H100\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"
        )
    library = tmp_path / "libcuda.so.555.1"
    (tmp_path / "cuda.c").write_text(CUDA)
    subprocess.run(["gcc", "-shared", "-o", library, tmp_path / "cuda.c"], check=True)
    (tmp_path / "libcuda.so.1").symlink_to(library.name)
    cache = (
        f"\tlibcuda.so.1 (libc6,x86-64) => {tmp_path}/libcuda.so.1\n"
        f"\tlibcuda.so.1 (libc6,AArch64) => {tmp_path}/libcuda.so.1\n"
        "\tlibcuda.so.1 (libc6) => /usr/lib/i386-linux-gnu/libcuda.so.1\n"
        "\tlibc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6\n"
    )
    return DriverFiles(dev=dev, proc=proc, libraries=lambda: cache)


@pytest.mark.docker
@needs_no_gpu
@root
def test_without_the_toolkit_nodes_and_libraries_are_handed_in_one_by_one(
    plain_image, probe, talk, driver
):
    executor, said = DockerExecutor(driver=driver), []
    executor.prepare([probe], LIMITS, print)
    image = executor._images[probe.name]
    executor._gpu_way = executor.choose_gpu_way(image, GpuRequest(ids=("0",)), said.append)
    assert len(said) == 1
    assert said[0].startswith("GPUs are given by device nodes and libraries of the host (by device")
    assert "could not select device driver" in said[0], "what did not work is told"
    trial = talk(executor, probe, replace(LIMITS, gpus=("GPU-aa",)))
    trial.until("ready")
    assert trial.running.facts["gpus"] == "GPU-aa by device nodes and libraries of the host"
    found = subprocess.run(
        ["docker", "inspect", trial.running.identity], capture_output=True, text=True, check=True
    )
    host = json.loads(found.stdout)[0]["HostConfig"]
    assert {device["PathInContainer"] for device in host["Devices"]} == {
        "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia3",
    }  # fmt: skip
    libraries = [m for m in host["Mounts"] if m["Target"].startswith("/usr/local/nvidia")]
    assert [(m["Target"], m["ReadOnly"]) for m in libraries] == [
        ("/usr/local/nvidia/lib64/libcuda.so.1", True)
    ]
    load = "import ctypes; print(ctypes.CDLL('libcuda.so.1').cuInit(7), open('/dev/nvidia3'))"
    inside = subprocess.run(
        ["docker", "exec", trial.running.identity, "python", "-c", load],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert inside.stdout.startswith("7 "), inside.stderr


@pytest.mark.docker
@needs_no_gpu
@root
def test_a_driver_that_does_not_answer_in_the_container_is_found_out(plain_image, driver, tmp_path):
    source = tmp_path / "cuda.c"
    source.write_text(CUDA.replace("(int)flags", "999"))
    subprocess.run(["gcc", "-shared", "-o", tmp_path / "libcuda.so.555.1", source], check=True)
    with pytest.raises(ExecutorError, match="a container starts, but CUDA answers 999"):
        DockerExecutor(driver=driver).choose_gpu_way(plain_image, GpuRequest(count=1), print)


@root
def test_device_nodes_follow_index_uuid_count_and_refuse_the_rest(driver):
    grant = files_grant(driver)

    def gpus(request):
        nodes = [name.partition(":")[0].rpartition("/")[2] for name in grant(request).devices]
        return [name for name in nodes if name.removeprefix("nvidia").isdigit()]

    assert gpus(GpuRequest(all=True)) == ["nvidia3", "nvidia0"]
    assert gpus(GpuRequest(count=1)) == ["nvidia3"]
    assert gpus(GpuRequest(ids=("1", "GPU-aa"))) == ["nvidia0", "nvidia3"]
    with pytest.raises(ExecutorError, match="has no GPU 2; it has 0, 1, GPU-aa, GPU-bb"):
        grant(GpuRequest(count=3))
    for name in (MIG, "0:1"):
        with pytest.raises(ExecutorError, match="MIG instance can't be handed in by device nodes"):
            grant(GpuRequest(ids=(name,)))
    with pytest.raises(ExecutorError, match=r"no libcuda\.so\.1 that the linker knows"):
        files_grant(replace(driver, libraries=lambda: ""))(GpuRequest(all=True))


def test_a_process_cannot_have_an_instance_by_its_place(probe, monkeypatch):
    monkeypatch.setattr("greenbench.executors.gpus.driver_present", lambda: True)
    with pytest.raises(ExecutorError, match="the MIG instance 0:1 by its place") as caught:
        ProcessExecutor().prepare([probe], replace(LIMITS, gpus=("0:1",)), print)
    assert "MIG-" in caught.value.remedy


@pytest.mark.parametrize(
    ("driver", "info", "told"),
    [
        (True, {"Runtimes": {"runc": {}}}, True),
        (True, {"Runtimes": {"runc": {}, "nvidia": {}}}, False),
        (True, {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=all"}]}, False),
        (False, {"Runtimes": {"runc": {}}}, False),
    ],
)
def test_a_driver_without_the_container_toolkit_is_told_with_the_command(
    monkeypatch, driver, info, told
):
    monkeypatch.setattr("greenbench.executors.gpus.driver_present", lambda: driver)
    monkeypatch.setattr("greenbench.executors.gpu_access.shutil.which", lambda _: None)
    executor = DockerExecutor()
    executor._engine = SimpleNamespace(info=info)
    found = executor.lacks()
    assert bool(found) == told
    for missing in found:
        assert "container toolkit" in missing.reason
        assert "nvidia-ctk runtime configure" in missing.remedy
