"""Trains in a process of its own, as TensorFlow's threads and devices are set once a process.

Reads {"scratch", "threads", "runs": {name: {"seed", "prepare", "changes", "spoil"}}} from standard
input and writes what each run did as the last line of standard output.
"""

import contextlib
import hashlib
import json
import os
import random
import sys
from pathlib import Path

WRITES = []


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str | bytes):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            WRITES.append(str(Path(os.fsdecode(arguments[0])).absolute()))
    elif event in ("os.mkdir", "os.rename", "os.link", "os.symlink"):
        WRITES.append(str(Path(os.fsdecode(arguments[0])).absolute()))


class Recorder:
    def __init__(self):
        self.windows = []

    @contextlib.contextmanager
    def _window(self, kind, number):
        window = Window()
        yield window
        self.windows.append([kind, number, window.metrics])

    def epoch(self, number):
        return self._window("epoch", number)

    def validation(self, number):
        return self._window("validation", number)

    def test(self):
        return self._window("test", 0)


class Window:
    def __init__(self):
        self.metrics = {}

    def report(self, **metrics):
        self.metrics.update(metrics)


def spoil(classification, how):
    """Changes the framework's objects behind the trainer's back."""
    if how == "objects":
        classification.optimizer.learning_rate = 0.25
        classification.optimizer.weight_decay = 0.5
        next(x for x in classification.network.layers if hasattr(x, "rate")).rate = 0.75
    elif how == "nan":
        # The last layer's: a ReLU of oneDNN makes 0 of what is not a number.
        bias = classification.network.trainable_variables[-1]
        bias.assign(bias * float("nan"))


def watch_data(classification):
    """A digest of every image and label in the order in which training sees them."""
    fed, learn = hashlib.sha256(), classification._learn

    def watched(order):
        fed.update(classification.training.images.numpy()[order].tobytes())
        fed.update(classification.training.labels.numpy()[order].tobytes())
        return learn(order)

    classification._learn = watched
    return fed


def generators():
    import numpy as np
    import tensorflow as tf

    return [
        random.getstate()[1][:8],
        np.random.get_state()[1][:8].tolist(),  # noqa: NPY002 (the global state is what is asked)
        tf.random.uniform([4]).numpy().tolist(),
    ]


def run(task, conditions):
    from greenbench_tensorflow.catalog import BY_NAME
    from greenbench_tensorflow.trainers import DigitsCnn

    from greenbench.proof import differences

    requested = {**BY_NAME["digits-cnn-keras"].defaults(), **task.get("changes", {})}
    trainer = DigitsCnn(requested, conditions)
    if task.get("prepare", True):
        trainer.prepare()
    classification = trainer.training
    after_prepare = generators()
    spoil(classification, task.get("spoil"))
    progress = Recorder()
    fed = watch_data(classification)
    trainer.train(progress)
    trainer.synchronize()
    metrics = trainer.test(progress)
    bits = hashlib.sha256()
    for variable in [*classification.network.variables, *classification.optimizer.variables]:
        bits.update(variable.numpy().tobytes())
    return {
        "differences": differences(requested, trainer.effective()),
        "effective": trainer.effective(),
        "environment": trainer.environment(),
        "metrics": metrics,
        "windows": progress.windows,
        "generators": after_prepare,
        "bits": bits.hexdigest(),
        "fed": fed.hexdigest(),
        "traces": classification.learn_batch.experimental_get_tracing_count(),
    }


def rates(name):
    from greenbench_data.models.settings import Settings
    from greenbench_tensorflow.optimization import optimizer_for

    settings = Settings(
        epochs=1,
        learning_rate=0.5,
        batch_size=1,
        dropout=0.0,
        weight_decay=0.0,
        optimizer="sgd",
        schedule=name,
    )
    optimizer = optimizer_for(settings, 10)
    seen = []
    for step in range(10):
        optimizer.iterations.assign(step)
        seen.append(float(optimizer.learning_rate))
    return seen


def gpu_error(scratch):
    import tensorflow as tf
    from greenbench_tensorflow import device

    from greenbench.api import Conditions
    from greenbench.errors import ExecutorError

    tf.config.list_physical_devices = lambda _kind: []
    try:
        device.settle(Conditions(seed=1, threads=1, device="gpu", scratch=scratch))
    except ExecutorError as error:
        return [error.message, error.remedy]
    return None


def main():
    sys.addaudithook(watch)
    from greenbench.api import Conditions

    work = json.load(sys.stdin)
    scratch = Path(work["scratch"])
    done = {
        name: run(task, Conditions(seed=task.get("seed", 1), threads=1, scratch=scratch))
        for name, task in work["runs"].items()
    }

    allowed = (str(scratch), "/dev/null", "/proc/self")
    extra = {
        "rates": {name: rates(name) for name in ("constant", "cosine", "step")},
        "writes": [path for path in WRITES if not path.startswith(allowed)],
        "gpu_error": gpu_error(scratch),
    }
    print(json.dumps({"runs": done, **extra}))


if __name__ == "__main__":
    main()
