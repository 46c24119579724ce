"""CPU time and memory from cgroup files, in every layout that engines leave behind."""

import os

import pytest

from greenbench.executors.cgroups import Cgroup, cgroup_of, network_bytes

V2_MOUNT = "30 23 0:26 {root} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "31 23 0:27 {root} {point} rw,relatime shared:5 - cgroup cgroup rw,{controllers}\n"


def host(tmp_path, membership, mounts, files):
    """A made-up /proc, and the cgroup files that it leads to."""
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir()
    (tmp_path / "proc" / "7" / "cgroup").write_text(membership)
    (tmp_path / "proc" / "self" / "mountinfo").write_text(mounts)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return cgroup_of(7, tmp_path / "proc")


@pytest.mark.parametrize("path", ["docker/abc", "system.slice/docker-abc.scope"])
def test_version_2_with_either_driver(tmp_path, path):
    group = host(
        tmp_path,
        f"0::/{path}\n",
        V2_MOUNT.format(root="/", point=tmp_path / "cg"),
        {
            f"cg/{path}/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
            f"cg/{path}/memory.peak": "1048576\n",
        },
    )
    assert group.cpu_time_s() == pytest.approx(2.5)
    assert group.memory_peak_bytes() == 1_048_576


def test_version_2_before_memory_peak_has_no_peak_rather_than_zero(tmp_path):
    group = host(
        tmp_path,
        "0::/docker/abc\n",
        V2_MOUNT.format(root="/", point=tmp_path / "cg"),
        {"cg/docker/abc/cpu.stat": "usage_usec 1000000\n"},
    )
    assert group.cpu_time_s() == pytest.approx(1.0)
    assert group.memory_peak_bytes() is None


@pytest.mark.parametrize("controllers", ["cpuacct", "cpu,cpuacct"])
def test_version_1_and_hybrid(tmp_path, controllers):
    mounts = (
        V1_MOUNT.format(root="/", point=tmp_path / "cpu", controllers=controllers)
        + V1_MOUNT.format(root="/", point=tmp_path / "mem", controllers="memory")
        + V2_MOUNT.format(root="/", point=tmp_path / "unified")
    )
    group = host(
        tmp_path,
        f"5:{controllers}:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n",
        mounts,
        {
            "cpu/docker/abc/cpuacct.usage": "1500000000\n",
            "mem/docker/abc/memory.max_usage_in_bytes": "4096\n",
            "unified/docker/abc/cpu.stat": "usage_usec 1\n",
        },
    )
    assert group.cpu_time_s() == pytest.approx(1.5)
    assert group.memory_peak_bytes() == 4096


def test_version_1_tells_cpu_time_by_processor_and_version_2_does_not(tmp_path):
    folder = tmp_path / "cpuacct"
    folder.mkdir()
    usage, stat = folder / "cpuacct.usage", folder / "cpu.stat"
    usage.write_text("2500000000\n")
    stat.write_text("usage_usec 2500000\n")
    (folder / "cpuacct.usage_percpu").write_text("1000000000 0 1500000000 0 \n")
    assert Cgroup(usage, None).cpu_time_by_cpu_s() == pytest.approx((1.0, 0.0, 1.5, 0.0))
    assert Cgroup(stat, None).cpu_time_by_cpu_s() is None
    (folder / "cpuacct.usage_percpu").unlink()
    assert Cgroup(usage, None).cpu_time_by_cpu_s() is None


def test_a_hierarchy_mounted_below_its_root(tmp_path):
    group = host(
        tmp_path,
        "0::/lab/docker/abc\n",
        V2_MOUNT.format(root="/lab", point=tmp_path / "cg"),
        {"cg/docker/abc/cpu.stat": "usage_usec 1000000\n"},
    )
    assert group.cpu_time_s() == pytest.approx(1.0)


def test_what_is_gone_or_out_of_sight_is_none_and_never_zero(tmp_path):
    assert cgroup_of(7, tmp_path) is None
    assert Cgroup(None, None).cpu_time_s() is None
    gone = tmp_path / "cpu.stat"
    assert Cgroup(gone, gone).cpu_time_s() is None
    assert Cgroup(gone, gone).memory_peak_bytes() is None


def test_this_process_is_found_on_this_host():
    group = cgroup_of(os.getpid())
    assert group is not None
    assert group.cpu is None or group.cpu_time_s() > 0


def test_memory_disk_and_members_of_version_2(tmp_path):
    group = host(
        tmp_path,
        "0::/docker/abc\n",
        V2_MOUNT.format(root="/", point=tmp_path / "cg"),
        {
            "cg/docker/abc/memory.current": "4096\n",
            "cg/docker/abc/io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n",
            "cg/docker/abc/cgroup.procs": "7\n9\n",
            "cg/docker/abc/memory.events": "low 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n",
        },
    )
    assert group.oom_kills() == 1
    assert group.memory_bytes() == 4096
    assert group.disk_bytes() == (11, 22)
    assert group.pids() == {7, 9}


def test_memory_disk_and_members_of_version_1(tmp_path):
    mounts = (
        V1_MOUNT.format(root="/", point=tmp_path / "blk", controllers="blkio")
        + V1_MOUNT.format(root="/", point=tmp_path / "mem", controllers="memory")
        + V1_MOUNT.format(root="/", point=tmp_path / "cpu", controllers="cpu,cpuacct")
    )
    group = host(
        tmp_path,
        "7:blkio:/docker/abc\n5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
        mounts,
        {
            "mem/docker/abc/memory.usage_in_bytes": "8192\n",
            "blk/docker/abc/blkio.throttle.io_service_bytes": (
                "8:0 Read 100\n8:0 Write 5\n8:0 Sync 1\n8:16 Read 1\nTotal 106\n"
            ),
            "cpu/docker/abc/cgroup.procs": "7\n",
            "mem/docker/abc/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        },
    )
    assert group.oom_kills() == 3
    assert group.memory_bytes() == 8192
    assert group.disk_bytes() == (101, 5)
    assert group.pids() == {7}


def test_what_a_kernel_does_not_count_is_not_zero(tmp_path):
    group = host(tmp_path, "0::/x\n", V2_MOUNT.format(root="/", point=tmp_path / "cg"), {})
    assert group.memory_bytes() is group.disk_bytes() is group.pids() is None
    assert group.oom_kills() is None


def test_network_bytes_leave_the_loopback_out(tmp_path):
    table = "Inter-| Receive | Transmit\n face |bytes\n"
    rows = "    lo: 99 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0\n  eth0: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n"
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "dev").write_text(table + rows)
    assert network_bytes(7, tmp_path) == (5, 6)
    assert network_bytes(8, tmp_path) is None
