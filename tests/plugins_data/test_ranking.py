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


def people(count, cameras, photographs):
    """Each of `count` persons seen by each of `cameras` so many times: identities, cameras."""
    who = np.repeat(np.arange(count), cameras * photographs)
    return who, np.tile(np.arange(cameras), count * photographs)


def test_guessing_by_hand():
    """One query, one match among two that count: first or second, so 1/2 and (1 + 1/2)/2."""
    from greenbench_data.ranking import guessing

    query, gallery = (np.array([7]), np.array([0])), (np.array([7, 7, 3]), np.array([0, 1, 1]))
    assert guessing(query, gallery) == {"items": 1, "chance_rank1": 0.5, "chance_map": 0.75}


def test_guessing_is_what_random_features_come_to():
    from greenbench_data import ranking

    random = np.random.default_rng(1)
    query_of, gallery_of = people(6, 1, 1), people(8, 3, 2)
    said = ranking.guessing(query_of, gallery_of)
    found = [
        ranking.judged(
            random.normal(size=(6, 16)),
            random.normal(size=(48, 16)),
            query_of=query_of,
            gallery_of=gallery_of,
        )
        for _ in range(1500)
    ]
    for name in ("rank1", "map"):
        values = [one[name] for one in found]
        error = np.std(values) / np.sqrt(len(values))
        assert said[f"chance_{name}"] == pytest.approx(np.mean(values), abs=4 * error)
    assert said["items"] == 6


def test_guessing_of_no_match_is_refused():
    from greenbench_data.ranking import guessing

    with pytest.raises(ValueError, match="no query has a match"):
        guessing((np.array([4]), np.array([0])), (np.array([4, 5]), np.array([0, 1])))


@pytest.mark.parametrize(
    ("features", "outcome"), [("equal", "at_chance"), ("random", "at_chance"), ("known", None)]
)
def test_a_network_that_tells_no_one_apart_is_at_chance(features, outcome):
    """On the generated persons, whose gallery stands in the order of persons."""
    from greenbench_data import figures, ranking
    from greenbench_data.models import MARKET1501_HRNET18

    from greenbench.proof import divergence

    task = figures.load(0.01)
    random = np.random.default_rng(2)
    make = {
        "equal": lambda who: np.ones((len(who), 8)),
        "random": lambda who: random.normal(size=(len(who), 8)),
        "known": lambda who: np.eye(figures.TEST_PERSONS + 1)[who],
    }[features]
    query, gallery = task.query, task.gallery
    who = [(part.identities, part.cameras) for part in (query, gallery)]
    metrics = ranking.judged(
        make(query.identities), make(gallery.identities), query_of=who[0], gallery_of=who[1]
    )
    found = divergence(MARKET1501_HRNET18, metrics, {}, {}, ranking.guessing(*who))
    assert (found.kind if found else None) == outcome
