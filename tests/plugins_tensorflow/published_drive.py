"""Trains the published models in a process of its own, as TensorFlow's settings are set once.

Reads {"scratch", "threads", "runs": {name: {"model", "seed", "prepare", "changes"}}} from standard input and
writes what each run did as the last line of standard output.
"""

import hashlib
import json
import sys
from pathlib import Path

from keras_drive import Recorder

from greenbench.proof import differences


def run(task, threads, scratch):
    from greenbench_tensorflow import catalog, trainers

    from greenbench.api import Conditions

    model = next(m for m in catalog.MODELS if m.name == task["model"])
    requested = {**model.defaults(), **task["changes"]}
    conditions = Conditions(seed=task["seed"], threads=threads, scratch=scratch)
    trainer = getattr(trainers, model.trainer.partition(":")[2])(requested, conditions)
    if task.get("prepare", True):
        trainer.prepare()
    progress = Recorder()
    trainer.train(progress)
    metrics = trainer.test(progress)
    bits = hashlib.sha256()
    for thing in trainer.training.stateful():
        for variable in thing.variables:
            bits.update(variable.numpy().tobytes())
    return {
        "differences": differences(requested, trainer.effective()),
        "environment": trainer.environment(),
        "metrics": metrics,
        "windows": progress.windows,
        "bits": bits.hexdigest(),
    }


def main():
    work = json.load(sys.stdin)
    scratch = Path(work["scratch"])
    threads = work["threads"]
    print(json.dumps({name: run(task, threads, scratch) for name, task in work["runs"].items()}))


if __name__ == "__main__":
    main()
