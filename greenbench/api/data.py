"""Data sets: what models train on, and how they come to this host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set, described without loading it.

    A model whose hyperparameter `data` has this name as its value trains on it. `label` is shown
    wherever results are: "real: MNIST", "synthetic, CIFAR-10 form"; `synthetic` says that it is
    generated. `source` is a reference `"package.module:Class"` to a `DataSource` that prepares
    it; empty for one that is there with its package. `test_items`: how many items its test part
    holds (queries, for re-identification), at the least where that differs between hosts; None if
    that says nothing of a share's sampling error, as for running text.
    """

    name: str
    label: str
    description: str = ""
    synthetic: bool = False
    source: str = ""
    test_items: int | None = None


class DataSource(Protocol):
    """Brings a data set into the form that trainers read. Built without arguments, on the host."""

    def prepare(self, folder: Path, files: Path | None, say: Callable[[str], None]) -> str:
        """Writes the prepared files into the empty `folder`; returns where they are from, for the
        record. `files` is a folder that the user has; None: download. `say` takes lines about the
        progress. Raises DataError, with both ways in its remedy where nothing is there."""
