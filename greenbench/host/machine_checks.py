"""Checks of the machine during an attempt: rest, heat, clocks, throttling, work of others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from greenbench.api import Window
from greenbench.host.evidence import Check, Evidence, Severity, rising, worst_of
from greenbench.host.gpu import CAPPED, SLOWING, reasons
from greenbench.host.readings import GpuReading, growth, within

TEMPERATURE_WARN_C: Final = 15.0
"""Above the idle reading when training starts; loading warms a little, a hot start is not rested."""
GPU_HOT_C: Final = 85.0
"""Just below the maximum operating temperature, above which the driver slows a GPU: `nvidia-smi -q`
shows 87 °C for an H100 of 700 W, 93 °C for a GeForce RTX 3060 Ti."""
CPU_LIMIT_C: Final = 100.0
"""Where processors slow themselves down, unless the kernel tells less: what its driver takes for an
Intel processor that doesn't say (drivers/hwmon/coretemp.c). There are Xeons with 70 °C."""
CPU_NEAR_C: Final = 10.0
"""So far below that limit a processor is hot: turbo gives way before."""
CLOCKS_WARN: Final = 0.1
"""Lowest against highest clock of a busy GPU: within a tenth, as boost clocks move."""
CPU_CLOCKS_WARN: Final = 0.2
"""… of a busy processor: turbo also moves with how many cores work."""
BUSY: Final = 0.5
"""Utilisation above which a GPU's clock is its working clock, and processors kept busy above which
the highest clock of the host is one."""
THROTTLED_FAIL: Final = 0.05
"""Share of readings slowed by heat or failing power, above which it was another machine."""
FOREIGN_CPUS_WARN: Final = 0.1
FOREIGN_CPUS_FAIL: Final = 0.5
"""Processors that others kept busy. Timers and the container engine stay below a tenth of one."""
FOREIGN_SHARE_WARN: Final = 0.05
FOREIGN_SHARE_FAIL: Final = 0.25
"""… and that as a share of the cohort's own CPU time: a package's power above idle goes, roughly,
with the CPU time on it, so this is about the error that is left in the energy."""
FOREIGN_LEAST_S: Final = 1.0
"""The kernel counts CPU time in ticks of 10 ms a processor: shorter windows can't be judged."""
GPU_READINGS: Final = 3
"""Fewer than so many readings of utilisation can all fall between two kernels."""
FOREIGN_GPU_FAIL: Final = 0.01
"""Utilisation by others; a foreign process that does nothing holds a context and draws power."""


def cooldown(evidence: Evidence) -> Check | None:
    """Whether the host had come to rest before the cohort started."""
    rest = evidence.rest
    if rest is None or rest.rested is None:
        return None
    if rest.rested:
        text = f"the host was at rest after {rest.waited_s:.1f} s"
    else:
        text = f"the host was not at rest after {rest.waited_s:.1f} s: {'; '.join(rest.unrest)}"
    severity: Severity = "ok" if rest.rested else "warn"
    return Check("cooldown", severity, rest.waited_s, evidence.cooldown_limit_s, text)


def temperature(evidence: Evidence) -> Check | None:
    """Whether training started much hotter than the idle host, or ran near the limit of a device."""
    found = [*_peaks(evidence)]
    for sensor, idle_c in evidence.idle.temperature_c.items():
        start_c = evidence.start_temperature_c.get(sensor)
        if start_c is not None:
            text = f"{sensor} was at {start_c:.0f} °C when training started, idle {idle_c:.0f} °C"
            above_c = start_c - idle_c
            found.append(rising("temperature", above_c, TEMPERATURE_WARN_C, None, text))
    return worst_of(found)


def _peaks(evidence: Evidence) -> Iterator[Check]:
    hottest = [
        (uuid, [r.state.temperature_c for r in readings], GPU_HOT_C)
        for uuid, readings in _own_gpus(evidence).items()
    ]
    processors = within(evidence.processors, evidence.window)
    hot_c = min(evidence.cpu_limit_c or CPU_LIMIT_C, CPU_LIMIT_C) - CPU_NEAR_C
    hottest.append(("a processor", [r.temperature_c for r in processors], hot_c))
    for name, readings_c, limit_c in hottest:
        known = [reading_c for reading_c in readings_c if reading_c is not None]
        if known:
            text = f"{name} reached {max(known):.0f} °C while training"
            yield rising("temperature", max(known), limit_c, None, text)


def clocks(evidence: Evidence) -> Check | None:
    """Whether a busy GPU of the trial, and busy processors, kept their clock about the same."""
    found = [*_cpu_clocks(evidence)]
    for uuid, readings in _own_gpus(evidence).items():
        mhz = [
            r.state.sm_clock_mhz
            for r in readings
            if r.state.sm_clock_mhz and (r.state.utilization or 0.0) >= BUSY
        ]
        if len(mhz) >= 2:
            low, high = min(mhz), max(mhz)
            text = f"{uuid}: its clock moved between {low:.0f} and {high:.0f} MHz while busy"
            found.append(rising("clocks", 1 - low / high, CLOCKS_WARN, None, text))
    return worst_of(found)


def _cpu_clocks(evidence: Evidence) -> Iterator[Check]:
    busy_s = _busy_points(evidence)
    mhz = []
    for before, now in pairwise(within(evidence.processors, evidence.window)):
        between = Window(kind="train", start_s=before.stamp_s, end_s=now.stamp_s)
        used_s = growth(busy_s, between)
        if now.clock_mhz and used_s and used_s >= BUSY * (between.end_s - between.start_s):
            mhz.append(now.clock_mhz)
    if len(mhz) >= 2:
        low, high = min(mhz), max(mhz)
        text = (
            f"the fastest processor's clock moved between {low:.0f} and {high:.0f} MHz while busy"
        )
        yield rising("clocks", 1 - low / high, CPU_CLOCKS_WARN, None, text)


def _busy_points(evidence: Evidence) -> list[tuple[float, float]]:
    """CPU time of the whole host as (stamp, s)."""
    return [(r.stamp_s, b) for r in evidence.host if (b := r.busy_cpu_time_s) is not None]


def throttling(evidence: Evidence) -> Check | None:
    """Whether heat or a power limit slowed a GPU of the trial, or heat a processor."""
    return worst_of([*_gpu_throttling(evidence), *_cpu_throttling(evidence)])


def _gpu_throttling(evidence: Evidence) -> Iterator[Check]:
    for uuid, readings in _own_gpus(evidence).items():
        told = [b for r in readings if (b := r.state.throttle_reasons) is not None]
        if not told:
            continue
        slowed = [bits for bits in told if bits & sum(SLOWING)]
        capped = [bits for bits in told if bits & sum(CAPPED)]
        share = len(slowed) / len(told)
        severity: Severity = "fail" if share > THROTTLED_FAIL else "ok"
        text = f"{uuid} was not throttled"
        if slowed or capped:
            seen = 0
            for bits in told:
                seen |= bits
            words = ", ".join(reasons(seen, SLOWING | CAPPED))
            severity = severity if severity == "fail" else "warn"
            part = len([b for b in told if b & sum(SLOWING | CAPPED)]) / len(told)
            text = f"{uuid} was throttled in {part:.0%} of the readings: {words}"
        yield Check("throttling", severity, share, THROTTLED_FAIL, text)


def _cpu_throttling(evidence: Evidence) -> Iterator[Check]:
    points = [
        (r.stamp_s, float(r.cpu_throttle_events))
        for r in evidence.host
        if r.cpu_throttle_events is not None
    ]
    events = growth(points, evidence.window)
    if events is not None:
        text = f"heat slowed a processor {events:.0f} times"
        yield rising("throttling", events, 0.0, None, text)


# --- others on the machine ----------------------------------------------------------------------


def foreign_load(evidence: Evidence) -> Check | None:
    """Whether others used the processors: CPU time of the host without the cohort's and ours.

    Where no processor is measured (a GPU alone, or estimates) it only warns.
    """
    if evidence.length_s < FOREIGN_LEAST_S or not evidence.cpu:
        return None
    busy_s = growth(_busy_points(evidence), evidence.window)
    own_s = growth(
        [(r.stamp_s, o) for r in evidence.host if (o := r.own_cpu_time_s) is not None],
        evidence.window,
    )
    trials = [growth(points, evidence.window) for points in evidence.cpu]
    if busy_s is None or own_s is None or None in trials:
        return None
    cohort_s = sum(used for used in trials if used is not None)
    foreign_s = max(busy_s - own_s - cohort_s, 0.0)
    cpus = foreign_s / evidence.length_s
    share = foreign_s / cohort_s if cohort_s > 0 else float("inf")
    processors = any(c.name.startswith(("cpu/", "platform/")) for c, _ in evidence.measured())
    severity: Severity = "ok"
    limit = FOREIGN_CPUS_WARN
    if cpus > FOREIGN_CPUS_WARN and share > FOREIGN_SHARE_WARN:
        severity = "warn"
    if cpus > FOREIGN_CPUS_FAIL and share > FOREIGN_SHARE_FAIL and processors:
        severity, limit = "fail", FOREIGN_CPUS_FAIL
    text = (
        f"others used {cpus:.2f} processors, the cohort {cohort_s / evidence.length_s:.2f}"
        " (on average over the window)"
    )
    return Check("foreign_load", severity, cpus, limit, text)


def foreign_gpu(evidence: Evidence) -> Check | None:
    """Whether others used a GPU that counts, or held one."""
    found = []
    for uuid, readings in _gpus_that_count(evidence).items():
        counts = [n for r in readings if (n := r.foreign_processes) is not None]
        if not counts:
            continue
        used = [u for r in readings if (u := r.foreign_utilization) is not None]
        mean = sum(used) / len(used) if used else None
        severity: Severity = "warn" if max(counts) else "ok"
        text = f"{uuid}: no process of others"
        if max(counts):
            load = "not told" if mean is None else f"{mean:.0%}"
            text = f"{uuid}: processes of others (up to {max(counts)}), their utilisation {load}"
        if mean is not None and mean > FOREIGN_GPU_FAIL:
            severity = "fail"
        found.append(Check("foreign_gpu", severity, mean, FOREIGN_GPU_FAIL, text))
    return worst_of(found)


def gpu_used(evidence: Evidence) -> Check | None:
    """Whether a trial that was given GPUs used one: what it says of itself is not enough."""
    used = [
        u
        for readings in _own_gpus(evidence).values()
        for r in readings
        if (u := r.state.utilization) is not None
    ]
    if len(used) < GPU_READINGS:
        return None
    peak = max(used)
    severity: Severity = "ok" if peak > 0 else "fail"
    text = f"a GPU of its own was busy for up to {peak:.0%} of the time, by {len(used)} readings"
    return Check("gpu_used", severity, peak, 0.0, text)


def gpu_intrusion(evidence: Evidence) -> Check | None:
    """Whether others came to a GPU since the suite began. Who was there before it draws power all
    along, in every arm; who comes draws it in this one."""
    found = []
    for uuid, readings in _gpus_that_count(evidence).items():
        before = evidence.foreign_before.get(uuid)
        counts = [n for r in readings if (n := r.foreign_processes) is not None]
        if before is None or not counts:
            continue
        more = max(counts) - before
        text = f"{uuid}: nobody came to it since the suite began"
        if more > 0:
            text = f"{uuid}: processes of others came to it since the suite began (up to {more})"
        found.append(rising("gpu_intrusion", float(max(more, 0)), 0.0, 0.0, text))
    return worst_of(found)


def _by_gpu(evidence: Evidence) -> dict[str, list[GpuReading]]:
    found: dict[str, list[GpuReading]] = {}
    for reading in within(evidence.gpus, evidence.window):
        found.setdefault(reading.state.uuid, []).append(reading)
    return found


def _gpus_that_count(evidence: Evidence) -> dict[str, list[GpuReading]]:
    """The readings of those GPUs that the trial may use, or whose energy is measured."""
    counting = evidence.own_gpus | {channel.physical_id for channel in evidence.channels}
    return {uuid: readings for uuid, readings in _by_gpu(evidence).items() if uuid in counting}


def _own_gpus(evidence: Evidence) -> dict[str, list[GpuReading]]:
    """The readings of those GPUs that the trial may use."""
    by_gpu = _by_gpu(evidence)
    return {uuid: readings for uuid, readings in by_gpu.items() if uuid in evidence.own_gpus}
