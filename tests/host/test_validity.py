"""Each check of a measurement: when it is passed, when it warns, when it fails, when it is not made."""

from __future__ import annotations

import pytest

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.host.cooldown import Reading, Rest
from greenbench.host.evidence import Beside, Evidence, Together
from greenbench.host.gpu import GpuProcess, GpuState, foreign
from greenbench.host.readings import CpuReading, GpuReading, HostReading
from greenbench.host.validity import ALL, REMEDIES, checks

WINDOW = Window(kind="train", start_s=100.0, end_s=110.0)
GPU = Channel(
    name="gpu/0", backend="nvml", method="counter", physical_id="GPU-1", scope="", max_power_w=400
)
POWER = Channel(
    name="gpu/0/power",
    backend="nvml",
    method="power",
    physical_id="GPU-1",
    scope="",
    contained_in="gpu/0",
)
CPU = Channel(
    name="cpu/package-0", backend="rapl", method="counter", physical_id="package-0", scope=""
)
GUESS = Channel(
    name="cpu/estimate", backend="estimate", method="estimate", physical_id="e", scope=""
)


def energy(channel=GPU, energy_j=1000.0, resolution_j=2.0, samples=100, gap_s=0.0, reason=""):
    return WindowEnergy(
        channel=channel.name,
        window="train",
        number=0,
        energy_j=energy_j,
        resolution_j=resolution_j,
        coverage=None,
        calibration=None,
        method=channel.method,
        samples=samples,
        gap_s=gap_s,
        reason=reason,
    )


def measured(*energies, channels=(GPU,), own_gpus=frozenset({"GPU-1"}), **more):
    energies = energies or (energy(),)
    return Evidence(window=WINDOW, energies=energies, channels=channels, own_gpus=own_gpus, **more)


def gpus(*states, uuid="GPU-1", **foreign_facts):
    """One reading a second of one GPU."""
    return [
        GpuReading(WINDOW.start_s + n, GpuState(uuid=uuid, **state), **foreign_facts)
        for n, state in enumerate(states)
    ]


def beside(state, neighbour):
    """Readings of the trial's own GPU, and of another."""
    return gpus(*3 * [state]) + gpus(*3 * [neighbour], uuid="GPU-2")


def busy(others_cpus, cohort_cpus=1.0):
    """Readings of a host on which others and the cohort keep processors busy."""
    stamps = [99.0, 105.0, 111.0]
    host = [HostReading(t, (others_cpus + cohort_cpus + 0.01) * t, 0.01 * t, None) for t in stamps]
    return {"host": host, "cpu": [[(t, cohort_cpus * t) for t in stamps]]}


def processors(*told):
    """One reading a second of (highest clock, hottest temperature)."""
    return [CpuReading(WINDOW.start_s + n, mhz, c) for n, (mhz, c) in enumerate(told)]


def power_alone(**values):
    alone = Channel(name="gpu/0", backend="nvml", method="power", physical_id="GPU-1", scope="")
    return measured(energy(alone, **values), channels=(alone,))


def background(trained_s, runs=1, cpu_time_s=None):
    return Beside(model="net", trained_s=trained_s, runs=runs, cpu_time_s=cpu_time_s)


TEN = [{}] * 10
CASES = [
    ("samples", measured(), "ok"),
    ("samples", measured(energy(samples=5)), "warn"),
    ("samples", measured(energy(samples=1)), "fail"),
    ("samples", power_alone(samples=60), "ok"),
    ("samples", power_alone(samples=59), "warn"),
    ("samples", power_alone(samples=9), "fail"),
    ("gaps", measured(), "ok"),
    ("gaps", measured(energy(gap_s=0.2)), "warn"),
    ("gaps", measured(energy(gap_s=2.0)), "fail"),
    ("gaps", measured(energy(energy_j=None, reason="the GPU is lost")), "fail"),
    ("resolution", measured(energy(resolution_j=9.0)), "ok"),
    ("resolution", measured(energy(resolution_j=11.0)), "warn"),
    ("resolution", measured(energy(resolution_j=300.0)), "fail"),
    ("power", measured(idle=Reading(power_w={"gpu/0": 60.0})), "ok"),
    ("power", measured(idle=Reading(power_w={"gpu/0": 120.0})), "warn"),
    ("power", measured(energy(energy_j=10_000.0)), "fail"),
    ("power", measured(energy(energy_j=-5.0)), "fail"),
    (
        "sensors_agree",
        measured(energy(), energy(POWER, energy_j=1080.0), channels=(GPU, POWER)),
        "ok",
    ),
    (
        "sensors_agree",
        measured(energy(), energy(POWER, energy_j=1400.0), channels=(GPU, POWER)),
        "warn",
    ),
    (
        "sensors_agree",
        measured(energy(), energy(POWER, energy_j=2500.0), channels=(GPU, POWER)),
        "fail",
    ),
    (
        "sensors_agree",
        measured(energy(), energy(POWER, 1400.0, 390.0), channels=(GPU, POWER)),
        "ok",
    ),
    ("cooldown", measured(rest=Rest(waited_s=3.0, rested=True)), "ok"),
    ("cooldown", measured(rest=Rest(waited_s=30.0, rested=False, unrest=("hot",))), "warn"),
    (
        "temperature",
        measured(idle=Reading(temperature_c={"k10": 40.0}), start_temperature_c={"k10": 50.0}),
        "ok",
    ),
    (
        "temperature",
        measured(idle=Reading(temperature_c={"k10": 40.0}), start_temperature_c={"k10": 60.0}),
        "warn",
    ),
    ("temperature", measured(gpus=gpus({"temperature_c": 84.0})), "ok"),
    ("temperature", measured(gpus=gpus({"temperature_c": 70.0}, {"temperature_c": 88.0})), "warn"),
    ("temperature", measured(gpus=beside({"temperature_c": 60.0}, {"temperature_c": 88.0})), "ok"),
    ("temperature", measured(processors=processors((3000, 71), (3000, 82))), "ok"),
    ("temperature", measured(processors=processors((3000, 71), (3000, 94))), "warn"),
    ("temperature", measured(processors=processors((3000, 71)), cpu_limit_c=72.0), "warn"),
    ("temperature", measured(processors=processors((3000, 94)), cpu_limit_c=127.0), "warn"),
    (
        "clocks",
        measured(processors=processors((3000, 60), (2900, 60), (3100, 60)), **busy(0)),
        "ok",
    ),
    (
        "clocks",
        measured(processors=processors((3000, 60), (3000, 60), (2000, 60)), **busy(0)),
        "warn",
    ),
    (
        "clocks",
        measured(gpus=gpus(*[{"sm_clock_mhz": c, "utilization": 0.9} for c in (1400, 1350)])),
        "ok",
    ),
    (
        "clocks",
        measured(gpus=gpus(*[{"sm_clock_mhz": c, "utilization": 0.9} for c in (1400, 900)])),
        "warn",
    ),
    ("throttling", measured(gpus=gpus(*[{"throttle_reasons": 0x1}] * 10)), "ok"),
    ("throttling", measured(gpus=gpus(*[{"throttle_reasons": 0x4}] * 10)), "warn"),
    ("throttling", measured(gpus=gpus(*[{"throttle_reasons": 0x40}] * 10)), "fail"),
    (
        "throttling",
        measured(host=[HostReading(t, 0.0, 0.0, n) for n, t in ((7, 99.0), (7, 111.0))]),
        "ok",
    ),
    (
        "throttling",
        measured(host=[HostReading(t, 0.0, 0.0, n) for n, t in ((7, 99.0), (31, 111.0))]),
        "warn",
    ),
    ("foreign_load", measured(energy(CPU), channels=(CPU,), **busy(0.05)), "ok"),
    ("foreign_load", measured(energy(CPU), channels=(CPU,), **busy(0.2)), "warn"),
    ("foreign_load", measured(energy(CPU), channels=(CPU,), **busy(0.8)), "fail"),
    ("foreign_load", measured(energy(CPU), channels=(CPU,), **busy(0.8, 8.0)), "warn"),
    ("foreign_load", measured(**busy(0.8)), "warn"),  # of a GPU's energy it is no part
    ("foreign_load", measured(energy(GUESS), channels=(GUESS,), **busy(0.8)), "warn"),
    ("foreign_gpu", measured(gpus=gpus(*TEN, foreign_processes=0, foreign_utilization=0.0)), "ok"),
    (
        "foreign_gpu",
        measured(gpus=gpus(*TEN, foreign_processes=1, foreign_utilization=0.0)),
        "warn",
    ),
    ("foreign_gpu", measured(gpus=gpus(*TEN, foreign_processes=1)), "warn"),
    (
        "gpu_intrusion",
        measured(gpus=gpus(*TEN, foreign_processes=1), foreign_before={"GPU-1": 1}),
        "ok",
    ),
    (
        "gpu_intrusion",
        measured(gpus=gpus(*TEN, foreign_processes=2), foreign_before={"GPU-1": 1}),
        "fail",
    ),
    ("gpu_used", measured(gpus=gpus(*3 * [{"utilization": 0.2}])), "ok"),
    ("gpu_used", measured(gpus=gpus(*3 * [{"utilization": 0.0}])), "fail"),
    ("gpu_used", measured(gpus=beside({"utilization": 0.0}, {"utilization": 0.9})), "fail"),
    ("throttling", measured(gpus=beside({"throttle_reasons": 0}, {"throttle_reasons": 8})), "ok"),
    (
        "foreign_gpu",
        measured(gpus=gpus(*TEN, foreign_processes=1, foreign_utilization=0.4)),
        "fail",
    ),
    ("background", measured(beside=[background(9.5)]), "ok"),
    ("background", measured(beside=[background(8.0)]), "warn"),
    ("background", measured(beside=[background(9.5), background(4.0, runs=103)]), "fail"),
    ("background_load", measured(beside=[background(9.5, cpu_time_s=9.0)]), "ok"),
    ("background_load", measured(beside=[background(9.5, cpu_time_s=0.02)]), "fail"),
    ("overlap", measured(together=Together(members=3, whole_s=10.0, overlap_s=6.0)), "ok"),
    ("overlap", measured(together=Together(members=3, whole_s=10.0, overlap_s=4.0)), "warn"),
    ("pinning", measured(pinned=frozenset({2, 3})), "ok"),
    ("pinning", measured(pinned=frozenset({2, 3}), strayed=frozenset({5})), "fail"),
]


@pytest.mark.parametrize(("name", "evidence", "severity"), CASES)
def test_a_check_says_what_it_should(name, evidence, severity):
    check = next(check for check in checks(evidence) if check.name == name)
    assert check.severity == severity, check.text
    assert check.text


def test_every_check_was_tried_and_has_a_remedy():
    names = {check.__name__ for check in ALL}
    assert names == {name for name, _, _ in CASES} == set(REMEDIES)
    fired = {name for name, _, severity in CASES if severity != "ok"}
    assert fired == names


def test_a_check_without_what_it_needs_is_not_made():
    assert checks(Evidence(window=WINDOW)) == []
    short = Window(kind="train", start_s=100.0, end_s=100.5)
    evidence = Evidence(window=short, channels=(CPU,), energies=(energy(CPU),), **busy(3.0))
    assert "foreign_load" not in {check.name for check in checks(evidence)}


def test_a_gpu_that_is_neither_used_nor_measured_is_nobodys_business():
    stranger = gpus(*TEN, uuid="GPU-2", foreign_processes=1, foreign_utilization=0.9)
    evidence = measured(gpus=stranger, foreign_before={"GPU-2": 0})
    assert not [c for c in checks(evidence) if "gpu" in c.name]
    clocks = [{"sm_clock_mhz": mhz, "utilization": 0.9} for mhz in (1400, 700)]
    assert not [c for c in checks(measured(gpus=gpus(*clocks, uuid="GPU-2"))) if c.name == "clocks"]
    no_gpu = measured(gpus=gpus(*3 * [{"utilization": 0.0}]), own_gpus=frozenset())
    assert "gpu_used" not in {check.name for check in checks(no_gpu)}


def test_the_clock_of_processors_that_do_nothing_is_no_clock_under_load():
    idle = busy(0.0, cohort_cpus=0.05)
    evidence = measured(processors=processors((3000, 60), (800, 60), (800, 60)), **idle)
    assert "clocks" not in {check.name for check in checks(evidence)}


def test_estimates_have_no_energy_to_check():
    evidence = measured(energy(GUESS, samples=0, gap_s=9.0), channels=(GUESS,))
    assert checks(evidence) == []


def test_readings_outside_of_the_window_are_not_the_trials():
    hot = [GpuReading(120.0, GpuState(uuid="GPU-1", throttle_reasons=0x40))]
    assert not [c for c in checks(measured(gpus=hot)) if c.name == "throttling"]


def test_a_gpus_processes_are_told_apart_by_their_ids():
    state = GpuState(uuid="g", processes=(GpuProcess(pid=7), GpuProcess(pid=8)))
    assert [p.pid for p in foreign(state, [7])] == [8]
    assert foreign(GpuState(uuid="g"), [7]) is None
