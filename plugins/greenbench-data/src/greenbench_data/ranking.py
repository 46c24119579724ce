"""How well queries find their person in a gallery: Market-1501's protocol, single query.

For each query the gallery is sorted by distance, what is equally far in random order. Photographs of the same person by the same
camera are passed over; the others of that person are the matches. Rank-k: the share of queries
with a match among the first k. Average precision: the mean, over a query's matches, of the share
of matches among all that came up to it; mAP is its mean over queries (Zheng et al., Scalable Person
Re-identification, ICCV 2015, section 5, with the precision at each match, as later work counts).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from greenbench_data.parts import Array

WhoAndWhere = tuple[Array, Array]
"""Identities and cameras (int64, count)."""
TIES_SEED: Final = 0
"""Never a trial's seed. Without it a network that tells no one apart would rank the gallery in its
file's order, where photographs of one person stand side by side."""


def judged(
    query: Array, gallery: Array, *, query_of: WhoAndWhere, gallery_of: WhoAndWhere
) -> dict[str, float]:
    """`rank1`, `rank5` and `map` of features (count × size, each of length 1).

    A query without a match in another camera is left out. Raises ValueError if none is left. A
    feature that is not finite gives NaN.
    """
    if not (np.isfinite(query).all() and np.isfinite(gallery).all()):
        return dict.fromkeys(("rank1", "rank5", "map"), float("nan"))
    first, fifth, precisions = [], [], []
    random = np.random.default_rng(TIES_SEED)
    for feature, person, camera in zip(query, *query_of, strict=True):
        shuffled = random.permutation(len(gallery))
        order = shuffled[np.argsort(-(gallery @ feature)[shuffled], kind="stable")]
        people, cameras = gallery_of[0][order], gallery_of[1][order]
        kept = (people != person) | (cameras != camera)
        places = np.flatnonzero(people[kept] == person)
        if not len(places):
            continue
        first.append(places[0] < 1)
        fifth.append(places[0] < 5)
        precisions.append(np.mean(np.arange(1, len(places) + 1) / (places + 1)))
    if not precisions:
        raise ValueError("no query has a match by another camera in the gallery")
    return {
        "rank1": float(np.mean(first)),
        "rank5": float(np.mean(fifth)),
        "map": float(np.mean(precisions)),
    }


def guessing(query_of: WhoAndWhere, gallery_of: WhoAndWhere) -> dict[str, float]:
    """What a gallery in random order gives, as a test reports it: `items`, the queries that are
    judged; `chance_rank1` and `chance_map`, the means over them of what is expected.

    With R matches among N: of rank-1 R/N; of average precision a + (1 - a) · H(N)/N, where
    a = (R - 1)/(N - 1) and H(N) = 1 + 1/2 + … + 1/N (Bestgen, Exact Expected Average Precision of
    the Random Baseline for System Evaluation, Prague Bulletin of Mathematical Linguistics 103,
    2015). Raises ValueError if no query has a match.
    """
    counted = list(_matches(query_of, gallery_of))
    if not counted:
        raise ValueError("no query has a match by another camera in the gallery")
    return {
        "items": len(counted),
        "chance_rank1": sum(matches / among for matches, among in counted) / len(counted),
        "chance_map": sum(_expected_precision(*pair) for pair in counted) / len(counted),
    }


def _matches(query_of: WhoAndWhere, gallery_of: WhoAndWhere) -> Iterator[tuple[int, int]]:
    """For each query with a match: how many there are, among how many that count."""
    for person, camera in zip(*query_of, strict=True):
        same, seen = gallery_of[0] == person, gallery_of[1] == camera
        matches = int(np.count_nonzero(same & ~seen))
        if matches:
            yield matches, len(same) - int(np.count_nonzero(same & seen))


def _expected_precision(matches: int, among: int) -> float:
    if among == 1:
        return 1.0
    others = (matches - 1) / (among - 1)
    harmonic = math.fsum(1 / place for place in range(1, among + 1))
    return others + (1 - others) * harmonic / among
