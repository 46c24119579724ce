"""Simulated hardware for the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sim import nvml, unshare

PROBE = Path(__file__).with_name("probe.py")
Probe = Callable[..., dict]


@pytest.fixture(scope="session")
def stub(tmp_path_factory) -> Path:
    return nvml.compile_stub(tmp_path_factory.mktemp("nvml-stub"))


@pytest.fixture
def probe() -> Probe:
    """Runs the probe in a process of its own, with a simulated environment."""

    def run(backend: str, seconds: float = 0.0, **environment: str) -> dict:
        command = [sys.executable, PROBE, backend, str(seconds)]
        env = {**os.environ, **environment}
        done = subprocess.run(
            command, env=env, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def probe_with_powercap(tmp_path) -> Probe:
    """Runs the probe where /sys/class/powercap is a simulated tree."""
    if not unshare.available():
        pytest.skip("needs root and unshare, to put a simulated tree at /sys/class/powercap")

    def run(backend: str, seconds: float, root: Path, sockets: int = 1) -> dict:
        cpu = tmp_path / f"cpu-{sockets}"
        if not cpu.exists():
            unshare.fake_sockets(cpu, sockets)
        command = [sys.executable, str(PROBE), backend, str(seconds)]
        done = unshare.run(command, root, cpu)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
