"""Where the recorded runs lie that the project does not hold: named by environment variables."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "report"))


def recorded(variable: str) -> Path:
    """The file that the variable names; the test is skipped, loudly, where there is none."""
    name = os.environ.get(variable)
    if not name:
        pytest.skip(f"no recorded data: {variable} names no file")
    path = Path(name)
    assert path.is_file(), f"{variable} names {path}, which is no file"
    return path


@pytest.fixture(scope="session")
def paper_file() -> Path:
    return recorded("GREENBENCH_PAPER_RUNS")


@pytest.fixture(scope="session")
def lab_file() -> Path:
    return recorded("GREENBENCH_LAB_RUNS")
