"""Trains in this process: short runs, everything a trainer marks kept for the test to read."""

import contextlib
import importlib
import os
import tempfile
from dataclasses import replace
from functools import cache, partial

import pytest

from greenbench.api import Conditions


class Recorder:
    """A Progress that keeps windows and their metrics in the order in which they were left."""

    def __init__(self):
        self.windows = []

    @contextlib.contextmanager
    def _window(self, kind, number):
        window = Window()
        yield window
        self.windows.append((kind, number, window.metrics))

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


class Run:
    """One training from construction to the test."""

    def __init__(
        self, model, scratch, *, seed=1, threads=1, prepared=None, prepare=True, **changes
    ):
        self.requested = {**model.defaults(), **changes}
        module, name = model.trainer.split(":")
        kind = getattr(importlib.import_module(module), name)
        conditions = Conditions(seed=seed, threads=threads, scratch=scratch, data=prepared)
        self.trainer = kind(self.requested, conditions)
        self.progress = Recorder()
        if prepare:
            self.trainer.prepare()

    def finish(self):
        self.trainer.train(self.progress)
        self.trainer.synchronize()
        self.metrics = self.trainer.test(self.progress)
        return self

    def bits(self):
        """All weights and the optimizer's whole state as bytes."""
        inner = getattr(self.trainer, "training", None) or self.trainer.classification
        state = inner.optimizer.state_dict()["state"]
        tensors = [*inner.network.state_dict().values()]
        tensors += [v for entry in state.values() for v in entry.values() if v is not None]
        return [t.numpy().tobytes() for t in tensors]


@pytest.fixture
def start(tmp_path):
    """`start(model, seed=…, epochs=…)` builds a Run; the process is put back afterwards."""
    before, folder = dict(os.environ), tempfile.tempdir
    yield lambda model, **arguments: Run(model, tmp_path, **arguments)
    os.environ.clear()
    os.environ.update(before)
    tempfile.tempdir = folder


@cache
def loaded(kind, name, share):
    """Loaded once for all tests; what judges is cut down, as most tests ask what a trainer says,
    not how good it became."""
    if kind == "TEXT":
        data = LOADERS[kind][name](None)
        return replace(data, validation=data.validation[:8192], test=data.test[:16_384])
    data = LOADERS[kind][name](None, share)
    if kind == "REIDENTIFICATION":
        fewer = {part: every_eighth(getattr(data, part)) for part in ("query", "gallery")}
        return replace(data, **fewer)
    if name == "synthetic-cifar10":
        fewer = data.test.first(0.3)
        return replace(data, validation=fewer, test=fewer)
    return data


def every_eighth(photos):
    return type(photos)(photos.images[::8], photos.identities[::8], photos.cameras[::8])


LOADERS = {}


@pytest.fixture
def quick_data(monkeypatch):
    """Data that are there offline, loaded once for all tests, with less to judge by."""
    from greenbench_data import load

    for kind in ("CLASSIFICATION", "REIDENTIFICATION", "TEXT"):
        table = LOADERS.setdefault(kind, dict(getattr(load, kind)))
        quick = {
            name: partial(lambda k, n, _, share=1.0: loaded(k, n, share), kind, name)
            for name in table
            if name not in {"mnist", "cifar10", "market1501"}
        }
        monkeypatch.setattr(load, kind, {**table, **quick})
