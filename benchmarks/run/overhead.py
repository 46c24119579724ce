"""What happens besides the training: a trial's wall time over bare `docker run` of the same work.

    python benchmarks/run/overhead.py [--seconds 60] [--pairs 3]

Needs a Docker Engine and the image of greenbench-torch (`greenbench images build`). Bare and
greenbench take turns in one run. Bare: `docker run` of the trial's own image, hardened the same
way, with a plain script that builds the trainer, trains and tests. greenbench: the time from one
cohort's start to the next one's, so everything between two trials counts; idle readings,
cool-down and the held barrier are set to zero.
"""

from __future__ import annotations

import argparse
import shlex
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUITE = """
name = "overhead"
blocks = 1
executor = "docker"
[measure]
idle_s = 0.0
idle_between_s = 0.0
ready_idle_s = 0.0
[cooldown]
enabled = false
[[study]]
model = "digits-mlp"
hyperparameters = {{ epochs = {epochs} }}
originals = 1
nulls = 1
"""

BARE = """
from contextlib import contextmanager
from pathlib import Path
from greenbench.api import Conditions
from greenbench_torch.plugin import greenbench_models
from importlib import import_module
import json, sys

class Report:
    def report(self, **metrics): pass

class Progress:
    @contextmanager
    def epoch(self, number): yield Report()
    validation = epoch
    @contextmanager
    def test(self): yield Report()

trial = json.loads(sys.argv[1])
module, _, name = trial["trainer"].partition(":")
conditions = Conditions(seed=trial["seed"], threads=1, scratch=Path("/scratch"))
trainer = getattr(import_module(module), name)(trial["hyperparameters"], conditions)
trainer.prepare()
trainer.train(Progress())
print(trainer.test(Progress()))
"""

HARDENING = shlex.split(
    "--rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges "
    "--user 65534:65534 --pids-limit 256 --memory 4096m --tmpfs /scratch --tmpfs /tmp "
    "-e OMP_NUM_THREADS=1 -e HOME=/scratch"
)


def greenbench(*arguments: str, cwd: Path) -> None:
    command = [sys.executable, "-c", "from greenbench.cli import main; main()", *arguments]
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def trial_walls_s(folder: Path) -> list[float]:
    """Seconds from each cohort's start to the next one's; the last to its own end."""
    connection = sqlite3.connect(folder / "results.sqlite")
    rows = connection.execute("SELECT start_s, end_s FROM cohort_runs ORDER BY start_s").fetchall()
    connection.close()
    ends = [start for start, _ in rows[1:]] + [rows[-1][1]]
    return [end - start for (start, _), end in zip(rows, ends, strict=True)]


def order(folder: Path) -> tuple[str, str]:
    """The image and the JSON of the trial that greenbench ran."""
    import json

    from greenbench.plugins import load_plugins
    from greenbench.store import Store

    store = Store.open(folder)
    trial = store.trials()[-1]
    image = store.sessions()[-1]["images"][trial.model].split()[0]
    store.close()
    model = load_plugins().models[trial.model].value
    data = {
        "trainer": model.trainer,
        "hyperparameters": dict(trial.hyperparameters),
        "seed": trial.seed,
    }
    return image, json.dumps(data)


def bare_s(image: str, trial: str) -> float:
    command = ["docker", "run", *HARDENING, image, "python", "-c", BARE, trial]
    start_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start_s


def run_s(folder: Path, epochs: int, number: int) -> list[float]:
    suite = folder / "overhead.toml"
    suite.write_text(SUITE.format(epochs=epochs))
    results = folder / f"out-{number}"
    greenbench("suite", "run", str(suite), "--results", str(results), "--quiet", cwd=folder)
    return trial_walls_s(results)[1:]  # the first cohort is the warm-up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        probe_s = {epochs: statistics.mean(run_s(folder, epochs, epochs)) for epochs in (10, 40)}
        epoch_s = (probe_s[40] - probe_s[10]) / 30
        epochs = max(1, round((arguments.seconds - probe_s[10]) / epoch_s) + 10)
        image, trial = order(folder / "out-40")
        trial = trial.replace('"epochs": 40', f'"epochs": {epochs}')
        ratios = []
        print(f"{epochs} epochs, image {image}\n")
        print("| pair | bare `docker run` | greenbench, a trial | ratio |")
        print("|---|---|---|---|")
        for pair in range(1, arguments.pairs + 1):
            before_s = bare_s(image, trial)
            ours_s = statistics.mean(run_s(folder, epochs, 1000 + pair))
            bare = statistics.mean((before_s, bare_s(image, trial)))
            ratios.append(ours_s / bare)
            print(f"| {pair} | {bare:.2f} s | {ours_s:.2f} s | {ours_s / bare:.3f} |", flush=True)
        print(f"\nmedian ratio {statistics.median(ratios):.3f} (aim: at most 1.05)")


if __name__ == "__main__":
    main()
