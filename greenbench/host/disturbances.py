"""What on this host disturbs a measurement, and the command that would end it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from greenbench.host.fingerprint import BOOST, NO_TURBO, turbo_switch

BUSY_CPUS: Final = 0.1
"""Processors kept busy by others above which it is said; timers stay below."""
BUSY_LOAD: Final = 0.5
"""1-minute load above which a host was busy until just now."""
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing that makes measurements noisier; `remedy` is a command where there is one."""

    what: str
    text: str
    remedy: str


def disturbances(host: Mapping[str, Any], state: Mapping[str, Any]) -> list[Disturbance]:
    """What disturbs, from the host's fingerprint and its state, the weightiest first."""
    return [*_work(state), *_gpu_work(state), *_settings(host), *_swap(state), *_virtual(host)]


def _work(state: Mapping[str, Any]) -> Iterator[Disturbance]:
    busy = state.get("busy_processes") or []
    for process in busy[:MOST_NAMED]:
        if process["cpus"] >= BUSY_CPUS:
            yield Disturbance(
                "busy process",
                f"{process['name']} (process {process['pid']}) keeps {process['cpus']:.2f}"
                " processors busy",
                f"wait for it, or end it; see: ps -fp {process['pid']}",
            )
    unseen = state.get("unseen_cpus")
    if unseen is not None and unseen >= BUSY_CPUS:
        yield Disturbance(
            "unseen work",
            f"{unseen:.2f} processors are busy with work that can't be seen from here (the kernel,"
            " short processes, other containers or virtual machines)",
            "look from the host itself: top",
        )
    load = state.get("load_1min")
    if load is not None and load >= BUSY_LOAD:
        yield Disturbance(
            "load", f"the load of the last minute is {load:.2f}", "wait until it is near 0: uptime"
        )


def _gpu_work(state: Mapping[str, Any]) -> Iterator[Disturbance]:
    for gpu in state.get("gpus") or []:
        for process in gpu.get("processes") or []:
            share = process.get("utilization")
            used = "" if share is None else f", {share:.0%} of its time"
            yield Disturbance(
                "GPU process",
                f"{process['name'] or 'a process'} (process {process['pid']}) is on GPU"
                f" {gpu['uuid']}{used}",
                f"wait for it, or end it; see: ps -fp {process['pid']}",
            )


def _settings(host: Mapping[str, Any]) -> Iterator[Disturbance]:
    governor = host.get("governor")
    if governor not in (None, "performance"):
        yield Disturbance(
            "governor",
            f"the frequency governor is {governor}: clocks follow the load",
            "sudo cpupower frequency-set -g performance",
        )
    if host.get("turbo"):
        switch = turbo_switch()
        yield Disturbance(
            "turbo",
            "turbo is on: clocks depend on temperature and on how many cores work",
            f"echo {1 if switch == NO_TURBO else 0} | sudo tee {switch or BOOST}",
        )


def _swap(state: Mapping[str, Any]) -> Iterator[Disturbance]:
    used = state.get("swap_used_bytes")
    if used:
        yield Disturbance(
            "swap", f"{used / 2**20:.0f} MiB are swapped out", "sudo swapoff -a && sudo swapon -a"
        )


def _virtual(host: Mapping[str, Any]) -> Iterator[Disturbance]:
    if host.get("virtual"):
        yield Disturbance(
            "virtual machine",
            "this is a virtual machine: others share the processors, and RAPL is seldom there",
            "run greenbench on the host itself",
        )
