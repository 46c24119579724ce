"""Values of hyperparameters: as they are asked for, and what they came to in a training."""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str
"""A hyperparameter's value. Values travel as data (JSON), never through text formatting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of whole things (samples, batches, steps), counted where they were used.

    `count` of `total`. Only whole ones can be used, so a request comes to its product with
    `total`, rounded as Python's `round` does, and to `least` at the least: requests that come to
    the same count are one and the same training.
    """

    count: int
    total: int
    least: int = 0

    def count_for(self, request: float) -> int:
        """How many of `total` a request comes to."""
        return max(self.least, round(self.total * request))


@dataclass(frozen=True, slots=True)
class Unused:
    """A value that was held and never acted on: a factor of the learning rate in a training that
    ended before its first turn, a rate of a phase of no epochs."""

    held: Value | Share


Effective = Value | Share | tuple[Share, ...] | Unused
"""What `Trainer.effective` says of a hyperparameter: the value as the framework holds it; or the
share that was used, one for each phase that uses it; or that nothing used it."""
