"""Who sits where: disjoint processors, whole cores first, a GPU each, and what there is too few of."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenbench.api import Companion, Limits, Placement, Scenario
from greenbench.errors import ExecutorError
from greenbench.host.cores import allowed_cpus, parse_cpus, usable_cores
from greenbench.host.placement import seats

PINNED = Placement(cores="pinned")
FOUR_CORES = [(0, 4), (1, 5), (2, 6), (3, 7)]


def homogeneous(copies, placement=PINNED):
    return Scenario(kind="homogeneous", copies=copies, placement=placement)


@given(st.integers(2, 6), st.integers(1, 6), st.integers(1, 12), st.sampled_from([1, 2]))
def test_pinned_members_share_nothing_and_whole_cores_come_first(copies, threads, count, siblings):
    cores = [tuple(core + count * s for s in range(siblings)) for core in range(count)]
    limits = Limits(threads=threads)
    if copies * threads > count * siblings:
        with pytest.raises(ExecutorError, match=f"only {count * siblings} may be used"):
            seats(homogeneous(copies), limits, cores, None)
        return
    found = [set(seat.cpus) for seat in seats(homogeneous(copies), limits, cores, None)]
    everything = {cpu for core in cores for cpu in core}
    assert len(found) == copies
    assert set.union(*found) <= everything
    assert sum(map(len, found)) == len(set.union(*found))
    assert all(len(cpus) >= threads for cpus in found)
    if copies * threads <= count:
        users = [[n for n, cpus in enumerate(found) if cpus & set(core)] for core in cores]
        assert all(len(users_of_one) <= 1 for users_of_one in users)


def test_a_placement_reaches_every_member_and_the_record():
    scenario = Scenario(
        kind="foreground",
        companions=(Companion(model="other"),),
        placement=Placement(gpu="each", cores="pinned", cpu_quota=1.5, memory_mb=512),
    )
    first, second = seats(scenario, Limits(gpus=("count:2",)), FOUR_CORES, None)
    assert (first.cpus, second.cpus) == ((0, 4), (1, 5))
    assert (first.limits.gpus, second.limits.gpus) == (("0",), ("1",))
    assert first.limits.memory_mb == 512
    assert second.facts() == {"cpus": "1,5", "cpu_quota": "1.5", "memory_mb": "512", "gpus": "1"}
    (alone,) = seats(Scenario(), Limits(), FOUR_CORES, None)
    assert alone.facts() == {}
    assert alone.limits == Limits()


@pytest.mark.parametrize(
    ("wanted", "there", "given"),
    [
        (("all",), ["GPU-a", "GPU-b", "GPU-c"], [("GPU-a",), ("GPU-b",)]),
        (("GPU-b", "GPU-a"), None, [("GPU-b",), ("GPU-a",)]),
        (("all",), ["GPU-a"], "need a GPU each, but there are 1"),
        (("count:4",), ["GPU-a"], "need a GPU each, but there are 1"),
        (("all",), None, "can't be told"),
    ],
)
def test_a_gpu_each_comes_from_those_that_the_suite_asks_for(wanted, there, given):
    scenario = homogeneous(2, Placement(gpu="each"))
    if isinstance(given, str):
        with pytest.raises(ExecutorError, match=given):
            seats(scenario, Limits(gpus=wanted), FOUR_CORES, there)
    else:
        found = seats(scenario, Limits(gpus=wanted), FOUR_CORES, there)
        assert [seat.limits.gpus for seat in found] == given


def test_cores_are_found_among_what_may_be_used(tmp_path):
    for cpu in range(8):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    assert usable_cores({0, 1, 4, 7}, tmp_path) == [(0, 4), (1,), (7,)]
    assert usable_cores({0, 4}, tmp_path / "none") == [(0,), (4,)]
    assert parse_cpus("0-2,8,10-11\n") == {0, 1, 2, 8, 10, 11}
    assert {cpu for core in usable_cores() for cpu in core} == os.sched_getaffinity(0)


def test_where_a_process_may_run_is_read_from_all_its_threads():
    """A thread that widens its own affinity is seen."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two processors are needed to stray")
    first, second, *_ = sorted(os.sched_getaffinity(0))
    code = (
        "import os, sys, threading\n"
        f"os.sched_setaffinity(0, {{{first}}})\n"
        "def stray():\n"
        f"    os.sched_setaffinity(threading.get_native_id(), {{{second}}})\n"
        "    print('there', flush=True); sys.stdin.read()\n"
        "threading.Thread(target=stray).start()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        assert child.stdout.readline() == "there\n"
        assert allowed_cpus([child.pid]) == {first, second}
        child.stdin.close()
    assert allowed_cpus([child.pid]) == set()
