"""The powercap tree as kernels and vendors lay it out: names, twins, dies, nesting, failures."""

from __future__ import annotations

import pytest
from sim.curves import constant
from sim.powercap import AMD_RANGE_UJ, SimulatedPowercap, Zone, intel

from greenbench.energy.meter import Meter
from greenbench.energy.rapl import RaplBackend
from greenbench.energy.total import disjoint

W = constant(50)


def opened(tmp_path, zones):
    tree = SimulatedPowercap(tmp_path, zones)
    tree.update(10.0)
    readers, missing = RaplBackend(tree.root).open()
    return tree, {reader.channel.name: reader for reader in readers}, missing


def test_a_two_socket_server(tmp_path):
    _, readers, missing = opened(tmp_path, intel(W, dram=constant(9), packages=2))
    assert list(readers) == [
        "cpu/package-0",
        "cpu/package-1",
        "cpu/core-0",
        "cpu/dram-0",
        "cpu/core-1",
        "cpu/dram-1",
    ]
    assert readers["cpu/core-1"].channel.contained_in == "cpu/package-1"
    assert readers["cpu/dram-1"].channel.contained_in is None
    assert readers["cpu/package-0"].read() == pytest.approx(500e6, rel=1e-4)
    assert not missing
    included, _ = disjoint([reader.channel for reader in readers.values()])
    assert [c.name for c in included] == [
        "cpu/package-0",
        "cpu/package-1",
        "cpu/dram-0",
        "cpu/dram-1",
    ]


def test_a_laptop_with_a_platform_counter_and_an_mmio_twin(tmp_path):
    zones = [
        Zone("0", "package-0", W, control="intel-rapl-mmio"),
        *intel(W),
        Zone("1", "psys", constant(80)),
    ]
    _, readers, _ = opened(tmp_path, zones)
    assert sorted(readers) == ["cpu/core-0", "cpu/package-0", "platform/psys"]
    assert readers["cpu/package-0"].channel.contained_in == "platform/psys"
    included, left_out = disjoint([reader.channel for reader in readers.values()])
    assert [c.name for c in included] == ["platform/psys"]
    assert left_out["cpu/core-0"] == "already in cpu/package-0"


def test_dies_of_one_package_are_channels_of_their_own(tmp_path):
    zones = [
        Zone("0", "package-0-die-0", W),
        Zone("0:0", "dram", constant(5)),
        Zone("1", "package-0-die-1", W),
        Zone("1:0", "dram", constant(5)),
    ]
    _, readers, _ = opened(tmp_path, zones)
    assert sorted(readers) == [
        "cpu/dram-0-die-0",
        "cpu/dram-0-die-1",
        "cpu/package-0-die-0",
        "cpu/package-0-die-1",
    ]
    assert len({reader.channel.physical_id for reader in readers.values()}) == 4


def test_zones_are_found_by_name_whatever_their_number(tmp_path):
    zones = [Zone("0", "psys", W), Zone("1", "package-1", W), Zone("2", "package-0", W)]
    _, readers, _ = opened(tmp_path, zones)
    assert readers["cpu/package-0"].channel.physical_id == "package-0"
    assert set(readers) == {"platform/psys", "cpu/package-0", "cpu/package-1"}


def test_an_amd_server_without_dram(tmp_path):
    zones = [
        Zone("0", "package-0", W, range_uj=AMD_RANGE_UJ),
        Zone("0:0", "core", W, range_uj=AMD_RANGE_UJ),
    ]
    _, readers, _ = opened(tmp_path, zones)
    assert readers["cpu/package-0"].channel.wrap_units == AMD_RANGE_UJ


def test_a_zone_without_its_range_is_missing_not_wrong(tmp_path):
    zones = [Zone("0", "package-0", W), Zone("1", "package-1", W, range_uj=None)]
    _, readers, missing = opened(tmp_path, zones)
    assert list(readers) == ["cpu/package-0"]
    assert missing[0].channel == "cpu/package-1"
    assert "max_energy_range_uj" in missing[0].reason


def test_no_tree_and_an_empty_tree_say_what_would_help(tmp_path):
    for root in (tmp_path / "nowhere", tmp_path):
        readers, missing = RaplBackend(root).open()
        assert not readers
        assert "modprobe" in missing[0].remedy
        assert str(root) in missing[0].reason


def test_a_tree_that_vanishes_or_empties_is_counted_as_failed_reads(tmp_path):
    tree, readers, _ = opened(tmp_path, [Zone("0", "package-0", W), Zone("1", "package-1", W)])
    meter = Meter(list(readers.values()), 0.1, clock=iter(range(10, 1000)).__next__)
    meter.start()
    (tree.path(tree.zones[0]) / "energy_uj").write_text("")
    meter.tick()
    failures = meter.failures()
    assert list(failures) == ["cpu/package-0"]
    assert "energy_uj reads b''" in failures["cpu/package-0"][1]


def test_the_environment_names_the_tree(tmp_path, monkeypatch):
    tree = SimulatedPowercap(tmp_path, intel(W))
    monkeypatch.setenv("GREENBENCH_POWERCAP_ROOT", str(tree.root))
    readers, _ = RaplBackend().open()
    assert readers[0].channel.name == "cpu/package-0"
