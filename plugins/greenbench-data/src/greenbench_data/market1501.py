"""Market-1501 as it was prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from greenbench_data import catalog
from greenbench_data.parts import Photos, Reidentification, kept
from greenbench_data.prepared import Prepared


def padding(rows: int) -> int:
    """Pixels by which a photograph of so many rows is shifted at most: 10 of 256, as in
    layumi/Person_reID_baseline_pytorch, and in proportion for smaller ones."""
    return max(1, round(10 * rows / 256))


def load(folder: Path | None, share: float) -> Reidentification:
    """The published three parts; identities of the training part are numbered from 0."""
    files = Prepared(catalog.MARKET1501.name, folder)
    identities = np.array(files.array("train_identities"))
    persons, numbered = np.unique(identities, return_inverse=True)
    count = kept(len(identities), share)
    train = Photos(
        files.array("train_images")[:count],
        numbered[:count].astype(np.int64),
        np.array(files.array("train_cameras")[:count]),
    )
    return Reidentification(
        name=catalog.MARKET1501.name,
        label=catalog.MARKET1501.label,
        synthetic=False,
        persons=len(persons),
        train=train,
        query=_photos(files, "query"),
        gallery=_photos(files, "gallery"),
        total=len(identities),
    )


def _photos(files: Prepared, part: str) -> Photos:
    return Photos(
        files.array(f"{part}_images"),
        np.array(files.array(f"{part}_identities")),
        np.array(files.array(f"{part}_cameras")),
    )
