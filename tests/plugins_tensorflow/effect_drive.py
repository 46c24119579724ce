"""Trains tiny models in a process of its own, as TensorFlow's settings are set once.

Reads {"scratch", "prepared", "runs": [{"model", "asked", "changed", "before", "spoil"}]} from
standard input. Writes a line for each run: what was in effect, and what of it otherwise than asked
for, what the host finds of the change, and a digest of all weights and optimizers' variables. Functions run as they are written,
untraced: a trace would take longer than the steps.
"""

import hashlib
import json
import sys
from pathlib import Path

from keras_drive import Recorder
from tiny_models import mutant, quick_loaders

from greenbench.proof import configuration_problem, differences


def run(task, conditions):
    import keras
    from greenbench_tensorflow import catalog, trainers

    keras.backend.clear_session()
    asked = task["asked"]
    model = next(m for m in catalog.MODELS if m.name == task["model"])
    trainer = getattr(trainers, model.trainer.partition(":")[2])(dict(asked), conditions)
    if task["spoil"]:
        SPOILS[task["spoil"]](trainer.training)
    trainer.train(Recorder())
    order = [] if task["changed"] else seen_in(trainer.training)
    effective = told(trainer)
    found = None
    if task["changed"]:
        found = configuration_problem(mutant(asked, task["changed"], task["before"]), effective)
    return {
        "differences": differences(asked, effective),
        "problem": found and found[1],
        "bits": digest(trainer),
        "effective": {k: v for k, v in effective.items() if isinstance(v, int | float | str)},
        "order": order,
        "items": trainer.training.portions.items if order else 0,
        "parameters": trainer.environment()["parameters"],
    }


def seen_in(training):
    """The batches of the second epoch: items, or the two of each pair."""
    if not hasattr(training, "portions") or not hasattr(training, "asked"):
        return []
    columns = 2 if len(training.signature) == 3 else 1
    found = [[part.tolist() for part in batch[:columns]] for batch in training.batches(2)]
    return found if columns == 2 else [only for (only,) in found]


def fewer_batches(training):
    batches = training.batches
    training.batches = lambda epoch: list(batches(epoch))[:-1]


def no_momentum(training):
    training.optimizer.momentum = 0.0


def constant_rate(training):
    """The schedule is held, and the rate in use is its first."""
    schedule = training.optimizer._learning_rate
    first = type(schedule).__call__
    type(schedule).__call__ = lambda self, step: first(self, 0)


SPOILS = {
    "fewer batches": fewer_batches,
    "no momentum": no_momentum,
    "constant rate": constant_rate,
}


def told(trainer):
    """What it says was in effect, once what it was asked for is out of its reach."""
    training = trainer.training
    if hasattr(training, "asked"):
        training.asked.values.clear()
    else:
        training.settings = None
    return trainer.effective()


def digest(trainer):
    training = trainer.training
    things = [training.network, training.optimizer]
    if hasattr(training, "stateful"):
        things = training.stateful()
    bits = hashlib.sha256()
    for thing in things:
        for variable in thing.variables:
            bits.update(variable.numpy().tobytes())
    return bits.hexdigest()


def main():
    import tensorflow as tf
    from greenbench_data import load

    from greenbench.api import Conditions

    for kind, table in quick_loaders(load).items():
        setattr(load, kind, table)
    work = json.load(sys.stdin)
    tf.config.run_functions_eagerly(True)
    conditions = Conditions(
        seed=1, threads=1, scratch=Path(work["scratch"]), data=Path(work["prepared"])
    )
    for task in work["runs"]:
        print(json.dumps(run(task, conditions)), flush=True)


if __name__ == "__main__":
    main()
