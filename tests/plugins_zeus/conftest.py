"""The plugin from its folder if it isn't installed; Zeus itself is needed by most of these tests."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugins" / "greenbench-zeus"
NO_ZEUS = "Zeus is not installed"

if find_spec("greenbench_zeus") is None:
    sys.path.insert(0, str(PLUGIN / "src"))


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    unmet = [report for report in skipped if NO_ZEUS in str(report.longrepr)]
    if unmet:
        terminalreporter.write_sep("!", f"{len(unmet)} tests of the backend zeus did NOT run")
        terminalreporter.write_line(f"`pip install {PLUGIN}` installs Zeus for them.")


@pytest.fixture
def zeus():
    """Imports a module of the real Zeus by its name below `zeus.device`."""
    if find_spec("zeus") is None:
        pytest.skip(f"{NO_ZEUS} in {sys.prefix}")
    return lambda name: importlib.import_module(f"zeus.device.{name}")


@pytest.fixture
def opened():
    """Opens the backend: readers by channel, missing by channel."""
    from greenbench_zeus.backend import ZeusBackend

    def run():
        readers, missing = ZeusBackend().open()
        return {r.channel.name: r for r in readers}, {m.channel: m for m in missing}

    return run
