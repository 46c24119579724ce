"""Data sets by name, for trainers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from greenbench_data import cifar10, digits, figures, market1501, mnist, patterns, stdlib
from greenbench_data.parts import Labelled, Reidentification, Tokens

T = TypeVar("T")
Loader = Callable[[Path | None, float], T]

CLASSIFICATION: Final[Mapping[str, Loader[Labelled]]] = {
    "digits": lambda _, share: digits.small(share),
    "digits-28x28": lambda _, share: digits.scaled(share),
    "mnist": mnist.load,
    "cifar10": cifar10.load,
    "synthetic-cifar10": lambda _, share: patterns.load(share),
    "stdlib-functions": lambda _, share: stdlib.functions(share),
}
REIDENTIFICATION: Final[Mapping[str, Loader[Reidentification]]] = {
    "market1501": market1501.load,
    "synthetic-market1501": lambda _, share: figures.load(share),
}
TEXT: Final[Mapping[str, Callable[[Path | None], Tokens]]] = {
    "stdlib-text": lambda _: stdlib.text()
}


def classification(name: str, folder: Path | None = None, share: float = 1.0) -> Labelled:
    """A classification task. `folder` is `Conditions.data`; `share` in (0, 1] keeps the first so
    many of the training part. Raises DataError if it is not prepared, KeyError if unknown."""
    return CLASSIFICATION[name](folder, share)


def reidentification(name: str, folder: Path | None = None, share: float = 1.0) -> Reidentification:
    """A re-identification task; arguments and errors as for `classification`."""
    return REIDENTIFICATION[name](folder, share)


def text(name: str, folder: Path | None = None) -> Tokens:
    """Running text; a trainer cuts it into windows and takes its share of those. Arguments and
    errors as for `classification`."""
    return TEXT[name](folder)
