"""A model inside greenbench against the same plain training loop run bare, in turn, paired.

    python benchmarks/models/throughput.py [--rounds 3] [--seconds 5] [--threads 1]

Inside: a suite run with the process executor (worker, socket, meter and all); the speed is that of
its epoch windows. Bare: a script with the same network, optimizer and arrays and the loop that a
tutorial would have: no greenbench, no deterministic algorithms, nothing counted, in the same
process conditions (threads, one training a process). A round is bare, inside, inside, bare, so that
drift hits both alike, and gives two ratios of neighbours. The aim is a median ratio of at least
0.98; its interval is the distribution-free one of order statistics (six ratios: from the least to
the greatest, 97 %). The last column is the share of a bare loop's time that goes into getting a
batch ready (gather, crop, normalise): data loading.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from scipy import stats

SUITE = """
name = "throughput"
blocks = 1
executor = "process"
[measure]
idle_s = 0.2
idle_between_s = 0.0
ready_idle_s = 0.2
[cooldown]
enabled = false
[limits]
threads = {threads}
[[study]]
model = "{model}"
hyperparameters = {{ epochs = {epochs}, {settings} }}
originals = 1
nulls = 0
[[study.mutate]]
operator = "seed"
values = [11]
"""

MODELS = {
    "mnist-cnn": ('data = "digits-28x28"', 1297, 1),
    "cifar10-resnet20": ('data = "synthetic-cifar10", data_share = 0.2, width = 8', 1000, 1),
    "stdlib-transformer-lm": ("data_share = 0.02, width = 64, layers = 2, context = 64", 1194, 1),
}
"""Settings of the suite, items an epoch."""

BARE = r"""
import json, os, sys, time
name, epochs, threads, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
import numpy as np, torch
from torch import nn
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.manual_seed(seed)
from greenbench_data import load
loading = 0.0

def images(data):
    x = torch.from_numpy(data.train.inputs).permute(0, 3, 1, 2).contiguous()
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (data.mean, data.std))
    return x, torch.from_numpy(data.train.labels), mean, std

if name == "mnist-cnn":
    from greenbench_torch.networks.mnist_cnn import MnistCnn
    x, y, mean, std = images(load.classification("digits-28x28"))
    net = MnistCnn(28, 1, 10, width=32, dropout=0.25, hidden=0.5)
    opt = torch.optim.Adadelta(net.parameters(), lr=1.0)
    batch_size = 64
    def batch(i): return (x[i].float() / 255 - mean) / std, y[i]
    def loss_of(inputs, labels): return nn.functional.cross_entropy(net(inputs), labels)
elif name == "cifar10-resnet20":
    from greenbench_torch.networks.resnet20 import ResNet20
    x, y, mean, std = images(load.classification("synthetic-cifar10", share=0.2))
    net = ResNet20(3, 10, width=8)
    opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
    batch_size = 128
    def batch(i):
        framed = nn.functional.pad(x[i].float(), (4, 4, 4, 4))
        rows, columns = torch.randint(0, 9, (2, len(i), 1)) + torch.arange(32)
        columns = torch.where(torch.rand(len(i), 1) < 0.5, columns.flip(1), columns)
        item, channel = torch.arange(len(i))[:, None, None, None], torch.arange(3)[:, None, None]
        shown = framed[item, channel, rows[:, None, :, None], columns[:, None, None, :]]
        return (shown / 255 - mean) / std, y[i]
    def loss_of(inputs, labels): return nn.functional.cross_entropy(net(inputs), labels)
else:
    from greenbench_torch.networks.transformer import Shape, Transformer
    stream = torch.from_numpy(load.text("stdlib-text").train.copy())
    shape = Shape(vocabulary=256, context=64, width=64, heads=4, layers=2)
    net = Transformer(shape, dropout=0.1)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.1, betas=(0.9, 0.95))
    batch_size = 32
    x = torch.arange(round((len(stream) - 1) // 64 * 0.02))
    places = torch.arange(65)
    def batch(i):
        found = stream[i[:, None] * 64 + places].long()
        return found[:, :-1], found[:, 1:]
    def loss_of(inputs, following):
        scores = net.next_scores(inputs)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten())
        return loss

def epoch():
    global loading
    net.train()
    total = 0.0
    for i in torch.randperm(len(x)).split(batch_size):
        before = time.perf_counter()
        inputs, labels = batch(i)
        loading += time.perf_counter() - before
        opt.zero_grad()
        loss = loss_of(inputs, labels)
        loss.backward()
        if name == "stdlib-transformer-lm":
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        total += loss.item()
    return total

epoch()  # warm, as greenbench's prepare() is
loading = 0.0
start = time.perf_counter()
for _ in range(epochs):
    epoch()
seconds = time.perf_counter() - start
print(json.dumps({"s_an_epoch": seconds / epochs, "loading": loading / seconds}))
"""


def bare(model, epochs, threads, seed):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", BARE, model, str(epochs), str(threads), str(seed)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    said = json.loads(done.stdout)
    return said["s_an_epoch"], said["loading"]


def inside(model, epochs, threads, folder):
    """Seconds an epoch of each of the two counted trials, in the order in which they ran."""
    path = Path(folder) / "suite.toml"
    settings = MODELS[model][0]
    path.write_text(SUITE.format(model=model, epochs=epochs, settings=settings, threads=threads))
    out = Path(folder) / "out"
    command = ["-c", "from greenbench.cli import main; main()", "suite", "run", str(path)]
    subprocess.run(
        [sys.executable, *command, "--results", str(out), "--quiet", "--new"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return mean_epochs(out)


def mean_epochs(folder):
    """Seconds an epoch, for every trial that counts."""
    connection = sqlite3.connect(folder / "results.sqlite")
    rows = connection.execute(
        "SELECT avg(windows.end_s - windows.start_s) FROM windows"
        " JOIN attempts ON windows.attempt = attempts.id"
        " JOIN trials ON attempts.trial = trials.key"
        " WHERE windows.kind = 'epoch' AND trials.counted"
        " GROUP BY attempts.id ORDER BY min(windows.start_s)"
    ).fetchall()
    connection.close()
    return [seconds for (seconds,) in rows]


def interval(ratios):
    """That of the median at 95 % or more (from the least to the greatest if that is all there is)."""
    found = sorted(ratios)
    k = 0
    while k + 1 < len(found) / 2 and 2 * stats.binom.cdf(k, len(found), 0.5) <= 0.05:
        k += 1
    k = max(0, k - 1)
    return found[k], found[-1 - k], 1 - 2 * float(stats.binom.cdf(k, len(found), 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", choices=sorted(MODELS))
    arguments = parser.parse_args()
    threads = arguments.threads
    print("| model | round | bare, items/s | inside, items/s | inside / bare | data loading |")
    print("|---|---|---|---|---|---|")
    for model in [arguments.model] if arguments.model else MODELS:
        items = MODELS[model][1]
        epochs = max(2, round(arguments.seconds / bare(model, 1, threads, 0)[0]))
        ratios = []
        for number in range(1, arguments.rounds + 1):
            with tempfile.TemporaryDirectory() as folder:
                first = bare(model, epochs, threads, 2 * number)
                ours_s = inside(model, epochs, threads, folder)
                second = bare(model, epochs, threads, 2 * number + 1)
            for (bare_s, loading), inside_s in zip((first, second), ours_s, strict=True):
                ratios.append(bare_s / inside_s)
                print(
                    f"| `{model}` | {number} | {items / bare_s:.0f} | {items / inside_s:.0f} "
                    f"| {ratios[-1]:.3f} | {loading:.1%} |",
                    flush=True,
                )
        low, high, level = interval(ratios)
        print(
            f"| `{model}` | median [{level:.0%}] | | "
            f"| **{statistics.median(ratios):.3f}** [{low:.3f}, {high:.3f}] | |",
            flush=True,
        )


if __name__ == "__main__":
    main()
