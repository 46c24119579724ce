"""scikit-learn's bundled digits: real images, offline, one split for all.

The file is read where scikit-learn keeps it, without importing scikit-learn: that import alone
would cost every trial two seconds of CPU time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data import catalog, mnist
from greenbench_data.parts import Array, Labelled, Part, stratified

TEST_IMAGES: Final = 500
VALIDATION_IMAGES: Final = 197
SPLIT_SEED: Final = 0
"""Never a trial's seed: every trial is tested on the same images."""

FILE: Final = Path("datasets", "data", "digits.csv.gz")
SIDE: Final = 8
BRIGHTEST: Final = 16
SCALED_SIDE: Final = 20
"""MNIST's digits were fitted into 20×20 within 28×28 (Y. LeCun, mnist/)."""


def small(share: float) -> Labelled:
    """8×8, in three parts, stratified by digit."""
    images, labels = _read()
    test, validation, train = _split(labels)
    return Labelled(
        name=catalog.DIGITS.name,
        label=catalog.DIGITS.label,
        synthetic=False,
        classes=10,
        train=Part(images[train], labels[train]).first(share),
        validation=Part(images[validation], labels[validation]),
        test=Part(images[test], labels[test]),
        total=len(train),
        brightest=BRIGHTEST,
    )


def scaled(share: float) -> Labelled:
    """28×28, in two parts as MNIST has them; the same 500 images are held out."""
    images, labels = _read()
    test, validation, train = _split(labels)
    held_out = Part(_enlarged(images[test]), labels[test])
    training = np.random.default_rng(SPLIT_SEED).permutation(np.concatenate([train, validation]))
    return Labelled(
        name=catalog.DIGITS_28.name,
        label=catalog.DIGITS_28.label,
        synthetic=False,
        classes=10,
        train=Part(_enlarged(images[training]), labels[training]).first(share),
        validation=held_out,
        test=held_out,
        total=len(training),
        mean=mnist.MEAN,
        std=mnist.STD,
    )


def _read() -> tuple[Array, Array]:
    table = np.loadtxt(_file(), delimiter=",", dtype=np.int64)
    return table[:, :-1].reshape(-1, SIDE, SIDE, 1).astype(np.uint8), table[:, -1]


def _file() -> Path:
    found = find_spec("sklearn")
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise DataError(
            "the digits come with scikit-learn, which is not installed",
            "Install it: `pip install scikit-learn`.",
        )
    return Path(folders[0]) / FILE


def _split(labels: Array) -> tuple[Array, Array, Array]:
    """Indices of what tests, what validates and what trains."""
    random = np.random.default_rng(SPLIT_SEED)
    everything = np.arange(len(labels))
    test = stratified(labels, everything, TEST_IMAGES, random)
    rest = np.setdiff1d(everything, test)
    validation = stratified(labels, rest, VALIDATION_IMAGES, random)
    return test, validation, np.setdiff1d(rest, validation)


def _enlarged(images: Array) -> Array:
    """Linear interpolation from 8×8 to 20×20, in the middle of 28×28."""
    places = (np.arange(SCALED_SIDE) + 0.5) * SIDE / SCALED_SIDE - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(SIDE)))
    weights /= weights.sum(axis=1, keepdims=True)
    grey = np.einsum("ir,nrc,jc->nij", weights, images[..., 0] * (255 / BRIGHTEST), weights)
    margin = (mnist.SIDE - SCALED_SIDE) // 2
    wide = np.pad(np.rint(grey).astype(np.uint8), ((0, 0), (margin, margin), (margin, margin)))
    return wide[..., np.newaxis]
