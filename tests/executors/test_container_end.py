"""How a container ended, where the engine's news of it come late, in pieces, or never."""

import subprocess
from types import SimpleNamespace

import pytest

from greenbench.executors import container
from greenbench.executors.cgroups import Cgroup
from greenbench.executors.container import RunningContainer

KILLED = {"Running": False, "ExitCode": 137, "OOMKilled": False}


class Told:
    """An engine's client that tells one state after another, the last of them for ever."""

    def __init__(self, pid, *states):
        self._states = [{"Pid": pid}, *states]

    def inspect_container(self, _):
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"State": state}

    def logs(self, *_, **__):
        return b""


@pytest.fixture
def process():
    started = subprocess.Popen(["sleep", "600"])
    yield started
    started.kill()
    started.wait()


@pytest.fixture
def group(monkeypatch, tmp_path):
    """The control group of every container: its file of what the kernel ended, or none."""
    oom = tmp_path / "memory.events"
    monkeypatch.setattr(container, "cgroup_of", lambda _: Cgroup(None, None, oom=oom))
    return oom


def started(*told):
    client = Told(*told)
    return RunningContainer(SimpleNamespace(client=client), "c" * 64, {}), client


def test_out_of_memory_that_is_told_after_the_end_is_waited_for():
    running, _ = started(0, KILLED, KILLED, {**KILLED, "OOMKilled": True})
    assert running.exit() is running.exit() is None
    assert running.exit().out_of_memory is True
    assert running.exit().code == 137


def test_what_is_never_told_is_not_waited_for_long(monkeypatch):
    running, _ = started(0, KILLED)
    assert running.exit() is None
    monkeypatch.setattr(container, "OOM_SETTLES_S", 0.0)
    assert (running.exit().code, running.exit().out_of_memory) == (137, False)


def test_any_other_end_is_told_at_once():
    running, _ = started(0, {**KILLED, "ExitCode": 1})
    assert (running.exit().code, running.exit().out_of_memory) == (1, False)


@pytest.mark.parametrize("kills", [0, 1])
def test_the_kernels_own_count_needs_no_waiting(process, group, kills):
    """Also where it was read while the engine did not know of the end yet, and is gone by now."""
    running, _ = started(process.pid, {"Running": True}, KILLED)
    assert running.exit() is None
    process.kill()
    process.wait()
    group.write_text(f"oom 4\noom_kill {kills}\noom_group_kill 0\n")
    assert running.exit() is None
    group.unlink()
    assert (running.exit().code, running.exit().out_of_memory) == (137, kills > 0)


def test_who_kills_it_does_not_wait_for_a_reason(process, group):
    running, client = started(process.pid, KILLED)
    client.kill = lambda _: process.kill()
    running.kill()
    process.wait()
    assert (running.exit().code, running.exit().out_of_memory) == (137, False)
