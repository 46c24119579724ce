"""The built-in operators: within bounds, never the original, never twice, refusals that help."""

import math
from random import Random

import pytest
from fake_plugins import model
from hypothesis import given, settings
from hypothesis import strategies as st

from greenbench.api import (
    Draw,
    Hyperparameter,
    Mutation,
    MutationRequest,
    Refusal,
)
from greenbench.mutation.operators import NamedHyperparameter
from greenbench.mutation.plugin import greenbench_operators

OPERATORS = {operator.name: operator for operator in greenbench_operators()}
NET = model()


def mutate(operator, *, seed=1, original=None, **request):
    outcomes = OPERATORS[operator].mutate(
        NET, {**NET.defaults(), **(original or {})}, MutationRequest(**request), Random(seed)
    )
    return list(outcomes)


def after(outcomes):
    assert all(isinstance(o, Mutation) for o in outcomes), outcomes
    return [outcome.changes[0].after for outcome in outcomes]


def refusal(outcomes):
    (found,) = [o for o in outcomes if isinstance(o, Refusal)]
    return found.key, found.message


def test_all_operators_of_the_first_release_are_there():
    assert set(OPERATORS) == {
        "epochs",
        "learning_rate",
        "batch_size",
        "dropout",
        "weight_decay",
        "optimizer",
        "schedule",
        "seed",
        "hyperparameter",
        "paper",
        "null",
    }


def test_values_and_factors_of_the_studys_original():
    outcomes = mutate("epochs", original={"epochs": 4}, values=(7,), factors=(0.5, 2.0))
    assert [str(o) for o in outcomes] == ["epochs: 4 → 7", "epochs: 4 → 2", "epochs: 4 → 8"]


def test_products_stay_readable_and_whole_numbers_round_half_up():
    assert after(mutate("learning_rate", factors=(3.0, 1e-5))) == [0.3, 1e-06]
    assert after(mutate("epochs", original={"epochs": 5}, factors=(0.5, 1.5))) == [3, 8]


def test_categorical_hyperparameters_take_values_or_give_all_others():
    assert after(mutate("optimizer", values=("sgd",))) == ["sgd"]
    assert after(mutate("optimizer")) == ["sgd", "adamw"]
    assert after(mutate("hyperparameter", options={"name": "nesterov"})) == [True]


def test_the_general_operator_mutates_what_it_is_told():
    (mutation,) = mutate("hyperparameter", options={"name": "dropout"}, values=(0.5,))
    assert str(mutation) == "dropout: 0.25 → 0.5"


def test_seeds_replace_the_blocks_own():
    (mutation,) = mutate("seed", values=(7,))
    assert (str(mutation), mutation.changes[0].before) == ("seed: block → 7", "block")
    assert mutation.apply({"epochs": 3}) == {"epochs": 3}
    draw = Draw(distribution="uniform", low=0, high=100, count=3)
    assert len(set(after(mutate("seed", draw=draw)))) == 3


def test_nulls_change_nothing_and_are_counted():
    assert [str(o) for o in mutate("null", options={"count": 2})] == ["null 1", "null 2"]
    assert all(o.changes == () for o in mutate("null"))


@pytest.mark.parametrize(
    ("operator", "request_", "key", "part"),
    [
        ("epochs", {}, "", "say values = […], factors = […] or draw = {…}"),
        ("epochs", {"values": (10,)}, "values[0]", "10 is the original itself"),
        ("epochs", {"values": (3, 3)}, "values[1]", "3 gives 3 a second time"),
        ("epochs", {"values": (0,)}, "values[0]", "must be in [1, 100], not 0"),
        ("epochs", {"values": (2.5,)}, "values[0]", "must be of type int"),
        ("epochs", {"factors": (1.04,)}, "factors[0]", "10 × 1.04 rounds to 10"),
        ("epochs", {"factors": (0.001,)}, "factors[0]", "must be in [1, 100], not 0"),
        ("epochs", {"values": (5,), "factors": (0.5,)}, "factors[0]", "10 × 0.5 gives 5 a second"),
        ("epochs", {"options": {"x": 1}, "values": (3,)}, "options.x", "epochs takes none"),
        ("learning_rate", {"factors": (1e9,)}, "factors[0]", "must be in [1e-06, 10.0]"),
        ("weight_decay", {"factors": (2.0,)}, "factors[0]", "so is every multiple; give values"),
        ("optimizer", {"values": ("adm",)}, "values[0]", "must be one of sgd, adam, adamw"),
        ("optimizer", {"factors": (2.0,)}, "factors", "give values"),
        ("hyperparameter", {"values": (1,)}, "options.name", "name the hyperparameter"),
        (
            "hyperparameter",
            {"options": {"name": "droput"}},
            "options.name",
            'did you mean "dropout"?',
        ),
        ("hyperparameter", {"options": {"name": "note"}}, "", "say values = […]"),
        ("seed", {"factors": (2.0,)}, "factors", "no default to multiply"),
        ("seed", {"values": (-1,)}, "values[0]", "must be in [0, 2147483647]"),
        ("null", {"values": (1,)}, "values", "only takes options = {count = …}"),
        ("null", {"options": {"count": 0}}, "options.count", "in [1, 100], not 0"),
    ],
)
def test_refusals_name_the_key_and_what_is_allowed(operator, request_, key, part):
    found_key, message = refusal(mutate(operator, **request_))
    assert found_key == key
    assert part in message


def test_a_model_without_the_hyperparameter_is_told_apart():
    operator = NamedHyperparameter("gamma", "")
    key, message = refusal(operator.mutate(NET, NET.defaults(), MutationRequest(), Random(1)))
    assert key == "operator"
    assert 'net has no hyperparameter "gamma"; it has: epochs, learning_rate' in message


def draw(low, high, count, distribution="uniform", relative=False):
    return Draw(distribution=distribution, low=low, high=high, count=count, relative=relative)


@pytest.mark.parametrize(
    ("operator", "asked", "key", "part"),
    [
        ("epochs", draw(200, 300, 1), "draw", "outside of epochs's [1, 100]"),
        ("epochs", draw(9, 11, 3), "draw.count", "only 2 that differ"),
        ("epochs", draw(3, 3, 1), "draw.high", "must be more than low = 3"),
        ("weight_decay", draw(0.5, 2, 1, relative=True), "draw.relative", "give absolute low"),
        ("weight_decay", draw(-1, 2, 1, "log-uniform"), "draw.low", "a range above 0"),
        ("optimizer", draw(0, 1, 1), "draw", "is no number"),
        ("seed", draw(0.5, 2, 1, relative=True), "draw.relative", "no default to multiply"),
    ],
)
def test_draws_that_cannot_be_met_are_refused(operator, asked, key, part):
    found_key, message = refusal(mutate(operator, draw=asked))
    assert found_key == key
    assert part in message


def test_draws_use_up_a_small_range_exactly():
    drawn = after(mutate("epochs", values=(9,), draw=draw(8, 12, 3)))
    assert sorted(drawn) == [8, 9, 11, 12]


def test_draws_come_from_the_random_source_alone():
    asked = draw(0.1, 10, 5, "log-uniform", relative=True)
    first = mutate("learning_rate", draw=asked)
    assert first == mutate("learning_rate", draw=asked)
    assert first != mutate("learning_rate", draw=asked, seed=2)


def test_log_uniform_draws_spread_over_decades():
    drawn = after(mutate("learning_rate", draw=draw(1e-4, 1.0, 400, "log-uniform")))
    below = sum(value < 1e-2 for value in drawn) / len(drawn)
    assert 0.4 < below < 0.6
    uniform = after(mutate("learning_rate", draw=draw(1e-4, 1.0, 400)))
    assert sum(value < 1e-2 for value in uniform) < 20


@settings(max_examples=200, deadline=None)
@given(
    whole=st.booleans(),
    default=st.integers(1, 50),
    low=st.floats(0.01, 5),
    width=st.floats(0.01, 20),
    count=st.integers(1, 6),
    distribution=st.sampled_from(["uniform", "log-uniform"]),
    relative=st.booleans(),
    seed=st.integers(0, 9),
)
def test_whatever_is_drawn_keeps_every_rule(
    whole, default, low, width, count, distribution, relative, seed
):
    value = default if whole else default / 10
    hyperparameter = Hyperparameter(name="x", default=value, low=0 if whole else 0.05, high=40)
    if hyperparameter.problem(value):
        return
    net = model(hyperparameters=(hyperparameter,))
    request = MutationRequest(draw=draw(low, low + width, count, distribution, relative))
    outcomes = NamedHyperparameter("x", "").mutate(net, {"x": value}, request, Random(seed))
    if isinstance(outcomes[0], Refusal):
        assert len(outcomes) == 1
        return
    drawn = after(outcomes)
    assert len(drawn) == len(set(drawn)) == count
    assert value not in drawn
    scale = value if relative else 1
    for x in drawn:
        assert hyperparameter.problem(x) is None
        assert type(x) is type(value)
        assert low * scale <= x * (1 + 1e-9)
        assert x <= (low + width) * scale * (1 + 1e-9)
        assert math.isfinite(x)
