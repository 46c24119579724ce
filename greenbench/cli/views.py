"""What a person, a log file or a machine sees while a suite runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import click

from greenbench.notice import Notice
from greenbench.runner import Outcome


class View(Protocol):
    """One way to show a run. Used as a context manager around it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, notice: Notice) -> None:
        """Takes what happened."""

    def finished(self, outcome: Outcome, folder: Path) -> None:
        """Says what the run came to."""

    def already_finished(self, folder: Path) -> None:
        """Says that there was nothing to do."""


class JsonView:
    """One JSON object a line: `event`, `time_s` (monotonic), and the event's own keys."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _print(self, event: str, data: dict[str, Any]) -> None:
        line = {"event": event, "time_s": time.monotonic(), **data}
        click.echo(json.dumps(line, ensure_ascii=False, default=str))

    def show(self, notice: Notice) -> None:
        """Takes what happened."""
        text = {"text": notice.text} if notice.text else {}
        self._print(notice.kind, {**text, **notice.data})

    def finished(self, outcome: Outcome, folder: Path) -> None:
        """Says what the run came to."""
        self._print("end", {"results": str(folder), "stopped": outcome.stopped})

    def already_finished(self, folder: Path) -> None:
        """Says that there was nothing to do."""
        self._print("already_finished", {"results": str(folder)})


class PlainView:
    """Plain lines, one for each thing worth a line."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, notice: Notice) -> None:
        """Takes what happened."""
        line = self.line(notice)
        if line:
            click.echo(line)

    def line(self, notice: Notice) -> str:
        """The line for a notice, or nothing; what a model said can't steer a terminal."""
        return "\n".join(printable(part) for part in self._line(notice).split("\n"))

    def _line(self, notice: Notice) -> str:
        data = notice.data
        if notice.kind == "suite_begin":
            self._total, self._done = data["total"], data["total"] - data["left"]
            return f"{data['left']} of {data['total']} trials to run → {data['results']}"
        if notice.kind == "trial_end":
            if data["status"] != "interrupted":
                self._done += 1
            return f"[{self._done}/{self._total}] {trial_line(data)}"
        if notice.kind == "problem":
            return f"problem: {notice.text}"
        return notice.text

    def finished(self, outcome: Outcome, folder: Path) -> None:
        """Says what the run came to."""
        click.echo(ending(outcome, folder))

    def already_finished(self, folder: Path) -> None:
        """Says that there was nothing to do."""
        click.echo(nothing_to_do(folder))


class QuietView(PlainView):
    """Problems, failures and the end."""

    def show(self, notice: Notice) -> None:
        """Takes what happened."""
        line = self.line(notice)
        failed = notice.kind == "trial_end" and notice.data["status"] == "failed"
        if failed or notice.kind == "problem":
            click.echo(line)


def printable(text: str) -> str:
    """Text without control characters and marks that reorder what is shown."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def trial_line(data: Any) -> str:
    """One ended trial: `digits-mlp/solo learning_rate: 0.1 → 0.05: completed, 3.2 s, gpu/0 41.0 J`.

    Estimated energy is not shown: what is known then is CPU time."""
    parts = [data["status"]]
    if data["train_s"] is not None:
        parts.append(f"{data['train_s']:.1f} s")
    if not data["estimated"]:
        parts += [f"{name} {energy_j:.1f} J" for name, energy_j in data["energy_j"].items()]
    elif data["cpu_time_s"] is not None:
        parts.append(f"CPU time {data['cpu_time_s']:.1f} s")
    parts += [f"{name} {value:.4g}" for name, value in data["metrics"].items()]
    if data["error"]:
        parts.append(data["error"].splitlines()[0])
    return f"{data['study']} {data['mutation'] or data['arm']}: {', '.join(parts)}"


def ending(outcome: Outcome, folder: Path) -> str:
    """The last lines of a run."""
    counts = ", ".join(f"{number} {status}" for status, number in sorted(outcome.counts.items()))
    more = "stopped; the same command goes on from here" if outcome.stopped else "done"
    return f"{more}: {counts}\nresults: {folder}\nreport:  greenbench report {folder}"


def nothing_to_do(folder: Path) -> str:
    """The answer to running a finished suite again."""
    return (
        f"nothing to do: {folder} is complete\n"
        f"report: greenbench report {folder}\nanother result set: --new"
    )
