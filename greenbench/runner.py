"""The one loop: takes the plan's next cohort, meters it, runs it, turns events into records."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from greenbench.api import (
    HOLDER_LABEL,
    RESULTS_LABEL,
    Executor,
    Launch,
    Provided,
    Running,
    Status,
    TrialRecord,
    Window,
)
from greenbench.cohort import CohortRun, run_folder
from greenbench.conversation import MAX_WINDOWS, Event
from greenbench.energy.meter import Meter
from greenbench.energy.select import Opened
from greenbench.energy.timeline import Timeline
from greenbench.energy.total import disjoint
from greenbench.errors import ExecutorError
from greenbench.host.cooldown import Reading, Rest, unrest, watchable
from greenbench.host.fingerprint import boot_id, conditions
from greenbench.host.gpu import Gpus
from greenbench.host.ledger import Ledger
from greenbench.host.lock import HostLock
from greenbench.host.placement import Seat
from greenbench.host.state import StateWatch, state_facts
from greenbench.notice import Notice, Notify
from greenbench.plan import Cohort, Plan
from greenbench.plugins import PluginProblem, Plugins
from greenbench.recording import Recording
from greenbench.recovery import Recovery, Turn, Turns
from greenbench.store import Store
from greenbench.suite import Suite
from greenbench.watch import Watch

COMMIT_S: Final = 1.0
"""Samples and events are committed at least this often."""

EDGE_S: Final = 0.02
"""The shortest time between two samples that are taken for the edges of windows."""

MOST_HEARD_BYTES: Final = 1_048_576
HELD_BYTES: Final = 1_000
"""What events may hold while they wait for the next commit, each about this more than its message:
a flood of them must not fill memory."""

SETTLE_S: Final = 1.0
"""The longest wait for the samples after a window's end."""

KEEP_S: Final = 60.0
"""Samples older than the current cohort by this much leave memory; they are in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that a run needs, chosen and opened before it starts."""

    suite: Suite
    plan: Plan
    plugins: Plugins
    executor: Provided[Executor]
    opened: Opened
    store: Store
    session_facts: Mapping[str, Any]
    notify: Notify
    stop: Callable[[], bool]
    host: HostLock
    recovery: Recovery
    fail_fast: bool = False
    gpus: Gpus | None = None
    anywhere: Seat
    """Where a trial of no study runs (the warm-up): within the suite's limits."""
    seats: Mapping[str, Sequence[Seat]] = field(default_factory=dict)
    """Where the members of each study run, by slot."""
    data: Path | None = None
    """Folder of prepared data sets, if a trial reads one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: trials by status, and whether the user stopped it."""

    counts: Mapping[Status, int]
    stopped: bool


@dataclass(slots=True)
class SuiteRun:
    """One `suite run`: a session of a result set. Also the observer of its cohorts."""

    setting: Setting
    timeline: Timeline = field(init=False)
    meter: Meter = field(init=False)
    watch: Watch = field(init=False)
    ledger: Ledger = field(init=False)
    recording: Recording = field(init=False)
    session: int = field(init=False)
    _attempts: list[int] = field(default_factory=list)
    _cohort: Cohort | None = None
    _cohort_run: int = 0
    _seats: Sequence[Seat] = ()
    _heard: dict[int, list[Event]] = field(default_factory=dict)
    _heard_bytes: int = 0
    _committed_s: float = 0.0
    _edge_s: float = 0.0
    _shown: set[str] = field(default_factory=set)
    _left_behind: bool = False
    _idle: Reading = field(default_factory=Reading)
    _before: Rest = field(default_factory=lambda: Rest(waited_s=0.0, rested=None))

    def run(self) -> Outcome:
        """Runs what is left of the plan; returns when it is done or the user stopped it."""
        setting = self.setting
        store = setting.store
        self.session = store.begin_session(boot_id(), setting.session_facts)
        self.meter = Meter(setting.opened.readers, period_s=setting.suite.measure.period_s)
        self.timeline = Timeline(setting.opened.channels)
        self.ledger = Ledger(setting.opened.channels)
        self.watch = Watch(store, setting.gpus)
        self.recording = Recording(
            store=store,
            session=self.session,
            channels=setting.opened.channels,
            timeline=self.timeline,
            watch=self.watch,
            ledger=self.ledger,
            cooldown_limit_s=setting.suite.cooldown.limit_s,
        )
        self._shown = {channel.name for channel in disjoint(setting.opened.channels)[0]}
        settled = store.settled()
        left = [c for c in setting.plan.cohorts if not _settled(c, settled)]
        self._hook(
            "greenbench_suite_begin",
            suite=setting.suite.name,
            trials=sum(len(cohort.trials) for cohort in left),
            results=str(store.folder),
        )
        self._tell(
            "suite_begin",
            total=sum(len(cohort.trials) for cohort in setting.plan.cohorts),
            left=sum(len(cohort.trials) for cohort in left),
            results=str(store.folder),
        )
        if setting.host.beside:
            self._tell("problem", f"measured beside {setting.host.beside}, as --share-host asks")
        try:
            with self.meter, run_folder(store.facts()["result_set"]) as folder:
                self._run_all(left, folder)
        finally:
            self._commit()
            self._clear_away()
            for other in setting.host.sharers():
                self._tell("problem", f"{other} measured beside this one (--share-host)")
            store.end_session(self.session)
            self._hook("greenbench_suite_end", suite=setting.suite.name, results=str(store.folder))
        counts: Counter[Status] = Counter(store.statuses().values())
        outcome = Outcome(dict(counts), setting.stop())
        self._tell("suite_end", counts=dict(counts), stopped=outcome.stopped)
        return outcome

    def _run_all(self, cohorts: Sequence[Cohort], folder: Path) -> None:
        self._first_idle()
        previous: str | None = None
        turns = Turns.of(cohorts, self.setting.suite.retry.times)
        while turn := turns.take():
            rest = self._rest() if previous is not None else Rest(waited_s=0.0, rested=True)
            if self.setting.stop():
                return
            cohort = turn.cohort
            status = self._run_cohort(cohort, folder / cohort.key, previous, rest)
            previous = cohort.key
            if self.setting.fail_fast and status == "failed":
                self._tell("problem", "stopped at the first failure, as --fail-fast asks")
                return
            if status == "interrupted" and not self.setting.stop():
                self._recover()
                self._tell_turn(turn, "was interrupted", "tried again", again=turns.again(turn))
            elif status == "completed" and not _settled(cohort, self.setting.store.settled()):
                again = turns.at_the_end(turn)
                self._tell_turn(turn, "was spoiled by others", "repeated at the end", again=again)

    # --- faults that are not the model's ---

    def _recover(self) -> None:
        """Waits for an executor that is away; what it had to make anew goes into the record."""
        store = self.setting.store
        made = self.setting.recovery.recover(self.pulse)
        images = store.sessions()[-1].get("images") or {}
        for model in sorted(made or {}):
            if made and made[model] != images.get(model):
                self._tell("problem", f"made again: {made[model]} (it was {images.get(model)})")
        if made is not None:
            store.add_session_facts(self.session, {"images": dict(made)})

    def _clear_away(self) -> None:
        """What could not be removed while its engine was away."""
        if self._left_behind:
            with contextlib.suppress(ExecutorError):
                self.setting.executor.value.remove_leftovers(self.setting.recovery.holder)

    def _tell_turn(self, turn: Turn, what: str, then: str, *, again: bool) -> None:
        trial = turn.cohort.trials[0]
        name = f"{trial.study}, {trial.arm}, block {trial.block}"
        left = f"{then} ({turn.retries} left)" if again else "given up; its budget is used up"
        self._tell("problem", f"{name}: {what}: {left}")

    # --- idle and rest ---

    def _first_idle(self) -> None:
        seconds = self.setting.suite.measure.idle_s
        self._tell("idle", f"reading idle power for {seconds:g} s", seconds=seconds)
        state = StateWatch(self.setting.gpus)
        self._idle = self.recording.idle = self._idle_window(seconds)
        host = self.setting.session_facts.get("host") or {}
        facts = state_facts(host, state.state(), self._idle.power_w)
        self.setting.store.add_session_facts(self.session, facts)
        if not watchable(self._idle) and self.setting.suite.cooldown.enabled:
            self._tell(
                "cooldown",
                "no sensor shows temperature or idle power: cool-down has nothing to watch",
            )

    def _idle_window(self, seconds: float) -> Reading:
        """Sleeps through an idle window, keeps it, and reads the host's state from it. A suite that
        gives it no time has none."""
        if seconds <= 0:
            return Reading(temperature_c=self.watch.temperatures_c())
        start_s = time.monotonic()
        while (left_s := start_s + seconds - time.monotonic()) > 0 and self.pulse():
            time.sleep(min(left_s, 0.1))
        window = Window(kind="idle", start_s=start_s, end_s=time.monotonic())
        self._settle(window.end_s)
        energies = self.timeline.energy(window)
        self.setting.store.add_window(self.session, window, energies)
        self.ledger.idle.add(window, energies)
        length_s = window.end_s - window.start_s
        power_w = {
            energy.channel: energy.energy_j / length_s
            for energy in energies
            if energy.energy_j is not None and energy.method != "estimate" and length_s > 0
        }
        return Reading(power_w=power_w, temperature_c=self.watch.temperatures_c())

    def _rest(self) -> Rest:
        """Idle windows, one after another, until the host is as it was before the suite."""
        suite = self.setting.suite
        start_s = time.monotonic()
        while True:
            now = self._idle_window(suite.measure.idle_between_s)
            waited_s = time.monotonic() - start_s
            if not suite.cooldown.enabled or not watchable(self._idle):
                return Rest(waited_s=waited_s, rested=None)
            found = unrest(
                now,
                self._idle,
                temperature_margin_c=suite.cooldown.temperature_margin_c,
                idle_power_margin=suite.cooldown.idle_power_margin,
            )
            if not found or waited_s >= suite.cooldown.limit_s or self.setting.stop():
                rest = Rest(waited_s=waited_s, rested=not found, unrest=tuple(found))
                if found and not self.setting.stop():
                    self._tell("cooldown", f"not at rest after {waited_s:.0f} s: {found[0]}")
                return rest

    # --- one cohort ---

    def _run_cohort(self, cohort: Cohort, folder: Path, previous: str | None, rest: Rest) -> Status:
        store = self.setting.store
        state = {**conditions(), "cooldown": asdict(rest)}
        start_s = time.monotonic()
        self.timeline.forget(start_s - KEEP_S)
        self._cohort = cohort
        self._cohort_run, self._attempts = store.begin_cohort(
            self.session, cohort.trials, start_s, previous, state
        )
        self._before = rest
        anywhere = [self.setting.anywhere] * len(cohort.trials)
        self._seats = self.setting.seats.get(cohort.study) or anywhere
        pinned = [frozenset(seat.cpus) for seat in self._seats]
        own_gpus = [seat.gpu_uuids for seat in self._seats]
        self.watch.begin(self._cohort_run, self._attempts, pinned, own_gpus)
        self.ledger.begin([trial.key for trial in cohort.trials])
        self._tell_cohort("cohort_begin", cohort)
        for trial in cohort.trials:
            self._hook("greenbench_trial_begin", trial=trial, attempt=store.attempts_of(trial.key))
        run = CohortRun(
            self.setting.executor.value,
            self._launches(cohort, folder),
            self,
            self.setting.suite.measure.ready_idle_s,
        )
        try:
            status = run.run()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._left_behind |= run.left_behind
        self._record(cohort, run, status)
        return status

    def _launches(self, cohort: Cohort, folder: Path) -> list[Launch]:
        launches = []
        for trial, seat in zip(cohort.trials, self._seats, strict=True):
            directory = folder / str(trial.slot)
            directory.mkdir(parents=True)
            launches.append(
                Launch(
                    trial=trial,
                    model=self.setting.plugins.models[trial.model],
                    limits=seat.limits,
                    cpus=seat.cpus,
                    cpu_quota=seat.cpu_quota,
                    directory=directory,
                    data=self.setting.data,
                    labels={
                        "greenbench.suite": self.setting.suite.name,
                        HOLDER_LABEL: str(self.setting.store.facts()["result_set"]),
                        RESULTS_LABEL: str(self.setting.store.folder.absolute()),
                        "greenbench.cohort": cohort.key,
                        "greenbench.trial": trial.key,
                    },
                )
            )
        return launches

    def _record(self, cohort: Cohort, run: CohortRun, status: Status) -> None:
        """Windows, energies and outcomes of a cohort, in one transaction."""
        self._settle(max((w.end_s for m in run.members for w in m.conversation.windows), default=0))
        records = self.recording.record(self._cohort_run, self._attempts, run, status, self._before)
        for record, member in zip(records, run.members, strict=True):
            self._hook("greenbench_trial_end", record=record)
            self._tell_end(record)
            if left_out := member.conversation.left_out:
                name = f"{record.trial.study}, {record.trial.arm}, block {record.trial.block}"
                text = f"{left_out:,} epochs and validations after the first {MAX_WINDOWS:,}"
                self._tell("problem", f"{name}: {text} have no energy of their own")
        self._tell_cohort("cohort_end", cohort, status=status)
        self._cohort = None

    # --- the cohort's observer ---

    def started(self, slot: int, running: Running) -> None:
        """Journals what the executor started."""
        facts = {**running.facts, **self._seats[slot].facts()}
        self.setting.store.set_identity(self._attempts[slot], running.identity, facts)
        self.watch.started(slot, running)
        self.ledger.started(slot, running)
        self._tell("trial_begin", slot=slot, identity=running.identity)

    def released(self, go_s: float) -> None:
        """Journals the barrier's opening."""
        self.setting.store.set_go(self._cohort_run, go_s)
        self._tell("go", go_s=go_s)

    def heard(self, slot: int, events: Sequence[Event]) -> None:
        """Reads the meters at the edge of a window; keeps events until the next commit."""
        self._sample_edge(events)
        self.ledger.hear(slot, [event.kind for event in events])
        self._heard.setdefault(self._attempts[slot], []).extend(
            event for event in events if event.kind not in ("log", "exit")
        )
        self._heard_bytes += sum(HELD_BYTES + event.size_bytes for event in events)
        if self._heard_bytes > MOST_HEARD_BYTES:
            self._commit()
        for event in events:
            self.watch.look_at_edge(event.kind)
            if event.kind == "ready":
                self._tell("trial_ready", slot=slot)
            elif event.kind in ("epoch_end", "validation_end"):
                self._tell(
                    "epoch",
                    slot=slot,
                    number=event.payload.get("number"),
                    part=event.kind.removesuffix("_end"),
                    metrics=event.payload.get("metrics", {}),
                )

    def _sample_edge(self, events: Sequence[Event]) -> None:
        """A sample beside an edge narrows the window's ± from the sampling period to the
        sensor's own; epochs that are shorter than `EDGE_S` share one."""
        now_s = time.monotonic()
        edge = any(event.kind.endswith(("_begin", "_end")) for event in events)
        if edge and now_s - self._edge_s >= EDGE_S:
            self._edge_s = now_s
            self.meter.tick()

    def pulse(self) -> bool:
        """Commits what has been sampled and said; False when the user wants to stop."""
        if self._cohort is not None:
            self.watch.look()
            self.ledger.poll(time.monotonic())
        if time.monotonic() - self._committed_s >= COMMIT_S:
            self._commit()
            self._tell("power", power_w=self.meter.latest_power_w())
        return not self.setting.stop()

    # --- samples ---

    def _settle(self, end_s: float) -> None:
        """Waits until what is needed to know a window that ends at `end_s` has been sampled: now,
        instead of when the meter's next sample is due, and once more for every sensor that moves
        in steps of its own."""
        last = Window(kind="idle", start_s=end_s, end_s=end_s)
        give_up_s = end_s + max(SETTLE_S, 5 * self.setting.suite.measure.period_s)
        self.meter.tick()
        self._commit()
        while not self.timeline.ready(last) and time.monotonic() < give_up_s:
            time.sleep(self.setting.suite.measure.period_s / 2)
            self._commit()

    def _commit(self) -> None:
        self._committed_s = time.monotonic()
        chunks = self.meter.drain()
        self.timeline.add(chunks)
        store = self.setting.store
        with store.transaction():
            store.add_samples(
                self.session,
                [
                    (
                        chunk.channel,
                        chunk.stamp_s[0],
                        chunk.stamp_s[-1],
                        len(chunk),
                        chunk.to_bytes(),
                    )
                    for chunk in chunks
                ],
            )
            for attempt, events in self._heard.items():
                store.add_events(
                    attempt,
                    ((e.sequence, e.kind, e.stamp_s, e.received_s, e.payload) for e in events),
                )
            self.watch.keep()
        self._heard.clear()
        self._heard_bytes = 0

    # --- telling ---

    def _tell(self, kind: Any, text: str = "", **data: Any) -> None:
        if kind in ("problem", "cooldown") and text:
            self.setting.store.add_problem(self.session, text)
        self.setting.notify(Notice(kind, text, data))

    def _tell_cohort(self, kind: Any, cohort: Cohort, **data: Any) -> None:
        first = cohort.trials[0]
        self._tell(
            kind,
            cohort=cohort.key,
            study=cohort.study,
            arm=first.arm,
            mutation=str(first.mutation) if first.mutation else None,
            block=cohort.block,
            counted=cohort.counted,
            trials=[trial.key for trial in cohort.trials],
            **data,
        )

    def _tell_end(self, record: TrialRecord) -> None:
        energy_j = {
            e.channel: e.energy_j
            for e in record.energies
            if e.window == "train" and e.energy_j is not None and e.channel in self._shown
        }
        train = next((w for w in record.windows if w.kind == "train"), None)
        self._tell(
            "trial_end",
            key=record.trial.key,
            study=record.trial.study,
            arm=record.trial.arm,
            mutation=str(record.trial.mutation) if record.trial.mutation else None,
            slot=record.trial.slot,
            status=record.status,
            metrics=dict(record.metrics),
            cpu_time_s=record.cpu_time_s,
            energy_j=energy_j,
            estimated=any(e.method == "estimate" for e in record.energies),
            train_s=None if train is None else train.end_s - train.start_s,
            error=record.error,
        )

    def _hook(self, hook: str, **arguments: Any) -> None:
        for problem in self.setting.plugins.notify(hook, **arguments):
            self._tell("problem", _hook_text(problem))


def _hook_text(problem: PluginProblem) -> str:
    return f"plugin {problem.distribution} {problem.version}: {problem.error}"


def _settled(cohort: Cohort, trials: Collection[str]) -> bool:
    """A cohort is one replicate: it is over only when all of its trials are."""
    return all(trial.key in trials for trial in cohort.trials)
