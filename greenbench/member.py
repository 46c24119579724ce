"""One trial of a cohort on the host's side: its socket, its worker, and what came of it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from greenbench.api import Exit, Launch, Running, Status
from greenbench.arrivals import Arrivals
from greenbench.conversation import Conversation
from greenbench.proof import configuration_problem, device_of, device_problem
from greenbench.protocol import FROM_OUTSIDE
from greenbench.store import CONTAMINATED

SOCKET: Final = "worker.sock"

LAST_WORDS_S: Final = 10.0
"""How long a worker may take to end after `bye`, its log included."""


@dataclass(slots=True)
class Member:
    """One trial of the cohort, from its socket to its end."""

    launch: Launch
    listener: socket.socket
    running: Running | None = None
    connection: socket.socket | None = None
    arrivals: Arrivals = field(default_factory=lambda: Arrivals(time.monotonic()))
    """Of what comes through its socket."""
    conversation: Conversation = field(default_factory=Conversation)
    status: Status = "running"
    error_kind: str | None = None
    error: str | None = None
    exit: Exit | None = None
    cpu_time_s: float | None = None
    memory_peak_bytes: int | None = None
    bye_s: float | None = None
    hurried: bool = False
    """It did not end after its last word and was made to."""
    closed: bool = False
    _cpu_before_s: float | None = None

    def fail(self, kind: str, text: str, status: Status = "failed") -> None:
        """The first thing that goes wrong is the trial's outcome."""
        if self.status in ("running", "completed") and self.error is None:
            self.status, self.error_kind, self.error = status, kind, text

    @property
    def over(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.closed or self.status != "running"

    def note_event(self, kind: str) -> None:
        """Reads the CPU clock at the edges of training, and the peak before the worker goes."""
        if self.running is None:
            return
        if kind == "train_begin":
            self._cpu_before_s = self.running.cpu_time_s()
        elif kind == "train_end" and self._cpu_before_s is not None:
            after_s = self.running.cpu_time_s()
            if after_s is not None:
                self.cpu_time_s = after_s - self._cpu_before_s
        elif kind in ("result", "error"):
            self.memory_peak_bytes = self.running.memory_peak_bytes()

    def note_contamination(self, text: str | None) -> None:
        """It completed, but its energy is somebody else's as well."""
        if text is not None and self.status == "completed":
            self.error_kind, self.error = CONTAMINATED, text

    def judge_device(self) -> None:
        """Whether a trainer that is ready stands where it should: now rather than after hours."""
        if problem := device_problem(self.launch, self.conversation.environment):
            self.fail(*problem)

    def judge(self) -> None:
        """What a closed conversation amounts to."""
        said = self.conversation
        if said.state == "done":
            self.status = "completed"
            problem = _wrong(self)
            if problem:
                self.fail(*problem)
            elif self.hurried:
                self.error_kind = "lingered"
                self.error = f"did not end within {LAST_WORDS_S:g} s of its result, and was ended"
        elif said.state == "failed":
            self.fail(said.error_kind or "exception", said.error or "failed without a text")
            if said.error_kind == "exception" and self.running is not None:
                self.exit = _final_exit(self.running)
                if self.exit.out_of_memory:
                    self.error_kind = "out_of_memory"
        elif self.running is not None:
            self.judge_exit(_final_exit(self.running))

    def judge_exit(self, found: Exit) -> None:
        """The outcome of a trial whose worker ended without result or error."""
        self.exit = found
        said = self.conversation
        if found.out_of_memory or (said.exit_signal == 9 and said.state == "ended"):
            self.fail(
                "out_of_memory",
                f"was ended by the kernel for using more than {self.launch.limits.memory_mb} MiB"
                if found.out_of_memory
                else "its training process was killed (SIGKILL): most likely out of memory",
            )
        elif said.exit_signal is not None:
            self.fail("crash", f"its training process was ended by signal {said.exit_signal}")
        elif said.state != "ended" and _from_outside(found.code):
            self.fail("killed", f"was killed from outside (exit {found.code})", "interrupted")
        elif said.state != "ended" and found.code is None:
            self.fail("lost", found.detail or "nobody can tell how it ended", "interrupted")
        else:
            code = said.exit_code if said.exit_code is not None else found.code
            detail = f": {found.detail}" if found.detail else ""
            self.fail("crash", f"ended with exit code {code} and no result{detail}")


def listen(directory: Path) -> socket.socket:
    """A socket that the container's user may connect to; its folder is the host's alone."""
    path = directory / SOCKET
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(1)
    return listener


def order(launch: Launch) -> dict[str, Any]:
    """What the worker needs to know of its trial."""
    return {
        "trainer": launch.model.value.trainer,
        "hyperparameters": dict(launch.trial.hyperparameters),
        "seed": launch.trial.seed,
        "threads": launch.trial.threads,
        "device": device_of(launch),
    }


def _from_outside(code: int | None) -> bool:
    """Whether a worker that did not say how its training ended was ended by something else: a
    signal from outside of its container, or its engine's own end. A supervisor never exits so."""
    return code is not None and (code >= FROM_OUTSIDE or code in (-9, -15))


def _final_exit(running: Running) -> Exit:
    """How it ended; the engine may need a moment to know."""
    for _ in range(50):
        found = running.exit()
        if found is not None:
            return found
        time.sleep(0.1)
    return Exit(code=1, detail="the worker closed its connection but did not end")


def _wrong(member: Member) -> tuple[str, str] | None:
    """What a completed training did that it was not asked for, or did not do."""
    said, launch = member.conversation, member.launch
    return (
        device_problem(launch, said.environment)
        or configuration_problem(launch.trial, said.effective)
        or _missing_metrics(member)
    )


def _missing_metrics(member: Member) -> tuple[str, str] | None:
    declared = {metric.name for metric in member.launch.model.value.metrics}
    missing = sorted(declared - set(member.conversation.metrics))
    if not missing:
        return None
    return "metrics", f"declared but did not report: {', '.join(missing)}"
