"""PyTorch and Keras twins side by side on offline data: parameters, and what both reach over seeds.

    python benchmarks/models/twins.py [--seeds 5] [--only mnist-cnn …] [--again] [--out FILE]

Each training is a process of its own on one thread. Sizes are reduced so that a training takes about
a minute at most on one core; both twins get the same. Rows are written as they end; those that the file
has with the same sizes and seeds are kept (`--again`: none is).

What is said of a pair goes by Welch's 95 % interval of the difference of means: *equivalent*, if it
lies within the metric's own margin on both sides; *no difference shown*, if it holds zero;
*different* otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import stats

SIZES = {
    "digits-cnn": {"epochs": 5},
    "mnist-cnn": {"data": "digits-28x28", "epochs": 8, "width": 8},
    "mnist-forward-forward": {
        "data": "digits-28x28",
        "epochs": 600,
        "data_share": 0.3,
        "width": 100,
    },
    "mnist-siamese": {"data": "digits-28x28", "epochs": 14, "width": 8},
    "cifar10-resnet20": {
        "data": "synthetic-cifar10",
        "epochs": 8,
        "width": 8,
        "data_share": 0.2,
        "batch_size": 32,
        "learning_rate": 0.1,
    },
    "market1501-hrnet18": {
        "data": "synthetic-market1501",
        "epochs": 3,
        "width": 4,
        "blocks": 1,
        "image_height": 32,
        "image_width": 32,
        "batch_size": 16,
        "learning_rate": 0.02,
        "backbone_rate": 1.0,
        "dropout": 0.0,
    },
    "stdlib-transformer-lm": {
        "epochs": 2,
        "width": 64,
        "layers": 2,
        "context": 64,
        "data_share": 0.05,
    },
    "stdlib-classifier-finetuning": {
        "epochs": 4,
        "width": 64,
        "layers": 1,
        "context": 64,
        "pretrain_share": 0.03,
        "pretrain_learning_rate": 0.003,
        "learning_rate": 0.003,
    },
}


def train(name: str, seed: int, changes: dict[str, object]) -> dict:
    order = json.dumps({"model": name, "seed": seed, "changes": changes})
    done = subprocess.run(
        [sys.executable, __file__, "--one", order], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def one(order: dict) -> dict:
    """One training, without an engine around it."""
    import contextlib
    import tempfile
    from importlib import import_module

    from greenbench.api import Conditions
    from greenbench.plugins import load_plugins
    from greenbench.proof import differences

    class Nothing:
        def report(self, **_metrics: float) -> None: ...

    class Silent:
        @contextlib.contextmanager
        def epoch(self, _number: int = 0):
            yield Nothing()

        validation = test = epoch

    model = load_plugins().models[order["model"]].value
    module, _, name = model.trainer.partition(":")
    asked = {**model.defaults(), **order["changes"]}
    with tempfile.TemporaryDirectory() as scratch:
        conditions = Conditions(seed=order["seed"], threads=1, scratch=Path(scratch))
        trainer = getattr(import_module(module), name)(asked, conditions)
        trainer.prepare()
        start_s = time.process_time()
        trainer.train(Silent())
        train_s = time.process_time() - start_s
        metric = model.metrics[0]
        return {
            "parameters": trainer.environment()["parameters"],
            "differences": differences(asked, trainer.effective()),
            "metric": metric.name,
            "margin": metric.margin,
            "value": trainer.test(Silent())[metric.name],
            "train_s": train_s,
        }


def shown_sizes(name: str) -> str:
    return ", ".join(f"{key} {value}" for key, value in SIZES[name].items())


def row(name: str, seeds: int) -> str:
    found = {
        suffix: [train(f"{name}{suffix}", seed, SIZES[name]) for seed in range(seeds)]
        for suffix in ("", "-keras")
    }
    torch, keras = found.values()
    for run in (*torch, *keras):
        assert not run["differences"], (name, run["differences"])
    margin = torch[0]["margin"]
    ours, theirs = (np.array([run["value"] for run in runs]) for runs in (keras, torch))
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    word = "different"
    if interval.low <= 0 <= interval.high:
        word = "no difference shown"
    if margin is not None and -margin < interval.low and interval.high < margin:
        word = "equivalent"
    counts = " ≠ ".join(f"{n:,}" for n in sorted({run["parameters"] for run in (*torch, *keras)}))
    cells = [
        f"`{name}`",
        shown_sizes(name),
        counts,
        torch[0]["metric"],
        *(f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" for values in (theirs, ours)),
        f"{ours.mean() - theirs.mean():+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]",
        f"{margin}",
        word,
        f"{np.mean([r['train_s'] for r in torch]):.0f}, {np.mean([r['train_s'] for r in keras]):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def header(seeds: int) -> str:
    return f"""# PyTorch and Keras twins on offline data

`python benchmarks/models/twins.py --seeds {seeds}`: mean ± standard deviation over seeds on one thread.
Sizes are reduced for a CPU, the same for both. The difference is Keras's mean less PyTorch's with
Welch's 95 % interval: *equivalent*, if it lies within the metric's margin on both sides; *no
difference shown*, if it holds zero; *different* otherwise. One pair in twenty is called different by
chance.

| twins | sizes | parameters of both | metric | PyTorch | Keras | difference | margin | | CPU s of training |
|---|---|---|---|---|---|---|---|---|---|
"""


def rows_of(file: Path | None, seeds: int) -> dict[str, str]:
    """The rows that a file has already, by model, if its sizes and seeds are these."""
    if file is None or not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8")
    if f"--seeds {seeds}`" not in text:
        return {}
    starts = {name: f"| `{name}` | {shown_sizes(name)} |" for name in SIZES}
    return {
        name: line
        for line in text.splitlines()
        for name, start in starts.items()
        if line.startswith(start)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(SIZES))
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", type=json.loads)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return
    if options.seeds < 2:
        parser.error("noise needs at least two seeds")
    rows = rows_of(options.out, options.seeds)
    for name in options.only:
        if options.again or name not in rows:
            rows[name] = row(name, options.seeds)
            print(rows[name], flush=True)
        if options.out:
            lines = "".join(f"{rows[known]}\n" for known in SIZES if known in rows)
            options.out.write_text(header(options.seeds) + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
