"""What happens after a fault that is not the model's: wait for the executor, run the cohort again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from greenbench.api import Executor
from greenbench.errors import ExecutorError
from greenbench.plan import Cohort

LOOK_S: Final = 0.5
"""Between two looks whether an executor is back."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A cohort that is to run, and how often it may run again."""

    cohort: Cohort
    retries: int


@dataclass(slots=True)
class Turns:
    """The cohorts that are left, in order. What was interrupted is next again; what others spoiled
    comes once more when all else has run, and they may have gone."""

    _next: deque[Turn]
    _last: deque[Turn] = field(default_factory=deque)

    @classmethod
    def of(cls, cohorts: Iterable[Cohort], retries: int) -> Turns:
        """Each cohort once, and again up to `retries` times."""
        return cls(deque(Turn(cohort, retries) for cohort in cohorts))

    def take(self) -> Turn | None:
        """The next one; None when all have run."""
        if self._next:
            return self._next.popleft()
        return self._last.popleft() if self._last else None

    def again(self, turn: Turn) -> bool:
        """Puts an interrupted cohort in front; False if it has been tried often enough."""
        if turn.retries:
            self._next.appendleft(Turn(turn.cohort, turn.retries - 1))
        return turn.retries > 0

    def at_the_end(self, turn: Turn) -> bool:
        """Puts a spoiled cohort behind all others; False if it has been tried often enough."""
        if turn.retries:
            self._last.append(Turn(turn.cohort, turn.retries - 1))
        return turn.retries > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Brings an executor back to where trials can start. `prepare` makes what may be missing
    (images), and tells what it made, by model name; `holder` is the result set."""

    executor: Executor
    prepare: Callable[[], Mapping[str, str]]
    holder: str
    wait_s: float

    def recover(self, going_on: Callable[[], bool]) -> Mapping[str, str] | None:
        """Waits until the executor answers, removes what was left of the interrupted trials, and
        prepares again. None if the user stopped it. Raises ExecutorError after `wait_s`."""
        end_s = time.monotonic() + self.wait_s
        while going_on():
            try:
                return self._try()
            except ExecutorError as error:
                if time.monotonic() >= end_s:
                    raise ExecutorError(
                        f"gave up after waiting {self.wait_s:g} s: {error.message}",
                        error.remedy or "put it right; the same command goes on from here",
                    ) from error
            time.sleep(LOOK_S)
        return None

    def _try(self) -> Mapping[str, str]:
        found = self.executor.availability()
        if not found.usable:
            raise ExecutorError(found.detail, found.remedy)
        self.executor.remove_leftovers(self.holder)
        return self.prepare()
