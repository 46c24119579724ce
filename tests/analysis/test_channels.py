"""Nothing is counted twice, and estimates never mix with measurements."""

from simulated import CORE, ESTIMATE, GPU, GPU_POWER, PACKAGE

from greenbench.analysis.channels import channel_from, disjoint


def channels(*data):
    return [channel_from(d) for d in data]


def test_contained_and_twice_read_sources_count_once():
    assert disjoint(channels(GPU_POWER, GPU, CORE, PACKAGE)) == ["cpu/package-0", "gpu/0"]


def test_a_core_counts_where_its_package_is_missing():
    assert disjoint(channels(CORE)) == ["cpu/core-0"]


def test_everything_inside_the_platform_is_left_to_it():
    psys = PACKAGE | {"name": "cpu/psys", "physical_id": "psys"}
    package = PACKAGE | {"contained_in": "cpu/psys"}
    assert disjoint(channels(psys, package, CORE)) == ["cpu/psys"]


def test_estimates_are_a_sum_of_their_own():
    both = channels(GPU, ESTIMATE)
    assert disjoint(both) == ["gpu/0"]
    assert disjoint(both, estimates=True) == ["cpu/estimate"]


def test_a_channel_without_facts_is_not_taken_for_a_measurement():
    assert disjoint(channels({"name": "x"})) == []
