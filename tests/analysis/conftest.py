"""Lets these tests use the simulated result sets of `tests/report`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "report"))
sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "analysis"))

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def cohort_frame():
    """A frame of cohorts from logarithms: (blocks, arms) and (blocks, originals); the last arm is
    an A/A arm."""

    def made(arms, originals):
        rows = []
        for block in range(len(arms)):
            for place, value in enumerate(originals[block]):
                rows.append(("original", "", False, True, block + 1, value, f"o{place}"))
            for place, value in enumerate(arms[block]):
                null = place == arms.shape[1] - 1
                rows.append((f"m{place}", f"m{place}", null, False, block + 1, value, "m"))
        columns = ("arm", "mutation", "null", "original", "block", "log", "slot")
        table = pd.DataFrame(rows, columns=list(columns))
        table["energy_j"] = 1000 * np.exp(table["log"])
        table["study"] = "s"
        table["cohort"] = [f"c{i}" for i in range(len(table))]
        table["start_s"] = np.arange(len(table)) * 100.0
        return table

    return made
