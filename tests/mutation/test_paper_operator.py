"""The published rules: their ranges, in bounds, never the original, and drawn to be repeated."""

import json
from random import Random

import pytest
from fake_plugins import model, plugins
from hypothesis import given, settings
from hypothesis import strategies as st

from greenbench.api import Hyperparameter, Mutation, MutationRequest, Refusal
from greenbench.errors import SuiteError
from greenbench.mutation.paper import Paper
from greenbench.plan import build_plan, plan_json
from greenbench.suite.load import parse_suite

PUBLISHED = (
    Hyperparameter(name="epochs", default=14, low=1, high=1000),
    Hyperparameter(name="learning_rate", default=1.0, low=1e-6, high=10.0),
    Hyperparameter(name="gamma", default=0.7, low=0.01, high=3.0),
    Hyperparameter(name="weight_decay", default=5e-4, low=0.0, high=1.0),
    Hyperparameter(name="threshold", default=2, low=0, high=9),
    Hyperparameter(name="batch_size", default=64, low=1, high=1000),
)
NET = model("published", PUBLISHED)


def mutate(net=NET, seed=1, original=None, **request):
    before = {**net.defaults(), **(original or {})}
    return Paper().mutate(net, before, MutationRequest(**request), Random(seed))


def drawn(outcomes):
    assert all(isinstance(o, Mutation) for o in outcomes), outcomes
    values = {}
    for outcome in outcomes:
        (change,) = outcome.changes
        values.setdefault(change.hyperparameter, []).append(change.after)
    return values


def test_five_of_each_published_hyperparameter_and_of_no_other():
    values = drawn(mutate())
    assert {name: len(found) for name, found in values.items()} == {
        "epochs": 5,
        "learning_rate": 5,
        "gamma": 5,
        "weight_decay": 5,
        "threshold": 5,
    }


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(20, 400),
    st.floats(1e-5, 9.0),
    st.floats(0.02, 0.99),
    st.floats(1e-7, 0.3),
)
def test_every_value_lies_where_the_rule_says(seed, epochs, rate, gamma, decay):
    original = {
        "epochs": epochs,
        "learning_rate": rate,
        "gamma": gamma,
        "weight_decay": decay,
    }
    bounds = {
        "epochs": (0.75 * epochs, 1.25 * epochs),
        "learning_rate": (max(1e-6, rate / 10), min(10.0, 10 * rate)),
        "gamma": (max(0.01, gamma / 5), min(3.0, 3 * gamma)),
        "weight_decay": (decay / 5, min(1.0, 3 * decay)),
        "threshold": (0, 9),
    }
    values = drawn(mutate(seed=seed, original=original))
    for name, found in values.items():
        low, high = bounds[name]
        assert all(low * (1 - 1e-5) <= value <= high * (1 + 1e-5) for value in found)
        assert len({*found, original.get(name, 2)}) == 6
        assert all(type(value) is type(NET.defaults()[name]) for value in found)


def test_draws_go_to_both_sides_and_reach_the_ends():
    values = drawn(mutate(options={"count": 400, "name": "learning_rate"}))
    exponents = sorted(values["learning_rate"])
    assert exponents[0] < 0.11
    assert exponents[-1] > 9
    assert 150 < sum(value < 1 for value in exponents) < 250
    gammas = drawn(mutate(options={"count": 400, "name": "gamma"}))["gamma"]
    assert 150 < sum(value < 0.7 for value in gammas) < 250
    assert min(gammas) < 0.15
    assert max(gammas) > 2.0
    # d / (1 + 4U): half of the lower side lies below d / 3, not below the middle of the range.
    lower = [value for value in gammas if value < 0.7]
    assert 0.4 < sum(value < 0.7 / 3 for value in lower) / len(lower) < 0.6


def test_a_hyperparameter_more_changes_no_draw():
    smaller = model("published", PUBLISHED[1:4])
    of_all, of_some = drawn(mutate(seed=3)), drawn(mutate(smaller, seed=3))
    assert of_some == {name: of_all[name] for name in of_some}


def test_an_original_of_zero_is_passed_over_and_named_it_is_refused():
    zero = {"weight_decay": 0.0}
    assert "weight_decay" not in drawn(mutate(original=zero))
    (refusal,) = mutate(original=zero, options={"name": "weight_decay"})
    assert (refusal.key, "to multiply" in refusal.message) == ("options.name", True)


@pytest.mark.parametrize(
    ("request_", "key", "text"),
    [
        ({"options": {"name": "batch_size"}}, "options.name", "no published rule: 'batch_size'"),
        ({"options": {"count": 0}}, "options.count", "[1, 1000], not 0"),
        ({"options": {"cuont": 2}}, "options.cuont", "takes count, name"),
        ({"values": (3,)}, "values", "draw by themselves"),
        ({"options": {"count": 10, "name": "threshold"}}, "options.count", "only 9 of 10"),
    ],
)
def test_what_cannot_be_had_is_refused(request_, key, text):
    (refusal,) = mutate(**request_)
    assert isinstance(refusal, Refusal)
    assert refusal.key == key
    assert text in refusal.message


SUITE = """
name = "s"
seed = 7
blocks = 2
[[study]]
model = "published"
"""


def test_a_suite_asks_for_it_in_a_word_and_errors_say_where():
    registry = plugins(NET)
    short = build_plan(parse_suite(SUITE + 'operators = "paper"\n', registry), registry)
    table = SUITE + '[[study.mutate]]\noperator = "paper"\n'
    long = build_plan(parse_suite(table, registry), registry)
    assert [t.key for t in short.trials()] == [t.key for t in long.trials()]
    with pytest.raises(
        SuiteError, match=r'suite:7: study\[0\].operators: found "papre"; allowed: '
    ):
        parse_suite(SUITE + 'operators = "papre"\n', registry)
    few = SUITE + 'operators = ["paper"]\nhyperparameters = {epochs = 3}\n'
    with pytest.raises(
        SuiteError, match=r"suite:7: study\[0\].operators: epochs of 3: .*only 0 of 5"
    ):
        parse_suite(few, registry)


def test_the_record_repeats_the_suite_to_the_digit():
    """A suite that gives the recorded values has the same trials in the same order."""
    registry = plugins(NET)
    plan = build_plan(parse_suite(SUITE + 'operators = "paper"\n', registry), registry)
    record = json.loads(json.dumps(plan_json(plan)))["studies"][0]["mutations"]
    values = {}
    for mutation in record:
        (change,) = mutation["changes"]
        values.setdefault(change["hyperparameter"], []).append(change["after"])
    text = SUITE + "".join(
        f'[[study.mutate]]\noperator = "hyperparameter"\noptions = {{name = "{name}"}}\n'
        f"values = {json.dumps(found)}\n"
        for name, found in values.items()
    )
    again = build_plan(parse_suite(text, registry), registry)
    assert [t.key for t in plan.trials()] == [t.key for t in again.trials()]
