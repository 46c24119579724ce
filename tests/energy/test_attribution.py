"""Splitting a shared channel: rows add up, linear shares are right, the ± covers what is not."""

from __future__ import annotations

from itertools import permutations
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.energy import attribution
from greenbench.energy.attribution import Account, Idle, Share, Use

WINDOW = Window(kind="overlap", start_s=100.0, end_s=110.0)
GPU = Channel(name="gpu/0", backend="x", method="counter", physical_id="GPU-1", scope="")
PACKAGE = Channel(
    name="cpu/package-1", backend="x", method="counter", physical_id="package-1", scope=""
)
DRAM = Channel(
    name="cpu/dram-0", backend="x", method="counter", physical_id="package-0/dram", scope=""
)


def energy(channel: Channel, energy_j: float | None) -> WindowEnergy:
    return WindowEnergy(
        channel=channel.name,
        window="overlap",
        number=0,
        energy_j=energy_j,
        resolution_j=0.001,
        coverage=None,
        calibration=None,
        method="counter",
        samples=100,
        gap_s=0.0,
    )


def attribute(found, window, channel, uses, idle=None, **facts) -> list[Share]:
    return attribution.attribute(found, window, channel, Account(uses=uses, **facts), idle)


def gpu_uses(*shares: float) -> list[Use]:
    return [Use(trial=f"t{i}", gpu_time_s={"GPU-1": share * 10}) for i, share in enumerate(shares)]


def test_linear_power_is_split_exactly_and_idle_is_nobodys():
    utilisations = (0.1, 0.2, 0.3, 0.25)
    truth_j = [10 * 200 * u for u in utilisations]
    rows = attribute(
        energy(GPU, 10 * 60 + sum(truth_j)), WINDOW, GPU, gpu_uses(*utilisations), Idle(power_w=60)
    )
    assert [row.kind for row in rows] == ["idle", "trial", "trial", "trial", "trial"]
    assert rows[0].energy_j == pytest.approx(600)
    assert [row.energy_j for row in rows[1:]] == pytest.approx(truth_j, rel=0.02)
    assert all(row.basis.startswith("modelled") for row in rows)


def test_packages_split_by_the_cpu_time_spent_on_them():
    uses = [
        Use(trial="a", cpu_time_s=10, cpu_time_by_s={"package-0": 9, "package-1": 1}),
        Use(trial="b", cpu_time_s=10, cpu_time_by_s={"package-0": 1, "package-1": 9}),
        Use(kind="other", cpu_time_s=0.0),
    ]
    rows = attribute(energy(PACKAGE, 500.0), WINDOW, PACKAGE, uses, Idle(power_w=0))
    assert {row.trial: row.energy_j for row in rows if row.kind == "trial"} == pytest.approx(
        {"a": 50, "b": 450}
    )
    assert "proxy" in attribute(energy(DRAM, 5.0), WINDOW, DRAM, uses, None)[0].basis


def test_an_unknown_use_splits_nothing_and_unknown_energy_has_no_rows():
    uses = [*gpu_uses(0.5), Use(trial="b")]
    rows = attribute(energy(GPU, 1000.0), WINDOW, GPU, uses, Idle(power_w=60))
    assert [(row.kind, row.energy_j) for row in rows] == [("idle", 600), ("unattributed", 400)]
    assert "b" in rows[1].basis
    assert attribute(energy(GPU, None), WINDOW, GPU, uses, None) == []


def saturating_w(utilisation: float) -> float:
    return 300 * (1 - exp(-utilisation / 0.4))


def shapley_w(utilisations: list[float]) -> list[float]:
    """Each trial's mean marginal power over every order of joining: the fair truth."""
    parts = [0.0] * len(utilisations)
    orders = list(permutations(range(len(utilisations))))
    for order in orders:
        used = 0.0
        for trial in order:
            added = used + utilisations[trial]
            parts[trial] += (saturating_w(added) - saturating_w(used)) / len(orders)
            used = added
    return parts


@given(st.lists(st.floats(0.02, 0.5), min_size=2, max_size=4))
def test_the_stated_width_covers_a_saturating_gpu(utilisations):
    truth = shapley_w(utilisations)
    rows = attribute(
        energy(GPU, 10 * (60 + sum(truth))), WINDOW, GPU, gpu_uses(*utilisations), Idle(power_w=60)
    )
    for row, truth_w in zip(rows[1:], truth, strict=True):
        assert abs(row.energy_j - 10 * truth_w) <= row.uncertainty_j + 1e-6


@given(st.lists(st.tuples(st.floats(0.01, 0.5), st.floats(1.0, 2.0)), min_size=2, max_size=4))
def test_the_stated_width_covers_unequal_kernels(trials):
    truth = [150 * u * w for u, w in trials]
    rows = attribute(
        energy(GPU, 10 * (60 + sum(truth))),
        WINDOW,
        GPU,
        gpu_uses(*(u for u, _ in trials)),
        Idle(power_w=60),
    )
    for row, truth_w in zip(rows[1:], truth, strict=True):
        assert abs(row.energy_j - 10 * truth_w) <= row.uncertainty_j + 1e-6


@given(
    st.integers(0, 2**50),
    st.floats(0, 1e4),
    st.lists(st.one_of(st.floats(0, 1e3), st.none()), max_size=6),
)
def test_rows_add_up_exactly(grains, idle_w, weights):
    whole_j = grains * 2.0**-24
    uses = [Use(trial=f"t{i}", cpu_time_s=weight) for i, weight in enumerate(weights)]
    rows = attribute(energy(PACKAGE, whole_j), WINDOW, PACKAGE, uses, Idle(power_w=idle_w))
    assert sum(row.energy_j for row in rows) == whole_j
    assert all(row.energy_j >= 0 and row.uncertainty_j >= 0 for row in rows)


# --- CPU time on packages -------------------------------------------------------------------------


def part_of(rows, trial: str) -> Share:
    return next(row for row in rows if row.trial == trial)


def test_where_the_package_is_not_told_the_width_covers_any_placement():
    """Control groups of version 2 tell CPU time, but not on which CPU."""
    uses = [Use(trial="a", cpu_time_s=8.0), Use(trial="b", cpu_time_s=4.0)]
    rows = attribute(
        energy(PACKAGE, 300.0),
        WINDOW,
        PACKAGE,
        uses,
        Idle(power_w=0),
        busy_by_s={"package-0": 6.0, "package-1": 6.0},
    )
    a, b = part_of(rows, "a"), part_of(rows, "b")
    assert [a.energy_j, b.energy_j] == pytest.approx([200, 100])
    assert "not told" in a.basis
    for a_here_s in (2.0, 6.0):  # 8 s of 12 s: from 2 s to 6 s can have been on this package
        assert abs(a.energy_j - 300 * a_here_s / 6) <= a.uncertainty_j
        assert abs(b.energy_j - 300 * (6 - a_here_s) / 6) <= b.uncertainty_j


def test_told_and_untold_users_share_what_the_host_was_busy():
    """Containers tell on which CPU they ran; greenbench itself and the rest of the host don't."""
    uses = [
        Use(trial="a", cpu_time_s=6.0, cpu_time_by_s={"package-0": 1.0, "package-1": 5.0}),
        Use(kind="own", cpu_time_s=1.0),
        Use(kind="other", cpu_time_s=3.0),
    ]
    rows = attribute(
        energy(PACKAGE, 700.0),
        WINDOW,
        PACKAGE,
        uses,
        Idle(power_w=0),
        busy_by_s={"package-0": 3.0, "package-1": 7.0},
    )
    assert part_of(rows, "a").energy_j == pytest.approx(500)
    assert "not told" not in part_of(rows, "a").basis
    found = {row.kind: row.energy_j for row in rows if row.kind != "trial"}
    assert found == pytest.approx({"idle": 0, "own": 50, "other": 150})


def test_why_a_use_is_not_known_is_said():
    rows = attribute(
        energy(GPU, 1000.0),
        WINDOW,
        GPU,
        [Use(trial="a")],
        Idle(power_w=60),
        why_not={"GPU-1": "NVML does not tell who used this GPU: Not Supported"},
    )
    assert rows[-1].kind == "unattributed"
    assert "Not Supported" in rows[-1].basis


def test_use_that_was_read_beside_the_edges_widens():
    uses = gpu_uses(0.2, 0.2)
    sharp = attribute(energy(GPU, 1000.0), WINDOW, GPU, uses, Idle(power_w=60))
    blurred = attribute(energy(GPU, 1000.0), WINDOW, GPU, uses, Idle(power_w=60), slack=0.04)
    assert blurred[1].uncertainty_j == pytest.approx(sharp[1].uncertainty_j + 0.04 * 400)


def test_a_whole_platform_is_split_by_cpu_time_and_admits_what_that_misses():
    psys = Channel(
        name="platform/psys", backend="x", method="counter", physical_id="psys", scope=""
    )
    uses = [Use(trial="a", cpu_time_s=3.0), Use(trial="b", cpu_time_s=1.0)]
    rows = attribute(energy(psys, 400.0), WINDOW, psys, uses, Idle(power_w=0))
    assert [row.energy_j for row in rows if row.kind == "trial"] == pytest.approx([300, 100])
    assert all(row.uncertainty_j >= 100 for row in rows if row.kind == "trial")
    assert "more than processors" in rows[1].basis
