"""Order: originals spread through a block, studies interleaved, all of it by chance."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenbench.plan.order import block_order, default_originals, interleaved


@given(st.integers(0, 40), st.integers(1, 12), st.integers())
def test_a_block_holds_every_arm_once_and_its_originals_in_their_strata(arms, originals, seed):
    order = block_order(list(range(arms)), originals, Random(seed))
    assert sorted(arm for arm in order if arm is not None) == list(range(arms))
    assert order.count(None) == originals
    largest = -(-(arms + originals) // originals)
    gaps = "".join("o" if arm is None else "m" for arm in order).split("o")
    assert max(map(len, gaps)) <= 2 * (largest - 1)
    assert max(len(gaps[0]), len(gaps[-1])) <= largest - 1


def test_an_original_may_stand_anywhere_and_arms_come_in_any_order():
    blocks = [block_order("abcdef", 2, Random(seed)) for seed in range(400)]
    places = Counter(i for block in blocks for i, arm in enumerate(block) if arm is None)
    assert sorted(places) == list(range(8))
    assert max(places.values()) < 2 * min(places.values())
    firsts = Counter("".join(arm for arm in block if arm)[0] for block in blocks)
    assert set(firsts) == set("abcdef")


@pytest.mark.parametrize(
    ("mutants", "originals"), [(0, 1), (1, 1), (2, 1), (3, 2), (5, 2), (9, 3), (15, 4), (100, 10)]
)
def test_about_the_square_root_of_the_mutants_are_originals(mutants, originals):
    assert default_originals(mutants) == originals


@given(st.lists(st.integers(1, 7), max_size=5), st.integers())
def test_every_block_runs_once_in_order_and_studies_are_spread(blocks, seed):
    order = interleaved(blocks, Random(seed))
    assert Counter(study for study, _ in order) == Counter(dict(enumerate(blocks)))
    for study, count in enumerate(blocks):
        assert [block for s, block in order if s == study] == list(range(1, count + 1))
    if blocks and min(blocks) == max(blocks):
        turns = [order[i : i + len(blocks)] for i in range(0, len(order), len(blocks))]
        assert all({block for _, block in turn} == {n} for n, turn in enumerate(turns, start=1))


def test_a_small_study_is_not_left_at_one_end():
    order = interleaved([9, 1], Random(0))
    assert 3 <= order.index((1, 1)) <= 6
