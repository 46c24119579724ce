"""Data sets: what a model trains on, and how it comes to this host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set, described without loading it.

    `label` is shown wherever results are: "real: MNIST", "synthetic, CIFAR-10 form".
    `synthetic` says that it is generated.
    """

    name: str
    label: str
    description: str = ""
    synthetic: bool = False
