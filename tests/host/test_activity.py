"""Who uses this host's processors, as far as greenbench tells it of itself."""

from __future__ import annotations

from greenbench.host.activity import own_cpu_time_s


def test_own_cpu_time_sees_work_that_is_shorter_than_a_clock_tick():
    before_s = own_cpu_time_s()
    sum(range(1000))
    assert 0 < own_cpu_time_s() - before_s < 0.01
