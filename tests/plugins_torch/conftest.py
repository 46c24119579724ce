"""Trains in this process: short runs, everything a trainer marks kept for the test to read."""

import contextlib
import importlib
import os
import tempfile
from functools import cache

import pytest
from tiny_models import quick_loaders

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
        inner = self.trainer.training
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
def quick():
    from greenbench_data import load

    return quick_loaders(load)


@pytest.fixture
def quick_data(monkeypatch):
    """Data that are there offline, loaded once for all tests, with less to judge by."""
    from greenbench_data import load

    for kind, table in quick().items():
        monkeypatch.setattr(load, kind, table)
