"""Runs one cohort: starts its workers, opens the barrier once for all, listens until they end."""

from __future__ import annotations

import contextlib
import selectors
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from greenbench import protocol
from greenbench.api import Executor, Launch, Running, Status
from greenbench.background import Backgrounds, trains
from greenbench.conversation import Event, ProtocolError
from greenbench.errors import ExecutorError, GreenbenchError
from greenbench.member import LAST_WORDS_S, Member, listen, order

START_S: Final = 0.01
"""The longest sleep while workers are being started."""

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
    """When the barrier opened for those that train once."""
    first_go_s: float | None = None
    """When it opened for anyone: the background goes first."""
    interrupted: bool = False
    left_behind: bool = False
    """A worker could not be removed: its executor was away."""
    backgrounds: Backgrounds = field(init=False)
    _background: tuple[int, ...] = field(init=False)
    _thread: ThreadPoolExecutor = field(init=False)
    _starts: dict[int, Future[Running]] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "greenbench-start")
        self.backgrounds = Backgrounds(self.executor, self._thread)
        roles = enumerate(launch.trial.role for launch in self.launches)
        self._background = tuple(slot for slot, role in roles if role == "background")

    def run(self) -> Status:
        """Runs it; afterwards `members` say what came of each trial."""
        limits = self.launches[0].limits
        try:
            if self._start():
                self._wait(self._all_ready, limits.ready_timeout_s, "get ready", self.members)
            if self._all_ready():
                self._hold()
            if self._background and not self._stopping():
                self._begin_background(limits.ready_timeout_s)
            if not self._stopping():
                self._release()
                self._wait(self._all_over, limits.timeout_s, "train", self.front)
        finally:
            self._end()
        return self._settle()

    @property
    def front(self) -> list[Member]:
        """The members that train once: all but those in the background."""
        return [member for slot, member in enumerate(self.members) if slot not in self._background]

    # --- before go ---

    def _start(self) -> bool:
        """Starts every worker, one after another in a thread of their own: those that are there
        already say hello meanwhile, and what they say must not wait."""
        self.members = [Member(launch, listen(launch.directory)) for launch in self.launches]
        for slot, member in enumerate(self.members):
            self._selector.register(member.listener, selectors.EVENT_READ, self._accepter(member))
            self._starts[slot] = self._thread.submit(self.executor.start, member.launch)
        for slot, member in enumerate(self.members):
            while not self._starts[slot].done() and not self._stopping():
                self._listen_for(START_S)
            if self._stopping():
                return False
            try:
                member.running = self._starts.pop(slot).result()
            except GreenbenchError as error:
                member.fail("start", str(error), "interrupted")
                return False
            self._started(slot, member.running)
        return True

    def _started(self, slot: int, running: Running) -> None:
        if slot in self._background:
            running = self.backgrounds.started(slot, running)
        self.observer.started(slot, running)

    def _all_ready(self) -> bool:
        return all(member.conversation.state == "ready" for member in self.members)

    def _hold(self) -> None:
        """Everything is loaded and nothing runs: the `ready_idle` window."""
        end_s = time.monotonic() + self.ready_idle_s
        while (left_s := end_s - time.monotonic()) > 0 and not self._stopping():
            self._listen_for(min(left_s, WAIT_S))

    def _begin_background(self, limit_s: float) -> None:
        """Lets the background train before the foreground does."""
        self.backgrounds.released = True
        self.first_go_s = self._go([self.members[slot] for slot in self._background])

        def under_way() -> bool:
            return all(trains(self.members[slot]) for slot in self._background)

        self._wait(under_way, limit_s, "begin to train", self.members)

    def _release(self) -> None:
        self.go_s = self._go(self.front)
        if self.first_go_s is None:
            self.first_go_s = self.go_s
        self.observer.released(self.go_s)

    def _go(self, members: Sequence[Member]) -> float:
        """Opens the barrier for those that stand at it; when (monotonic, s)."""
        go = protocol.encode("go", {})
        go_s = time.monotonic()
        for member in members:
            if member.conversation.state == "ready":
                member.conversation.release()
                self._say(member, go)
        return go_s

    # --- listening ---

    def _wait(
        self, done: Callable[[], bool], limit_s: float, what: str, of: Sequence[Member]
    ) -> None:
        """Listens until `done`, or until a member has failed, time is up (for all `of` whom it is
        expected), or the user stops."""
        end_s = time.monotonic() + limit_s
        while not done() and not self._stopping():
            if time.monotonic() > end_s:
                for member in of:
                    if not member.over:
                        member.fail("timeout", f"did not {what} within {limit_s:g} s")
                return
            self._listen_for(WAIT_S)
            self._look_for_the_dead()
            self._look_after_the_background()

    def _stopping(self) -> bool:
        if not self.observer.pulse():
            self.interrupted = True
        return self.interrupted or any(
            member.status not in ("running", "completed") for member in self.members
        )

    def _listen_for(self, seconds: float) -> None:
        asked_s = time.monotonic()
        heard = [key for key, _ in self._selector.select(seconds)]
        speaking = {key.fileobj for key in heard}
        for member in self.members:
            if (member.connection or member.listener) not in speaking:
                member.arrivals.nothing_waits(asked_s)
        for key in heard:
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
        asked_s = time.monotonic()
        try:
            data = connection.recv(protocol.READ_BYTES)
        except OSError:
            data = b""
        received_s = time.monotonic()
        if not data:
            self._close(member)
            return
        try:
            events = member.conversation.feed(data, received_s, member.arrivals.earliest_s)
        except ProtocolError as error:
            member.fail("protocol", str(error))
            self._close(member)
            return
        member.arrivals.took(len(data), asked_s)
        slot = self.members.index(member)
        for event in events:
            self._note(slot, member, event.kind)
            if event.kind == "ready":
                member.judge_device()
            if event.kind in ("result", "error"):
                member.bye_s = received_s
                self._say(member, protocol.encode("bye", {}))
        self.observer.heard(slot, events)

    def _note(self, slot: int, member: Member, kind: str) -> None:
        if slot not in self._background:
            member.note_event(kind)
            self.backgrounds.note_edge(kind)
        elif kind in ("result", "error"):
            self.backgrounds.series[slot].usage()  # its counters vanish with it
        elif kind == "ready" and self.backgrounds.released:
            self._go([member])

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
        for slot, member in enumerate(self.members):
            if member.connection is None and member.running is not None:
                member.exit = member.running.exit()
                if member.exit is not None:
                    member.closed = True
                    member.judge_exit(member.exit)
            elif not member.closed and member.bye_s and now_s - member.bye_s > LAST_WORDS_S:
                self._hurry(member, now_s)
            if member.closed and member.status == "running":
                if slot in self._background and self.backgrounds.lingers(slot, member):
                    continue
                member.judge()

    def _hurry(self, member: Member, now_s: float) -> None:
        """Asks its supervisor to end it, by half of a closed connection: the log still comes."""
        if member.hurried or member.connection is None:
            self._close(member)
            return
        member.hurried, member.bye_s = True, now_s
        with contextlib.suppress(OSError):
            member.connection.shutdown(socket.SHUT_WR)

    def _all_over(self) -> bool:
        return all(member.over for member in self.front)

    def _look_after_the_background(self) -> None:
        """Starts those again that have ended, by themselves or in an error."""
        for slot in self.backgrounds.arrived(self.members):
            if (running := self.members[slot].running) is not None:
                self._started(slot, running)
        for slot in self._background:
            old = self.members[slot]
            if self.backgrounds.starting(slot):
                continue
            limit_s = old.launch.limits.ready_timeout_s
            if old.conversation.ready_s is None and self.backgrounds.loading_s(slot) > limit_s:
                old.fail("timeout", f"did not get ready within {limit_s:g} s")
            if not old.over or old.status == "running":
                continue
            self._close(old)
            self.backgrounds.close(slot, old, "failed")
            if not self.backgrounds.hopeless(slot):
                old.listener.close()
                self._again(slot, old)

    def _again(self, slot: int, old: Member) -> None:
        directory = old.launch.directory.with_name(f"{slot}.{len(self.backgrounds.runs[slot])}")
        directory.mkdir()
        launch = replace(old.launch, directory=directory)
        new = Member(launch, listen(directory), conversation=old.conversation.next())
        self.members[slot] = new
        self._selector.register(new.listener, selectors.EVENT_READ, self._accepter(new))
        self.backgrounds.again(slot, old.running, new)

    # --- the end ---

    def _end(self) -> None:
        self._end_starts()
        for slot in self._background if self.members else ():
            if self.members[slot].status == "running":
                self.backgrounds.close(slot, self.members[slot], "ended")
        for member in self.members:
            if member.running is not None:
                with contextlib.suppress(ExecutorError):
                    member.running.kill()
        for slot, member in enumerate(self.members):
            if member.closed and member.status == "running" and slot not in self._background:
                member.judge()
            self._remove(member)
        self.backgrounds.end()
        self.left_behind |= self.backgrounds.left_behind
        self._selector.close()

    def _end_starts(self) -> None:
        """What was being started when the cohort ended is there to be removed."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        for slot, future in self._starts.items():
            if not future.cancelled() and future.exception() is None:
                self.members[slot].running = future.result()

    def _remove(self, member: Member) -> None:
        if member.connection is not None:
            member.connection.close()
        member.listener.close()
        if member.running is not None:
            try:
                member.running.remove()
            except ExecutorError:
                self.left_behind = True

    def _settle(self) -> Status:
        """One replicate, one outcome: what hit one member leaves the others without a use."""
        culprit = next((m for m in self.members if m.status not in ("running", "completed")), None)
        if culprit is None and not self.interrupted:
            for slot in self._background:
                self.members[slot].status = "completed"
                self.members[slot].cpu_time_s = self.backgrounds.cpu_time_s.get(slot)
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


def remove_run_folder(result_set: str) -> None:
    """Removes what a dead run of this result set left of its `run_folder`."""
    shutil.rmtree(_run_folder(result_set), ignore_errors=True)


def _run_folder(result_set: str) -> Path:
    return Path(tempfile.gettempdir()) / f"greenbench-{result_set[:12]}"


@contextlib.contextmanager
def run_folder(result_set: str) -> Iterator[Path]:
    """A short path (Unix sockets allow 107 bytes), the user's alone, that goes with the run.

    Its name comes from the result set, so that the next run removes what a killed one left; the
    result set's lock keeps others away.
    """
    folder = _run_folder(result_set)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
