"""A registry with two models, the built-in operators, and named stand-ins for the rest."""

from types import SimpleNamespace

import pluggy

from greenbench.api import Hyperparameter, Metric, Model, Provided
from greenbench.mutation.plugin import greenbench_operators
from greenbench.plugins import Plugins, Registry

HYPERPARAMETERS = (
    Hyperparameter(name="epochs", default=10, low=1, high=100),
    Hyperparameter(name="learning_rate", default=0.1, low=1e-6, high=10.0, log_scale=True),
    Hyperparameter(name="batch_size", default=32, low=1, high=1100),
    Hyperparameter(name="dropout", default=0.25, low=0.0, high=0.95),
    Hyperparameter(name="weight_decay", default=0.0, low=0.0, high=1.0),
    Hyperparameter(name="optimizer", default="adam", choices=("sgd", "adam", "adamw")),
    Hyperparameter(name="schedule", default="constant", choices=("constant", "cosine")),
    Hyperparameter(name="nesterov", default=False),
    Hyperparameter(name="note", default="as is"),
)


def model(name="net", hyperparameters=HYPERPARAMETERS):
    return Model(
        name=name,
        framework="plain",
        trainer="nowhere:Trainer",
        hyperparameters=hyperparameters,
        metrics=(Metric(name="accuracy", direction="maximize"),),
    )


def plugins(*models, operators=(), problems=()):
    found = Plugins(
        manager=pluggy.PluginManager("greenbench"),
        models=Registry("model"),
        operators=Registry("operator"),
        energy=Registry("energy"),
        executors=Registry("executor"),
        problems=list(problems),
    )
    offer(found.models, models or (model(), model("other")))
    offer(found.operators, [*greenbench_operators(), *operators])
    offer(found.energy, [SimpleNamespace(name=name) for name in ("nvml", "rapl")])
    offer(found.executors, [SimpleNamespace(name=name) for name in ("docker", "process")])
    return found


def offer(registry, values):
    for value in values:
        registry.offered[value.name] = Provided(value.name, value, "third-party", "1.2")
