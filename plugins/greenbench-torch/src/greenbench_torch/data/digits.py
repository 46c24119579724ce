"""scikit-learn's bundled digits: real images, offline, one split for all.

The file is read where scikit-learn keeps it, without importing scikit-learn: that import alone
would cost every trial two seconds of CPU time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from greenbench_torch.data import Part, Parts

TEST_IMAGES: Final = 500
VALIDATION_IMAGES: Final = 197
SPLIT_SEED: Final = 0
"""Never a trial's seed: every trial is tested on the same images."""

FILE: Final = Path("datasets", "data", "digits.csv.gz")
SIDE: Final = 8
BRIGHTEST: Final = 16


def load(_prepared: Path | None = None) -> Parts:
    """The three parts, stratified by digit. They come with scikit-learn: nothing is fetched."""
    table = np.loadtxt(_file(), delimiter=",", dtype=np.int64)
    images = (table[:, :-1].reshape(-1, SIDE, SIDE) / BRIGHTEST).astype(np.float32)
    labels = table[:, -1]
    random = np.random.default_rng(SPLIT_SEED)
    everything = np.arange(len(labels))
    test = _stratified(labels, everything, TEST_IMAGES, random)
    rest = np.setdiff1d(everything, test)
    validation = _stratified(labels, rest, VALIDATION_IMAGES, random)
    train = np.setdiff1d(rest, validation)
    return Parts(
        train=Part(images[train], labels[train]),
        validation=Part(images[validation], labels[validation]),
        test=Part(images[test], labels[test]),
    )


def _file() -> Path:
    found = find_spec("sklearn")
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise ModuleNotFoundError("the digits come with scikit-learn: pip install scikit-learn")
    return Path(folders[0]) / FILE


def _stratified(
    labels: npt.NDArray[np.int64],
    among: npt.NDArray[np.int64],
    count: int,
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """`count` of the indices `among`, each digit in its share: sorted by digit, shuffled within
    it, taken at even steps."""
    order = among[np.lexsort((random.random(len(among)), labels[among]))]
    return order[(np.arange(count) * len(among)) // count]
