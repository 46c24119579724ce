"""PyTorch and Keras twins side by side on offline data: parameters, and what both reach over seeds.

    python benchmarks/models/twins.py [--seeds 5] [--only mnist-cnn …] [--out benchmarks/models/twins.md]

Each training is a process of its own on one thread. Sizes are reduced so that a CPU learns in a
minute or two; both twins get the same. "Within noise": Welch's 95 % interval of the difference of
means holds zero, or the difference is below the metric's own margin.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
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
        "data_share": 0.3,
        "batch_size": 32,
        "learning_rate": 0.1,
    },
    "market1501-hrnet18": {
        "data": "synthetic-market1501",
        "epochs": 12,
        "width": 4,
        "blocks": 1,
        "image_height": 64,
        "image_width": 32,
        "batch_size": 16,
        "backbone_rate": 1.0,
        "learning_rate": 0.02,
    },
    "stdlib-transformer-lm": {
        "epochs": 2,
        "width": 64,
        "layers": 2,
        "context": 64,
        "data_share": 0.05,
    },
    "stdlib-classifier-finetuning": {
        "epochs": 6,
        "width": 64,
        "layers": 2,
        "context": 128,
        "pretrain_share": 0.03,
    },
}


def train(name: str, framework: str, seed: int, changes: dict[str, object]) -> dict:
    order = json.dumps({"model": name, "framework": framework, "seed": seed, "changes": changes})
    done = subprocess.run(
        [sys.executable, __file__, "--one", order], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def one(order: dict) -> dict:
    """One training, without an engine around it."""
    import contextlib
    import tempfile
    from importlib import import_module

    from greenbench.api import Conditions
    from greenbench.plugins import load_plugins

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
        trainer.train(Silent())
        metric = model.metrics[0]
        return {
            "parameters": trainer.environment()["parameters"],
            "as_asked": all(
                abs(used - asked[key]) <= 1e-6 * abs(asked[key])
                if isinstance(used, float)
                else used == asked[key]
                for key, used in trainer.effective().items()
            ),
            "metric": metric.name,
            "margin": metric.margin,
            "value": trainer.test(Silent())[metric.name],
        }


def row(name: str, seeds: int) -> str:
    found = {
        framework: [train(f"{name}{suffix}", framework, seed, SIZES[name]) for seed in range(seeds)]
        for framework, suffix in (("torch", ""), ("keras", "-keras"))
    }
    first = found["torch"][0]
    for runs in found.values():
        assert all(run["as_asked"] for run in runs), name
    parameters = {run["parameters"] for runs in found.values() for run in runs}
    values = {key: np.array([run["value"] for run in runs]) for key, runs in found.items()}
    apart = abs(values["torch"].mean() - values["keras"].mean())
    verdict = "yes" if apart <= (first["margin"] or 0) else "not known"
    if seeds > 1:
        interval = stats.ttest_ind(*values.values(), equal_var=False).confidence_interval(0.95)
        verdict = "yes" if verdict == "yes" or interval.low <= 0 <= interval.high else "no"
    cells = [f"{v.mean():.3f} ± {v.std(ddof=1) if seeds > 1 else 0:.3f}" for v in values.values()]
    size = ", ".join(f"{key} {value}" for key, value in SIZES[name].items())
    counts = " ≠ ".join(f"{count:,}" for count in sorted(parameters))
    return f"| `{name}` | {size} | {counts} | {first['metric']} | {' | '.join(cells)} | {verdict} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(SIZES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", type=json.loads)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return
    command = f"`python benchmarks/models/twins.py --seeds {options.seeds}`"
    lines = [
        "# PyTorch and Keras twins on offline data",
        "",
        f"{command}: mean ± standard deviation over seeds on one thread.",
        "Sizes are reduced for a CPU, the same for both.",
        "",
        "| twins | sizes | parameters of both | metric | PyTorch | Keras | within noise |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in options.only:
        lines.append(row(name, options.seeds))
        print(lines[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
