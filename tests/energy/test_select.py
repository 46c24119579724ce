"""Which backend reads which channel, what is said about it, and what stops a run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from greenbench.api import Channel, Missing, Provided, Reader
from greenbench.energy.plugin import greenbench_energy_backends
from greenbench.energy.select import open_channels
from greenbench.errors import EnergyError


class FakeReader:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.closed = False

    def read(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


class FakeBackend:
    description = ""

    def __init__(self, name: str, *ids: str, measured: bool = True, on_request: bool = False):
        self.name, self.ids = name, ids
        self.measured, self.on_request = measured, on_request
        self.readers: list[FakeReader] = []

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        self.readers = [
            FakeReader(
                Channel(
                    name=f"ch/{i}", backend=self.name, method="counter", physical_id=i, scope=""
                )
            )
            for i in self.ids
        ]
        missing = [] if self.ids else [Missing(self.name, "ch", "no sensor", "sudo modprobe it")]
        return self.readers, missing


class Exploding(FakeBackend):
    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        raise RuntimeError("boom")


def provided(*backends: FakeBackend) -> list[Provided]:
    return [Provided(b.name, b, f"dist-{b.name}", "1.0") for b in backends]


def test_auto_gives_each_physical_channel_to_the_first_backend():
    second = FakeBackend("second", "p0", "p1")
    opened = open_channels(
        provided(
            FakeBackend("first", "p0"),
            second,
            FakeBackend("same", "p0", on_request=True),
            FakeBackend("guess", "e", measured=False),
        )
    )
    assert [(c.backend, c.name) for c in opened.channels] == [
        ("first", "ch/p0"),
        ("second", "ch/p1"),
    ]
    assert opened.backends == ("first", "second")
    assert not opened.estimated
    assert second.readers[0].closed
    assert any("read by first already" in sentence for sentence in opened.why)
    opened.close()
    assert second.readers[1].closed


def test_auto_estimates_only_where_there_is_no_meter():
    opened = open_channels(
        provided(FakeBackend("first"), FakeBackend("guess", "e", measured=False))
    )
    assert opened.estimated
    assert opened.backends == ("guess",)
    assert opened.missing[0].remedy == "sudo modprobe it"
    assert any("estimates" in sentence for sentence in opened.why)


def test_a_backend_that_explodes_is_named_with_its_distribution_and_the_rest_goes_on():
    opened = open_channels(provided(Exploding("bad"), FakeBackend("good", "p0")))
    assert opened.backends == ("good",)
    assert "boom" in opened.missing[0].reason
    assert "dist-bad 1.0" in opened.missing[0].remedy


def test_named_backends_are_opened_exactly_also_those_on_request():
    backends = provided(FakeBackend("first", "p0"), FakeBackend("same", "p0", on_request=True))
    assert open_channels(backends, ["same"]).backends == ("same",)


def test_a_named_backend_without_a_channel_stops_with_its_remedy():
    good = FakeBackend("good", "p0")
    with pytest.raises(EnergyError) as caught:
        open_channels(provided(good, FakeBackend("empty")), ["good", "empty"])
    assert "no sensor" in caught.value.message
    assert "sudo modprobe it" in caught.value.remedy
    assert good.readers[0].closed


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(EnergyError) as caught:
        open_channels(provided(FakeBackend("nvml", "g")), ["nvlm"])
    assert "did you mean 'nvml'" in caught.value.remedy


def test_nothing_at_all_is_no_error_in_auto():
    opened = open_channels(provided(FakeBackend("first")))
    assert opened.readers == ()
    assert not opened.estimated


def test_the_builtin_backends_are_offered_in_the_order_of_auto():
    backends = list(greenbench_energy_backends())
    assert [b.name for b in backends] == ["nvml", "rapl", "pyrapl", "estimate"]
    assert [b.name for b in backends if b.on_request] == ["pyrapl"]
    assert [b.name for b in backends if not b.measured] == ["estimate"]


def test_the_estimate_reads_cpu_time_of_this_host():
    estimate = list(greenbench_energy_backends())[-1]
    readers, _ = estimate.open()
    cpu = readers[0]
    before = cpu.read()
    total = 0
    for _ in range(30):  # burn a few ticks of CPU time
        total += sum(range(200_000))
    assert cpu.read() > before
    assert cpu.channel.method == "estimate"
    assert "W per logical CPU" in cpu.channel.scope
    for reader in readers:
        reader.close()


def test_importing_the_package_and_its_plugin_loads_nothing_heavy():
    import subprocess
    import sys

    heavy = "numpy", "pandas", "psutil", "pynvml", "pyRAPL", "scipy"
    code = f"""
import sys, greenbench.energy, greenbench.energy.plugin
list(greenbench.energy.plugin.greenbench_energy_backends())
print([m for m in {heavy!r} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
