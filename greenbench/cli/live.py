"""The live view on a terminal: progress of the suite, each trial's epoch and metric, power."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from greenbench.cli.views import PlainView, ending, nothing_to_do
from greenbench.notice import Kind, Notice
from greenbench.runner import Outcome


class LiveView:
    """Lines scroll above; what runs now is redrawn below, twice a second at most."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._lines = PlainView()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=self._console,
        )
        self._task = self._progress.add_task("trials", total=None, eta="")
        self._running: dict[int, dict[str, Any]] = {}
        self._power_w: dict[str, float] = {}
        self._doing = ""
        self._ended = 0
        self._left = 0
        self._begun_s = time.monotonic()
        self._live = Live(
            self._picture(), console=self._console, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, notice: Notice) -> None:
        """Takes what happened."""
        self._follow(notice)
        line = self._lines.line(notice)
        if line and notice.kind != "idle":
            style = "red" if notice.kind == "problem" or " failed" in line else ""
            self._live.console.print(Text(line, style=style))
        self._live.update(self._picture())

    def finished(self, outcome: Outcome, folder: Path) -> None:
        """Says what the run came to."""
        self._console.print(Text(ending(outcome, folder)))

    def already_finished(self, folder: Path) -> None:
        """Says that there was nothing to do."""
        self._console.print(Text(nothing_to_do(folder)))

    def _follow(self, notice: Notice) -> None:
        data = notice.data
        match notice.kind:
            case "suite_begin":
                self._left = data["left"]
                self._begun_s = time.monotonic()
                self._progress.update(
                    self._task, total=data["total"], completed=data["total"] - data["left"]
                )
            case "idle" | "prepare" | "cooldown":
                self._doing = notice.text
            case "power":
                self._power_w = data["power_w"]
            case _:
                self._follow_cohort(notice.kind, data)

    def _follow_cohort(self, kind: Kind, data: Mapping[str, Any]) -> None:
        match kind:
            case "cohort_begin":
                self._doing = ""
                self._running = {
                    slot: {
                        "study": data["study"],
                        "arm": data["mutation"] or data["arm"],
                        "state": "starting",
                    }
                    for slot in range(len(data["trials"]))
                }
            case "trial_ready":
                self._running[data["slot"]]["state"] = "ready"
            case "go":
                for trial in self._running.values():
                    trial["state"] = "training"
            case "epoch":
                self._running[data["slot"]] |= {"epoch": data["number"], "metrics": data["metrics"]}
            case "trial_end":
                self._running.pop(data["slot"], None)
                if data["status"] != "interrupted":
                    self._ended += 1
                    self._progress.update(self._task, advance=1, eta=self._eta())

    def _eta(self) -> str:
        """Time left at the pace so far."""
        left = self._left - self._ended
        seconds = (time.monotonic() - self._begun_s) / self._ended * left
        return (
            f"about {seconds / 60:.0f} min left" if seconds >= 60 else f"about {seconds:.0f} s left"
        )

    def _picture(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for slot, trial in sorted(self._running.items()):
            metrics = "  ".join(f"{k} {float(v):.4g}" for k, v in trial.get("metrics", {}).items())
            epoch = f"epoch {trial['epoch']}" if "epoch" in trial else trial["state"]
            table.add_row(str(slot), Text(trial["study"]), Text(trial["arm"]), epoch, metrics)
        power = "  ".join(f"{name} {watts:.1f} W" for name, watts in self._power_w.items())
        return Group(self._progress, table, Text(self._doing or power, style="dim"))
