"""A simulated host to run greenbench on, and fixtures for it: a conftest imports them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .curves import Curve, constant
from .nvml import SimulatedNvml, compile_stub
from .powercap import SimulatedPowercap, intel

DRIVER = """
from pathlib import Path
from greenbench.executors import gpus
gpus.DRIVER_FILES = (Path("/"),)
"""
"""What is simulated is the driver's library; its files in /dev and /proc are taken for granted."""
GREENBENCH = [sys.executable, "-c", f"{DRIVER}from greenbench.cli import main; main()"]


class SimulatedHost:
    """`gpus` GPUs and one package; `run` runs greenbench on it."""

    def __init__(self, folder: Path, library: Path, package: Curve, gpus: int) -> None:
        self.folder = folder
        self.gpu = SimulatedNvml(folder, devices=gpus, library=library)
        self.tree = SimulatedPowercap(folder / "powercap", intel(package, dram=constant(9)))

    @property
    def environment(self) -> dict[str, str]:
        tree = {"GREENBENCH_POWERCAP_ROOT": str(self.tree.root), "COLUMNS": "80"}
        return {**os.environ, **self.gpu.environment, **tree}

    def run(self, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*prefix, *GREENBENCH, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """As `run`, in the background; what it prints comes line by line."""
        return subprocess.Popen(
            [*GREENBENCH, *map(str, arguments)],
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="session")
def stub(tmp_path_factory) -> Path:
    return compile_stub(tmp_path_factory.mktemp("nvml-stub"))


@pytest.fixture
def simulated_host(tmp_path, stub):
    """`with simulated_host(package=curve, gpus=1) as host:` keeps its counters up to date."""

    @contextmanager
    def make(package: Curve | None = None, gpus: int = 1) -> Iterator[SimulatedHost]:
        host = SimulatedHost(tmp_path, stub, package or constant(50), gpus)
        with host.tree.running():
            yield host

    return make
