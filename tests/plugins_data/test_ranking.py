"""Re-identification is judged as Market-1501's protocol says: single query, across cameras."""

import pytest

np = pytest.importorskip("numpy")


def judged(distances, query_of, gallery_of):
    """Features whose products are the negative distances of one query to each gallery item."""
    from greenbench_data import ranking

    gallery = -np.array(distances, float)[:, None]
    query = np.ones((1, 1))
    return ranking.judged(
        query,
        gallery,
        query_of=tuple(np.array([value]) for value in query_of),
        gallery_of=tuple(np.array(values) for values in zip(*gallery_of, strict=True)),
    )


def test_matches_by_the_same_camera_are_passed_over():
    """By hand: the nearest is the same person by the same camera (passed over), then a distractor,
    then the first match (rank 2), another person, the second match (rank 4)."""
    gallery = [(7, 0), (0, 1), (7, 1), (3, 0), (7, 2)]
    found = judged([0.1, 0.2, 0.3, 0.4, 0.5], (7, 0), gallery)
    assert found == pytest.approx({"rank1": 0.0, "rank5": 1.0, "map": (1 / 2 + 2 / 4) / 2})


def test_a_perfect_ranking():
    found = judged([0.2, 0.1, 0.9], (4, 0), [(4, 1), (4, 2), (5, 0)])
    assert found == {"rank1": 1.0, "rank5": 1.0, "map": 1.0}


def test_another_person_by_the_same_camera_counts_against():
    found = judged([0.1, 0.2], (4, 0), [(5, 0), (4, 1)])
    assert found == {"rank1": 0.0, "rank5": 1.0, "map": 0.5}


def test_a_query_without_a_match_in_another_camera_is_refused_alone():
    with pytest.raises(ValueError, match="no query has a match"):
        judged([0.1, 0.2], (4, 0), [(4, 0), (5, 1)])


def test_features_that_are_not_finite_are_no_ranking():
    found = judged([float("nan"), 0.2], (4, 0), [(4, 1), (5, 1)])
    assert all(np.isnan(value) for value in found.values())


def test_it_agrees_with_average_precision_of_another_library():
    metrics = pytest.importorskip("sklearn.metrics")
    from greenbench_data import ranking

    random = np.random.default_rng(1)
    query, gallery = (random.normal(size=(n, 8)) for n in (20, 200))
    who = random.integers(0, 6, size=220)
    where = random.integers(0, 3, size=220)
    found = ranking.judged(
        query, gallery, query_of=(who[:20], where[:20]), gallery_of=(who[20:], where[20:])
    )
    expected = []
    for place in range(20):
        kept = (who[20:] != who[place]) | (where[20:] != where[place])
        scores = (gallery @ query[place])[kept]
        expected.append(metrics.average_precision_score(who[20:][kept] == who[place], scores))
    assert found["map"] == pytest.approx(np.mean(expected))
