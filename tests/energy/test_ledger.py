"""Four trials on one GPU and two packages, from the counters to the rows that say who used it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from sim.curves import Curve, constant, square
from sim.host import Clock, CounterReader
from sim.nvml import NOT_SUPPORTED, SimulatedNvml
from sim.shared import GPU, Load, SharedGpuTime, SharedHost, SharedTrial

from greenbench.api import Usage, Window
from greenbench.energy.attribution import Share
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline
from greenbench.host.gpu_time import GpuTime
from greenbench.host.ledger import Ledger
from greenbench.host.topology import domains

BEGIN_S, LENGTH_S, REST_S = 1000.0, 60.0, 10.0
END_S = BEGIN_S + LENGTH_S
NOTHING = constant(0.0)


def during(level: float) -> Curve:
    """Busy at `level` while everyone trains, idle before and after."""
    return Curve(0.0, pulses=square(0.0, level, 200.0, LENGTH_S / 200.0, BEGIN_S).pulses)


def trains(gpu: float, *packages: float, watts: float = 1.0) -> Load:
    return Load(during(gpu), (during(packages[0]), during(packages[1])), watts)


FOUR = (
    trains(0.10, 0.50, 0.00),
    trains(0.20, 0.25, 0.25),
    trains(0.30, 0.00, 0.80),
    trains(0.25, 0.10, 0.40),
)


def recorded(
    folder: Path, loads: Sequence[Load], *, by_cpu: bool = True, other: Curve = NOTHING
) -> tuple[SharedHost, dict[str, list[Share]]]:
    """Rest, then everyone trains for a minute: rows of the `overlap` window by channel."""
    clock = Clock(BEGIN_S - REST_S)
    host = SharedHost(folder, clock, loads, other)
    readers = [CounterReader(clock, host.gpu, "gpu/0", physical_id=GPU, update_s=0.02)]
    for number, package in enumerate(host.packages):
        name = f"package-{number}"
        readers.append(
            CounterReader(
                clock, package, f"cpu/{name}", physical_id=name, update_s=0.001, unit_j=2**-14
            )
        )
    meter = Meter(readers, 0.1, clock=clock)
    timeline = Timeline(meter.channels)
    ledger = Ledger(
        meter.channels, host.stat, host.cpus, own_cpu_time_s=lambda: 0.001 * clock.now_s
    )
    ledger.gpus = SharedGpuTime(host)
    ledger.begin([f"t{slot}" for slot in range(len(loads))])
    for slot in range(len(loads)):
        ledger.started(slot, host.running(slot, by_cpu=by_cpu))
    meter.start()
    while clock.now_s < END_S + 1:
        step_s = clock.now_s + 0.1
        for edge_s in (BEGIN_S, END_S):
            if clock.now_s < edge_s <= step_s:
                clock.now_s = edge_s + 0.002  # the event has come
                host.write_stat()
                ledger.mark(clock.now_s)
        clock.now_s = step_s
        ledger.poll(clock.now_s)
        meter.tick()
    timeline.add(meter.drain())
    idle = Window(kind="idle", start_s=BEGIN_S - REST_S + 1, end_s=BEGIN_S - 1)
    ledger.idle.add(idle, timeline.energy(idle))
    window = Window(kind="overlap", start_s=BEGIN_S, end_s=END_S)
    found: dict[str, list[Share]] = {}
    for share in ledger.split(window, timeline.energy(window)):
        found.setdefault(share.channel, []).append(share)
    return host, found


def trial_rows(rows: Sequence[Share]) -> list[Share]:
    return [row for row in rows if row.kind == "trial"]


def test_four_trials_on_one_gpu_and_two_packages_add_up_to_the_truth(tmp_path):
    host, rows = recorded(tmp_path, FOUR, other=during(0.3))
    sums = {"gpu/0": host.gpu, "cpu/package-0": host.packages[0], "cpu/package-1": host.packages[1]}
    for channel, truth in sums.items():
        parts_j = sum(row.energy_j for row in rows[channel])
        assert parts_j / truth.between_j(BEGIN_S, END_S) == pytest.approx(1.0, abs=0.001)


def test_each_share_is_within_two_percent_where_power_is_linear(tmp_path):
    host, rows = recorded(tmp_path, FOUR, other=during(0.3))
    for slot, row in enumerate(trial_rows(rows["gpu/0"])):
        truth_j = host.gpu_truth_j(slot, BEGIN_S, END_S)
        assert row.energy_j == pytest.approx(truth_j, rel=0.02)
    for package in (0, 1):
        for slot, row in enumerate(trial_rows(rows[f"cpu/package-{package}"])):
            truth_j = host.package_truth_j(slot, package, BEGIN_S, END_S)
            assert row.energy_j == pytest.approx(truth_j, rel=0.02, abs=1.0)
    found = {row.kind: row.energy_j for row in rows["cpu/package-1"]}
    assert found["idle"] == pytest.approx(35 * LENGTH_S, rel=0.01)
    other_j = 45 * 0.3 * LENGTH_S
    assert found["other"] == pytest.approx(other_j, rel=0.1)


def test_unequal_kernels_are_inside_the_stated_width(tmp_path):
    loads = [
        trains(0.10, 0.5, 0.0, watts=1.9),
        trains(0.20, 0.25, 0.25),
        trains(0.30, 0.0, 0.8, watts=1.5),
        trains(0.25, 0.1, 0.4),
    ]
    host, rows = recorded(tmp_path, loads)
    for slot in range(4):
        truths = {
            "gpu/0": host.gpu_truth_j(slot, BEGIN_S, END_S),
            "cpu/package-0": host.package_truth_j(slot, 0, BEGIN_S, END_S),
            "cpu/package-1": host.package_truth_j(slot, 1, BEGIN_S, END_S),
        }
        for channel, truth_j in truths.items():
            row = trial_rows(rows[channel])[slot]
            assert abs(row.energy_j - truth_j) <= row.uncertainty_j + 0.5


def test_without_cpu_time_by_processor_the_packages_are_wider_and_still_right(tmp_path):
    """Control groups of version 2, and processes."""
    host, sharp = recorded(tmp_path / "v1", FOUR)
    _, wide = recorded(tmp_path / "v2", FOUR, by_cpu=False)
    for package in (0, 1):
        channel = f"cpu/package-{package}"
        for slot, row in enumerate(trial_rows(wide[channel])):
            truth_j = host.package_truth_j(slot, package, BEGIN_S, END_S)
            assert abs(row.energy_j - truth_j) <= row.uncertainty_j
            assert row.uncertainty_j > trial_rows(sharp[channel])[slot].uncertainty_j
            assert "not told" in row.basis


class EndsWithItsContainer(SharedTrial):
    """Its counters vanish with it: only what was read last is left."""

    def usage(self) -> Usage:
        return Usage() if self.host.clock.now_s > END_S - 20 else super().usage()


def simple(folder: Path, clock: Clock) -> tuple[SharedHost, Ledger]:
    host = SharedHost(folder, clock, FOUR[:2], NOTHING)
    reader = CounterReader(clock, host.gpu, "gpu/0", physical_id=GPU)
    ledger = Ledger([reader.channel], host.stat, host.cpus, own_cpu_time_s=lambda: 0.0)
    ledger.gpus = SharedGpuTime(host)
    ledger.begin(["a", "b"])
    return host, ledger


def marked(host: SharedHost, ledger: Ledger, *stamps_s: float) -> None:
    for stamp_s in stamps_s:
        host.clock.now_s = stamp_s
        host.write_stat()
        ledger.mark(stamp_s)


def test_a_trial_that_has_ended_keeps_what_was_read_last(tmp_path):
    clock = Clock(BEGIN_S)
    host, ledger = simple(tmp_path, clock)
    ledger.started(0, EndsWithItsContainer(host, 0, True))
    ledger.started(1, host.running(1))
    marked(host, ledger, BEGIN_S, END_S - 30, END_S)
    uses = ledger.account(Window(kind="train", start_s=BEGIN_S, end_s=END_S)).uses
    assert uses[0].cpu_time_s == pytest.approx(0.5 * 30)
    assert uses[1].cpu_time_s == pytest.approx(0.5 * 60)


class TellsNothingMore:
    """A third party's executor that knows `cpu_time_s` alone."""

    def cpu_time_s(self) -> float | None:
        return None


def test_an_executor_that_tells_no_use_leaves_nothing_split_and_says_so(tmp_path):
    clock = Clock(BEGIN_S)
    host, ledger = simple(tmp_path, clock)
    ledger.started(0, host.running(0))
    ledger.started(1, TellsNothingMore())
    marked(host, ledger, BEGIN_S, END_S)
    account = ledger.account(Window(kind="train", start_s=BEGIN_S, end_s=END_S))
    assert [use.cpu_time_s is None for use in account.uses[:2]] == [False, True]


def test_a_window_away_from_every_reading_is_not_split(tmp_path):
    clock = Clock(BEGIN_S)
    host, ledger = simple(tmp_path, clock)
    for slot in (0, 1):
        ledger.started(slot, host.running(slot))
    marked(host, ledger, BEGIN_S, END_S)
    account = ledger.account(Window(kind="overlap", start_s=BEGIN_S + 20, end_s=END_S))
    assert all(use.cpu_time_s is None for use in account.uses)
    assert "away from the window's edges" in account.why_not["cpu"]


def test_processes_of_others_and_unseen_ones_are_told_apart(tmp_path):
    clock = Clock(BEGIN_S)
    host, ledger = simple(tmp_path, clock)
    (tmp_path / "proc" / "7000").mkdir(parents=True)
    ledger.proc = tmp_path / "proc"
    ledger.gpus = SharedGpuTime(host, lambda slot: (7000, 8000)[slot])  # 8000 is gone
    for slot in (0, 1):
        ledger.started(slot, host.running(slot))
    marked(host, ledger, BEGIN_S, END_S)
    uses = ledger.account(Window(kind="train", start_s=BEGIN_S, end_s=END_S)).uses
    gpu_s = {use.kind: use.gpu_time_s[GPU] for use in uses}
    assert gpu_s == pytest.approx({"trial": 0, "own": 0, "other": 6, "unattributed": 12})


def test_dies_and_hosts_that_tell_no_topology(tmp_path):
    topology = tmp_path / "cpu0" / "topology"
    topology.mkdir(parents=True)
    (topology / "physical_package_id").write_text("1\n")
    (topology / "die_id").write_text("3\n")
    assert domains(tmp_path) == {0: ("package-1", "package-1-die-3")}
    (topology / "physical_package_id").write_text("-1\n")
    assert domains(tmp_path) == {}


# --- the driver's process utilisation, through pynvml ---------------------------------------------

DRIVER = r"""
import json, time
from greenbench.host.gpu_time import GpuTime
gpus = GpuTime(["GPU-51300000-0000-0000-0000-000000000000", "MIG-of-nobody"])
gpus.open()
list(gpus.poll(0.0))
time.sleep(0.01)
found = list(gpus.poll(2.0))
print(json.dumps([found, gpus.unknown]))
"""


@pytest.fixture
def driver(tmp_path, stub):
    import json
    import os
    import subprocess
    import sys

    simulated = SimulatedNvml(tmp_path, library=stub)

    def run() -> list:
        env = {**os.environ, **simulated.environment}
        done = subprocess.run(
            [sys.executable, "-c", DRIVER], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return simulated, run


def test_the_driver_tells_time_on_the_gpu_by_process(driver):
    simulated, run = driver
    simulated.processes(0, [(4711, 60, 10, 1e9), (4712, 20, 10, 1e9)])
    found, unknown = run()
    assert {pid: seconds for _, pid, seconds in found} == pytest.approx({4711: 1.2, 4712: 0.4})
    assert list(unknown) == ["MIG-of-nobody"]


def test_where_the_driver_tells_no_processes_the_reason_is_kept(driver):
    simulated, run = driver
    simulated.fail(0, "process_utilization", NOT_SUPPORTED)
    found, unknown = run()
    assert found == []
    assert "Not Supported" in unknown["GPU-51300000-0000-0000-0000-000000000000"]


def test_a_driver_that_refused_once_is_believed_again():
    class RefusalError(Exception):
        value = 999

    def samples(_handle, since_us):
        if answers.pop(0) == "refuses":
            raise RefusalError("Unknown Error")
        return [SimpleNamespace(pid=7, smUtil=50, timeStamp=since_us + 1)]

    answers = ["refuses", "tells"]
    gpus = GpuTime([GPU])
    gpus._nvml = SimpleNamespace(
        NVMLError=RefusalError, NVML_ERROR_NOT_FOUND=6, nvmlDeviceGetProcessUtilization=samples
    )
    gpus._handles = {GPU: object()}
    assert list(gpus.poll(1.0)) == []
    assert "Unknown Error" in gpus.unknown[GPU]
    assert list(gpus.poll(3.0)) == [(GPU, 7, 1.0)]
    assert not gpus.unknown
