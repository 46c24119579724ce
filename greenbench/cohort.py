"""Runs one cohort: starts its workers, opens the barrier once for all, listens until they end."""

from __future__ import annotations

import contextlib
import selectors
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from greenbench import protocol
from greenbench.api import Executor, Launch, Running, Status
from greenbench.conversation import Event, ProtocolError
from greenbench.errors import ExecutorError, GreenbenchError
from greenbench.member import LAST_WORDS_S, Member, listen, order

WAIT_S: Final = 0.2
"""The longest sleep between two looks at time limits and at the user's wish to stop."""


class Observer(Protocol):
    """What the runner hears while a cohort runs. Calls come from one thread."""

    def started(self, slot: int, running: Running) -> None:
        """The executor has started a worker."""

    def released(self, go_s: float) -> None:
        """The barrier has opened."""

    def heard(self, slot: int, events: Sequence[Event]) -> None:
        """A worker has spoken."""

    def pulse(self) -> bool:
        """Called at least every `WAIT_S`; False asks the cohort to stop."""


@dataclass(slots=True)
class CohortRun:
    """One attempt at a cohort. `run()` returns when every worker is gone."""

    executor: Executor
    launches: Sequence[Launch]
    observer: Observer
    ready_idle_s: float = 0.0
    members: list[Member] = field(default_factory=list)
    go_s: float | None = None
    interrupted: bool = False
    left_behind: bool = False
    """A worker could not be removed: its executor was away."""
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self) -> Status:
        """Runs it; afterwards `members` say what came of each trial."""
        try:
            if self._start():
                self._wait(self._all_ready, self.launches[0].limits.ready_timeout_s, "get ready")
            if all(member.conversation.state == "ready" for member in self.members):
                self._hold()
            if not self._stopping() and not self.interrupted:
                self._release()
                self._wait(self._all_closed, self.launches[0].limits.timeout_s, "train")
        finally:
            self._end()
        return self._settle()

    # --- before go ---

    def _start(self) -> bool:
        self.members = [Member(launch, listen(launch.directory)) for launch in self.launches]
        for slot, member in enumerate(self.members):
            self._selector.register(member.listener, selectors.EVENT_READ, self._accepter(member))
            try:
                member.running = self.executor.start(member.launch)
            except GreenbenchError as error:
                member.fail("start", str(error), "interrupted")
                return False
            self.observer.started(slot, member.running)
        return True

    def _all_ready(self) -> bool:
        return all(member.conversation.state == "ready" for member in self.members)

    def _hold(self) -> None:
        """Everything is loaded and nothing runs: the `ready_idle` window."""
        end_s = time.monotonic() + self.ready_idle_s
        while (left_s := end_s - time.monotonic()) > 0 and not self._stopping():
            self._listen_for(min(left_s, WAIT_S))

    def _release(self) -> None:
        go = protocol.encode("go", {})
        self.go_s = time.monotonic()
        for member in self.members:
            member.conversation.release()
            self._say(member, go)
        self.observer.released(self.go_s)

    # --- listening ---

    def _wait(self, done: Callable[[], bool], limit_s: float, what: str) -> None:
        """Listens until `done`, or until a member has failed, time is up, or the user stops."""
        end_s = time.monotonic() + limit_s
        while not done() and not self._stopping():
            if time.monotonic() > end_s:
                for member in self.members:
                    if not member.over:
                        member.fail("timeout", f"did not {what} within {limit_s:g} s")
                return
            self._listen_for(WAIT_S)
            self._look_for_the_dead()

    def _stopping(self) -> bool:
        if not self.observer.pulse():
            self.interrupted = True
        return self.interrupted or any(
            member.status not in ("running", "completed") for member in self.members
        )

    def _listen_for(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()

    def _accepter(self, member: Member) -> Callable[[], None]:
        def accept() -> None:
            connection, _ = member.listener.accept()
            self._selector.unregister(member.listener)
            member.listener.close()
            member.connection = connection
            self._selector.register(
                connection, selectors.EVENT_READ, lambda: self._read(member, connection)
            )
            self._say(member, protocol.encode("trial", order(member.launch)))

        return accept

    def _read(self, member: Member, connection: socket.socket) -> None:
        try:
            data = connection.recv(4 * protocol.MAX_LINE_BYTES)
        except OSError:
            data = b""
        received_s = time.monotonic()
        if not data:
            self._close(member)
            return
        try:
            events = member.conversation.feed(data, received_s)
        except ProtocolError as error:
            member.fail("protocol", str(error))
            self._close(member)
            return
        for event in events:
            member.note_event(event.kind)
            if event.kind == "ready":
                member.judge_device()
            if event.kind in ("result", "error"):
                member.bye_s = received_s
                self._say(member, protocol.encode("bye", {}))
        self.observer.heard(self.members.index(member), events)

    def _say(self, member: Member, line: bytes) -> None:
        if member.connection is not None:
            with contextlib.suppress(OSError):
                member.connection.sendall(line)

    def _close(self, member: Member) -> None:
        if member.connection is not None and not member.closed:
            self._selector.unregister(member.connection)
            member.connection.close()
        member.closed = True

    def _look_for_the_dead(self) -> None:
        """A worker that ended without a word, or does not end after its last one."""
        now_s = time.monotonic()
        for member in self.members:
            if member.connection is None and member.running is not None:
                member.exit = member.running.exit()
                if member.exit is not None:
                    member.closed = True
                    member.judge_exit(member.exit)
            elif not member.closed and member.bye_s and now_s - member.bye_s > LAST_WORDS_S:
                self._hurry(member, now_s)
            if member.closed and member.status == "running":
                member.judge()

    def _hurry(self, member: Member, now_s: float) -> None:
        """Asks its supervisor to end it, by half of a closed connection: the log still comes."""
        if member.hurried or member.connection is None:
            self._close(member)
            return
        member.hurried, member.bye_s = True, now_s
        with contextlib.suppress(OSError):
            member.connection.shutdown(socket.SHUT_WR)

    def _all_closed(self) -> bool:
        return all(member.over for member in self.members)

    # --- the end ---

    def _end(self) -> None:
        for member in self.members:
            if member.running is not None:
                with contextlib.suppress(ExecutorError):
                    member.running.kill()
        for member in self.members:
            if member.closed and member.status == "running":
                member.judge()
            if member.connection is not None:
                member.connection.close()
            member.listener.close()
            if member.running is not None:
                try:
                    member.running.remove()
                except ExecutorError:
                    self.left_behind = True
        self._selector.close()

    def _settle(self) -> Status:
        """One replicate, one outcome: what hit one member leaves the others without a use."""
        culprit = next((m for m in self.members if m.status not in ("running", "completed")), None)
        if culprit is None and not self.interrupted:
            return "completed"
        if culprit is None or culprit.status == "interrupted":
            for member in self.members:
                if member.error is None:
                    member.status = "interrupted"
                    member.error_kind = "interrupted"
                    member.error = (
                        "stopped by the user" if culprit is None else "its cohort was interrupted"
                    )
            return "interrupted"
        for member in self.members:
            if member.status in ("running", "completed"):
                member.status, member.error_kind = "excluded", "cohort"
                member.error = f"a trial of its cohort failed: {culprit.error}"
        return "failed"


@contextlib.contextmanager
def run_folder(result_set: str) -> Iterator[Path]:
    """A short path (Unix sockets allow 107 bytes), the user's alone, that goes with the run.

    Its name comes from the result set, so that the next run removes what a killed one left; the
    result set's lock keeps others away.
    """
    folder = Path(tempfile.gettempdir()) / f"greenbench-{result_set[:12]}"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
