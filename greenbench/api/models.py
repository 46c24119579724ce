"""Models: hyperparameters, metrics, and the trainer that runs in the container."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal, Protocol

from greenbench.api.values import Effective, Value

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameter:
    """One hyperparameter of a model: its default and the values it may take.

    The type of `default` is the type of every value (an `int` is accepted for a `float`).
    `low` and `high` are inclusive; `choices` names the values of a categorical one.
    `log_scale` says that factors, not differences, are its natural steps (a learning rate).
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    log_scale: bool = False
    unit: str = ""
    description: str = ""

    def problem(self, value: object) -> str | None:
        """Why `value` is not allowed, in a phrase that says what is; None if it is allowed."""
        expected = type(self.default)
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if expected is float and not numeric:
            return f"must be a number, not {value!r}"
        if expected is not float and type(value) is not expected:
            return f"must be of type {expected.__name__}, not {value!r}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, not {value!r}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.low, self.high
            if not _is_float(value):
                return f"must be finite and no larger than a float can be, not {value!r}"
            if (low is not None and value < low) or (high is not None and value > high):
                return f"must be in {self.allowed()}, not {value!r}"
        return None

    def allowed(self) -> str:
        """The allowed values in words: `[1, 100]`, `sgd | adam`, `any int`."""
        if self.choices:
            return " | ".join(self.choices)
        if self.low is None and self.high is None:
            return f"any {type(self.default).__name__}"
        low = "-∞" if self.low is None else repr(self.low)
        high = "∞" if self.high is None else repr(self.high)
        return f"[{low}, {high}]"


def _is_float(value: float) -> bool:
    """Whether a number, also a whole one of any length, is a finite float's."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One performance metric of a model, measured on held-out data at the end of a training.

    `margin` is the loss in the metric's own unit that is still no damage (for non-inferiority);
    None means that no verdict on performance is given. `chance` is what guessing gives: a training
    that ends no more than `margin` beyond it, or than guessing varies over the test items, has
    diverged (None: not judged, unless the test reports it). `items`: of how many
    test items it is a share (0 to 1, or a percentage with the unit "%"), so that the sampling error
    of the test set is part of verdicts (None: it is no share, or not known). `of_test_set`: it is
    a share of the test items of the data set that the hyperparameter `data` names, whose number
    stands with the data set (`DataSet.test_items`).
    """

    name: str
    direction: Direction
    unit: str = ""
    margin: float | None = None
    chance: float | None = None
    items: int | None = None
    of_test_set: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A trainable subject, described without importing its framework.

    `trainer` is a reference `"package.module:Class"` to a `Trainer`; it is imported only where
    the training runs. `framework` names the image under `dockerfiles/` ("torch", "tensorflow",
    "plain"). The first metric is the primary one. `data` says in words what it trains on;
    `synthetic` labels generated data wherever results are shown.

    A plugin may bring another image in place of the framework's, with Python 3.11 or later and pip
    on its PATH: `image` is a reference (`"registry/name:tag"`, better with `@sha256:…`),
    `dockerfile` one of its own files (`"package:docker/Dockerfile"`) that is built in its folder.
    """

    name: str
    framework: str
    trainer: str
    hyperparameters: tuple[Hyperparameter, ...]
    metrics: tuple[Metric, ...]
    description: str = ""
    data: str = ""
    synthetic: bool = False
    image: str = ""
    dockerfile: str = ""

    def defaults(self) -> dict[str, Value]:
        """The original's configuration."""
        return {h.name: h.default for h in self.hyperparameters}

    def hyperparameter(self, name: str) -> Hyperparameter | None:
        """The hyperparameter of that name, or None."""
        return next((h for h in self.hyperparameters if h.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a trainer must obey besides its hyperparameters.

    `device` is "cpu" or "gpu". `threads` bounds the compute threads of the framework.
    `scratch` is the only writable folder; `data` holds prepared data sets, read-only.
    """

    seed: int
    threads: int
    device: Literal["cpu", "gpu"] = "cpu"
    scratch: Path
    data: Path | None = None


class EpochReport(Protocol):
    """Given by `Progress.epoch`: takes the metrics of that epoch."""

    def report(self, **metrics: float) -> None:
        """Sent with the epoch's end; may be called more than once, later names win.

        `loss` is the epoch's training loss; the first epoch may add `first_loss`, that of the
        first batch before the first step. A loss that ends above its start is a divergence."""


class Progress(Protocol):
    """How a trainer marks its windows. Every edge is preceded by `Trainer.synchronize()`."""

    def epoch(self, number: int) -> AbstractContextManager[EpochReport]:
        """The training part of epoch `number`, counted from 1."""

    def validation(self, number: int) -> AbstractContextManager[EpochReport]:
        """An evaluation during training, after epoch `number`."""

    def test(self) -> AbstractContextManager[EpochReport]:
        """The final evaluation on held-out data; outside of the `train` window.

        Beside metrics it may report `items`, of how many test items its shares are, and
        `chance_NAME`, what guessing gives of the metric NAME where that follows from those items: a
        training that ends no better than guessing has diverged."""


class Trainer(Protocol):
    """One training run, inside the container. Built as `Trainer(hyperparameters, conditions)`.

    Order of calls: construction and `prepare()` before the start barrier; after `go`:
    `train()` (the `train` window), then `test()`; `effective()` at the end.
    """

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        """Imports the framework, loads the data, builds the model, seeds every random source."""

    def prepare(self) -> None:
        """Does what happens once (context, compilation, autotuning), then restores weights,
        optimizer and random state, so that training starts as if it had not been called."""

    def synchronize(self) -> None:
        """Returns when the accelerator has finished all that was submitted."""

    def train(self, progress: Progress) -> None:
        """Trains, marking epochs and validations on `progress`."""

    def test(self, progress: Progress) -> Mapping[str, float]:
        """The final metrics by name, each one that the model declares."""

    def effective(self) -> Mapping[str, Effective]:
        """The configuration truly used, read from the framework's own objects (optimizer
        groups, epochs and batches run), one entry per hyperparameter. A share of whole things is
        told as a `Share`, what nothing acted on as `Unused`: a mutation that changed neither count
        nor held value of anything that acted fails. Entries of other names are recorded as well
        (an optimizer's groups, the rates of the first and the last step); `planned_steps`, what
        epochs, data and batch size come to, is compared with `steps`, those that were taken."""

    def environment(self) -> Mapping[str, Value]:
        """Framework versions, device, dtype, threads, deterministic flags, read from the
        framework's own objects. `device` ("cpu" or "gpu") and `threads` are compared with the
        conditions, before `go` and again at the end: a trial that differs fails."""
