"""How often a counter updates is learnt rightly on a host that is too busy to look in time."""

from __future__ import annotations

from random import Random

import pytest
from sim.curves import constant
from sim.host import Clock, CounterReader

from greenbench.energy.calibrate import MARGIN, update_periods_s

HOSTS = 100


def calibrated(update_s: float, seed: int, late_s: float, at_most_s: float = 0.6):
    """The period that is found where every third sleep ends up to `late_s` late, and the time
    that it took."""
    random, clock = Random(seed), Clock(1000.0)
    phase_s = random.random() * update_s
    reader = CounterReader(clock, constant(150), update_s=update_s, phase_s=phase_s)

    def sleep(seconds: float) -> None:
        clock.now_s += seconds + (random.random() < 0.33) * random.random() * late_s

    (period_s,) = update_periods_s([reader], at_most_s, clock, sleep)
    return period_s, clock.now_s - 1000.0


@pytest.mark.parametrize("update_s", [0.02, 0.1])
def test_a_host_that_looks_in_time_knows_the_period_well_and_soon(update_s):
    for seed in range(HOSTS):
        period_s, took_s = calibrated(update_s, seed, late_s=2e-4)
        assert period_s == pytest.approx(update_s, rel=0.01)
        assert took_s < max(10 * update_s, 0.65)


@pytest.mark.parametrize("late_s", [0.005, 0.01, 0.015])
def test_a_host_that_looks_late_never_takes_it_for_shorter_than_it_is(late_s):
    """By a period that is too short, an update would have been later than it was."""
    found = [calibrated(0.02, seed, late_s)[0] for seed in range(HOSTS)]
    assert all(period_s is not None and period_s * MARGIN >= 0.02 for period_s in found)
    assert sorted(found)[HOSTS // 2] == pytest.approx(0.02, rel=0.02)


def test_changes_at_every_look_tell_no_longer_period_than_the_looks():
    period_s, _ = calibrated(0.0005, 1, late_s=0.0)
    assert period_s == pytest.approx(0.001, rel=0.1)
