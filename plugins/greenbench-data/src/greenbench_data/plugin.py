"""What this distribution offers to greenbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenbench.hookspecs import hookimpl
from greenbench_data import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenbench.api import DataSet


@hookimpl
def greenbench_data_sets() -> Iterable[DataSet]:
    """All data sets: bundled, generated, and those to prepare."""
    yield from catalog.DATA_SETS
