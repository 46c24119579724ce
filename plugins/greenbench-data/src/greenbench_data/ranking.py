"""How well queries find their person in a gallery: Market-1501's protocol, single query.

For each query the gallery is sorted by distance. Photographs of the same person by the same
camera are passed over; the others of that person are the matches. Rank-k: the share of queries
with a match among the first k. Average precision: the mean, over a query's matches, of the share
of matches among all that came up to it; mAP is its mean over queries (Zheng et al., Scalable Person
Re-identification, ICCV 2015, section 5, with the precision at each match, as later work counts).
"""

from __future__ import annotations

import numpy as np

from greenbench_data.parts import Array

WhoAndWhere = tuple[Array, Array]
"""Identities and cameras (int64, count)."""


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
    for feature, person, camera in zip(query, *query_of, strict=True):
        order = np.argsort(-(gallery @ feature), kind="stable")
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
