"""What a plan says of its own power, before a joule is spent."""

import itertools

import numpy as np
import pytest
from fake_plugins import plugins

from greenbench.plan import blocks_to_settle, build_plan, plan_outlook, smallest_corrected_p
from greenbench.suite.load import parse_suite


@pytest.mark.parametrize(("originals", "blocks"), [(1, 3), (2, 2), (3, 2), (1, 5)])
def test_the_smallest_p_is_what_enumeration_finds(originals, blocks):
    """All arrangements of the mutant's place within each block, for the clearest of effects."""
    values = np.array([[100.0 + b] + [float(b)] * originals for b in range(blocks)])
    values += np.arange(originals + 1) * 1e-3  # no ties
    statistics = [
        sum(v[i] - np.delete(v, i).mean() for v, i in zip(values, places, strict=True))
        for places in itertools.product(range(originals + 1), repeat=blocks)
    ]
    upper = np.mean(np.array(statistics) >= statistics[0])
    assert min(1.0, 2 * upper) == pytest.approx(smallest_corrected_p(originals, blocks, 1))


def test_the_correction_and_the_ceiling():
    assert smallest_corrected_p(1, 1, 1) == 1.0
    assert smallest_corrected_p(3, 3, 2) == pytest.approx(2 * 2 / 64)
    assert smallest_corrected_p(1, 2, 10) == 1.0
    assert smallest_corrected_p(1000, 1000, 5) == 0.0


def test_the_needed_blocks_are_the_fewest():
    for originals, mutants in itertools.product(range(1, 5), range(1, 12)):
        needed = blocks_to_settle(originals, mutants)
        assert smallest_corrected_p(originals, needed, mutants) <= 0.05
        assert smallest_corrected_p(originals, needed - 1, mutants) > 0.05


def test_the_plan_says_whether_it_can_settle_anything():
    def outlook(extra):
        registry = plugins()
        text = 'name = "s"\n[[study]]\nmodel = "net"\n' + extra
        return plan_outlook(build_plan(parse_suite(text, registry), registry))

    mutant = 'mutate = [{operator = "epochs", values = [3]}]\n'
    (weak,) = outlook(mutant + "blocks = 2\n")
    assert (weak.settles, weak.blocks_needed) == (False, 6)
    assert weak.text == (
        "net/solo: 1 mutant, 1 original in each of 2 blocks: the smallest corrected p of the"
        " exact test is 0.5, so only the intervals can settle anything; 6 blocks could."
    )
    (strong,) = outlook(mutant + "blocks = 3\noriginals = 3\n")
    assert (strong.settles, strong.blocks_needed) == (True, None)
    assert strong.text.endswith("the smallest corrected p of the exact test is 0.0312.")
    assert outlook("") == []
