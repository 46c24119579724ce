"""Registers the built-in operators through the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Iterable

from greenbench.api import MutationOperator
from greenbench.hookspecs import hookimpl
from greenbench.mutation.operators import AnyHyperparameter, NamedHyperparameter, Null, Seed
from greenbench.mutation.paper import Paper


@hookimpl
def greenbench_operators() -> Iterable[MutationOperator]:
    """One operator for each hyperparameter that most models have, and the general ones."""
    yield NamedHyperparameter("epochs", "how often training goes through the data")
    yield NamedHyperparameter("learning_rate", "the optimizer's step size")
    yield NamedHyperparameter("batch_size", "how many examples one step sees")
    yield NamedHyperparameter("dropout", "the share of units left out in training")
    yield NamedHyperparameter("weight_decay", "how strongly weights are pulled to zero")
    yield NamedHyperparameter("optimizer", "the rule that turns gradients into steps")
    yield NamedHyperparameter("schedule", "how the learning rate changes over the epochs")
    yield AnyHyperparameter()
    yield Paper()
    yield Seed()
    yield Null()
