"""What came of a cohort, written in one transaction: windows, energies, shares, outcomes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from greenbench.api import Channel, Status, TrialRecord, Window, WindowEnergy
from greenbench.cohort import CohortRun
from greenbench.energy.timeline import Timeline
from greenbench.host.cooldown import Reading, Rest
from greenbench.host.evidence import Check
from greenbench.host.ledger import Ledger
from greenbench.host.validity import contamination
from greenbench.member import Member
from greenbench.proof import divergence
from greenbench.store import AttemptEnd, Store
from greenbench.watch import Watch


@dataclass(slots=True, kw_only=True)
class Recording:
    """Writes the cohorts of one session. `idle` is the reading before the first of them."""

    store: Store
    session: int
    channels: Sequence[Channel]
    timeline: Timeline
    watch: Watch
    ledger: Ledger
    cooldown_limit_s: float
    idle: Reading = field(default_factory=Reading)

    def record(
        self, cohort_run: int, attempts: Sequence[int], run: CohortRun, status: Status, rest: Rest
    ) -> list[TrialRecord]:
        """Everything of one cohort run; the samples of its windows have to be there. `attempts`
        are in the order of its members; `rest` is how the host was before it."""
        store = self.store
        records = []
        with store.transaction():
            self._cohort_windows(cohort_run, run)
            for slot, (attempt, member) in enumerate(zip(attempts, run.members, strict=True)):
                energies = self._windows(cohort_run, attempt, member)
                found = self._judge(slot, member, energies, rest)
                member.note_contamination(contamination(found))
                self._end(attempt, member)
                records.append(self._trial_record(member, energies))
            store.end_cohort(cohort_run, status, time.monotonic())
        return records

    def _cohort_windows(self, cohort_run: int, run: CohortRun) -> None:
        trains = [w for m in run.members if (w := m.conversation.window("train")) is not None]
        if len(trains) < len(run.members) or not trains:
            return
        first_s, last_s = min(w.start_s for w in trains), max(w.end_s for w in trains)
        both_s = max(w.start_s for w in trains), min(w.end_s for w in trains)
        windows = [Window(kind="train", start_s=first_s, end_s=last_s)]
        if len(trains) > 1 and both_s[0] < both_s[1]:
            windows.append(Window(kind="overlap", start_s=both_s[0], end_s=both_s[1]))
        ready_s = max((m.conversation.ready_s or 0.0) for m in run.members)
        if run.go_s is not None and ready_s < run.go_s:
            windows.append(Window(kind="ready_idle", start_s=ready_s, end_s=run.go_s))
        for window in windows:
            found = self.timeline.energy(window)
            number = self.store.add_window(self.session, window, found, cohort_run=cohort_run)
            if window.kind != "ready_idle":
                shares = self.ledger.split(window, found)
                self.store.add_rows("shares", [{"window": number, **asdict(s)} for s in shares])

    def _windows(self, cohort_run: int, attempt: int, member: Member) -> list[WindowEnergy]:
        """A member's own windows, written; their energies."""
        energies: list[WindowEnergy] = []
        for window in member.conversation.windows:
            found = self.timeline.energy(window)
            energies += found
            self.store.add_window(
                self.session, window, found, cohort_run=cohort_run, attempt=attempt
            )
        return energies

    def _judge(
        self, slot: int, member: Member, energies: Sequence[WindowEnergy], rest: Rest
    ) -> Sequence[Check]:
        """Whether the measurement of its train window is valid, if it has one."""
        window = member.conversation.window("train")
        if window is None:
            return ()
        return self.watch.judge(
            slot,
            window,
            [energy for energy in energies if energy.window == "train"],
            self.channels,
            idle=self.idle,
            rest=rest,
            cooldown_limit_s=self.cooldown_limit_s,
        )

    def _end(self, attempt: int, member: Member) -> None:
        said = member.conversation
        exit_code = said.exit_code
        if exit_code is None and member.exit is not None:
            exit_code = member.exit.code
        self.store.end_attempt(
            attempt,
            AttemptEnd(
                status=member.status,
                metrics=said.metrics,
                effective=said.effective,
                environment=said.environment,
                cpu_time_s=member.cpu_time_s,
                memory_peak_bytes=member.memory_peak_bytes,
                exit_code=exit_code,
                error_kind=member.error_kind,
                error=member.error,
                log=said.log or (member.exit.detail if member.exit else "") or None,
                log_dropped_bytes=said.log_dropped_bytes,
            ),
        )

        if member.status == "completed":
            self._end_learning(attempt, member)

    def _end_learning(self, attempt: int, member: Member) -> None:
        """A training that came to nothing has that for its outcome."""
        said, model = member.conversation, member.launch.model.value
        found = divergence(model, said.metrics, said.first_epoch, said.last_epoch)
        if found is not None:
            row = {"attempt": attempt, **asdict(found)}
            row["found"] = found.found if math.isfinite(found.found) else None
            self.store.add_rows("divergences", [row])

    def _trial_record(self, member: Member, energies: Sequence[WindowEnergy]) -> TrialRecord:
        said, trial = member.conversation, member.launch.trial
        return TrialRecord(
            trial=trial,
            attempt=self.store.attempts_of(trial.key),
            status=member.status,
            metrics=said.metrics,
            energies=energies,
            windows=said.windows,
            cpu_time_s=member.cpu_time_s,
            error=member.error or "",
        )
