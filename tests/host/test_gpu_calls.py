"""Each call that NVML refuses costs what it alone tells, of that GPU alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sim.nvml import CALLS, NOT_SUPPORTED, SimulatedNvml

TELL = """
import json, sys
from dataclasses import asdict
from greenbench.host.gpu import open_gpus

for _ in sys.stdin:
    gpus = open_gpus()
    states = zip(gpus.states(), gpus.facts(), strict=True)
    told = {state.uuid: {**asdict(state), **facts} for state, facts in states}
    print(json.dumps(told), flush=True)
"""
UUID = "GPU-51300000-0000-0000-0000-{:012d}"
COSTS = {
    "uuid": {"uuid"},
    "name": {"name"},
    "utilization": {"utilization", "memory_utilization"},
    "temperature": {"temperature_c"},
    "clock": {"sm_clock_mhz", "memory_clock_mhz"},
    "throttle": {"throttle_reasons"},
    "memory": {"memory_used_bytes", "memory_bytes"},
    "processes": {"processes"},
    "process_utilization": {"processes"},
    "enforced": {"power_limit_w"},
    "energy": set(),
    "power": set(),
    "constraints": set(),
    "mig": set(),
    "fields": set(),
}
"""What is not told of a GPU when a call is refused; without a handle, the whole GPU."""


@pytest.fixture
def gpus(tmp_path, stub):
    simulated = SimulatedNvml(tmp_path, devices=2, library=stub)
    for device in range(2):
        simulated.set(device, utilization=80, memory_bytes=8e9)
        simulated.processes(device, [(os.getpid(), 30, 10, 1e9)])
    return simulated


@pytest.fixture
def tell(gpus):
    """What is told of each GPU now, by UUID."""
    with subprocess.Popen(
        [sys.executable, "-c", TELL],
        env={**os.environ, **gpus.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:

        def ask() -> dict[str, dict]:
            child.stdin.write("now\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())

        yield ask
        child.stdin.close()


def test_every_call_refused_in_turn_costs_its_own_fields(gpus, tell):
    assert {*COSTS, "handle"} == set(CALLS)
    whole = tell()
    assert all(value is not None for value in whole[UUID.format(0)].values())
    for call, fields in COSTS.items():
        gpus.fail(0, call, NOT_SUPPORTED)
        told = tell()
        assert told.pop(UUID.format(1)) == whole[UUID.format(1)], f"{call}: the other GPU"
        (state,) = told.values()
        before = whole[UUID.format(0)]
        assert {name for name in state if state[name] != before[name]} == fields, call
        if call == "process_utilization":
            assert [p["utilization"] for p in state["processes"]] == [None]
        elif call not in ("uuid", "name"):  # these two have a stand-in
            assert {state[name] for name in fields} <= {None}, call
        gpus.fail(0, call, 0)
    assert tell() == whole


def test_a_gpu_without_a_handle_is_not_listed_and_the_other_is(gpus, tell):
    gpus.fail(0, "handle", NOT_SUPPORTED)
    assert list(tell()) == [UUID.format(1)]
