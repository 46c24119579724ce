"""Each model learns, in PyTorch and in Keras: offline, in at most two minutes, against a stated
baseline.

    python benchmarks/models/learning.py [MODEL ...] [--threads 2]

TensorFlow's threads are set once a process, so each training is one of its own.

Prints a table: what the baseline reaches on the same held-out data, what the model had to reach
(baseline and margin), what it reached, and in how many seconds of training. Baselines: the
commonest class; for the Siamese network half of the pairs; for text each byte by its frequency in
the training text; for re-identification the pixels themselves, shrunk to 16×8, in place of features.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from greenbench_data import load, ranking
from greenbench_tensorflow.catalog import MODELS as IN_KERAS
from greenbench_torch.catalog import MODELS as IN_TORCH

from greenbench.api import Conditions

PLAN = {
    "mnist-cnn": ({"data": "digits-28x28", "epochs": 10}, "accuracy", 0.8),
    "mnist-forward-forward": (
        {"data": "digits-28x28", "data_share": 1.0, "epochs": 400},
        "accuracy",
        0.6,
    ),
    "mnist-siamese": ({"data": "digits-28x28", "epochs": 12, "width": 16}, "accuracy", 0.35),
    "cifar10-resnet20": (
        {"data": "synthetic-cifar10", "data_share": 0.4, "epochs": 8, "width": 8},
        "accuracy",
        0.6,
    ),
    "market1501-hrnet18": (
        {
            "data": "synthetic-market1501",
            "epochs": 5,
            "width": 4,
            "blocks": 1,
            "image_height": 32,
            "image_width": 32,
            "batch_size": 16,
            "learning_rate": 0.02,
            "backbone_rate": 1.0,
            "dropout": 0.0,
        },
        "map",
        0.05,
    ),
    "stdlib-transformer-lm": (
        {"epochs": 1, "data_share": 0.25, "width": 96, "layers": 2, "context": 64},
        "bits_per_byte",
        1.0,
    ),
    "stdlib-classifier-finetuning": (
        {
            "pretrain_share": 0.06,
            "pretrain_learning_rate": 0.003,
            "epochs": 8,
            "context": 96,
            "width": 96,
            "layers": 1,
            "learning_rate": 0.003,
        },
        "accuracy",
        0.2,
    ),
}
"""Settings, the metric, and by how much the baseline has to be beaten."""


class Silent:
    @contextlib.contextmanager
    def epoch(self, _number):
        yield self

    validation = epoch

    @contextlib.contextmanager
    def test(self):
        yield self

    def report(self, **_metrics):
        pass


def baseline(name, settings):
    if name == "mnist-siamese":
        return 0.5
    if name == "stdlib-transformer-lm":
        data = load.text("stdlib-text")
        counts = np.bincount(data.train, minlength=256) + 1.0
        return float(-np.log2(counts / counts.sum())[data.test].mean())
    if name == "market1501-hrnet18":
        data = load.reidentification(settings["data"])
        query, gallery = (pixels(part.images) for part in (data.query, data.gallery))
        places = [(part.identities, part.cameras) for part in (data.query, data.gallery)]
        return ranking.judged(query, gallery, query_of=places[0], gallery_of=places[1])["map"]
    data = load.classification(settings.get("data", "stdlib-functions"))
    commonest = np.bincount(data.train.labels).argmax()
    return float(np.mean(data.test.labels == commonest))


def pixels(images):
    small = images.reshape(len(images), 16, 8, 8, 8, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    centred = small - small.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def reached(model, settings, threads):
    module, _, kind = model.trainer.partition(":")
    with tempfile.TemporaryDirectory() as scratch:
        conditions = Conditions(seed=1, threads=threads, scratch=Path(scratch))
        trainer = getattr(importlib.import_module(module), kind)(
            {**model.defaults(), **settings}, conditions
        )
        trainer.prepare()
        start_s, cpu_s = time.perf_counter(), time.process_time()
        trainer.train(Silent())
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - cpu_s
        return {"metrics": trainer.test(Silent()), "wall_s": wall_s, "cpu_s": cpu_s}


def in_its_own_process(name, threads):
    done = subprocess.run(
        [sys.executable, __file__, name, "--threads", str(threads), "--here"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(model, threads):
    """The model's line of the table, and whether it reached what it had to."""
    base = model.name.removesuffix("-keras")
    settings, metric, margin = PLAN[base]
    direction = next(m.direction for m in model.metrics if m.name == metric)
    sign = 1 if direction == "maximize" else -1
    start = baseline(base, settings)
    goal = start + sign * margin
    run = in_its_own_process(model.name, threads)
    found = run["metrics"][metric]
    shown = ", ".join(f"{name} {value}" for name, value in settings.items())
    cells = [f"{start:.3f}", f"{goal:.3f}", f"{found:.3f}"]
    cells += [f"{run['wall_s']:.0f}", f"{run['cpu_s']:.0f}"]
    line = f"| `{model.name}` | {shown} | {metric} | {' | '.join(cells)} |"
    return line, not math.isnan(found) and sign * (found - goal) >= 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="train the one model in this process")
    arguments = parser.parse_args()
    planned = [m for m in (*IN_TORCH, *IN_KERAS) if m.name.removesuffix("-keras") in PLAN]
    chosen = [m for m in planned if not arguments.models or m.name in arguments.models]
    if arguments.here:
        (model,) = chosen
        settings = PLAN[model.name.removesuffix("-keras")][0]
        print(json.dumps(reached(model, settings, arguments.threads)))
        return
    print("| model | settings | metric | baseline | to reach | reached | train s | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    failed = []
    for model in chosen:
        line, fine = row(model, arguments.threads)
        print(line, flush=True)
        failed += [] if fine else [model.name]
    if failed:
        raise SystemExit(f"below what was to be reached: {', '.join(failed)}")


if __name__ == "__main__":
    main()
