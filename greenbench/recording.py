"""What came of a cohort, written in one transaction: windows, energies, shares, outcomes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from greenbench.api import Channel, Status, TrialRecord, WindowEnergy
from greenbench.cohort import CohortRun
from greenbench.energy.timeline import Timeline
from greenbench.host.cooldown import Reading, Rest
from greenbench.host.evidence import Check
from greenbench.host.ledger import Ledger
from greenbench.host.validity import contamination
from greenbench.member import Member
from greenbench.proof import divergence
from greenbench.store import AttemptEnd, Store
from greenbench.together import beside, cohort_windows, start_spread, together
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
            self._cohort(cohort_run, attempts, run)
            for slot, (attempt, member) in enumerate(zip(attempts, run.members, strict=True)):
                energies = self._windows(cohort_run, attempt, member)
                found = self._judge(slot, run, energies, rest)
                member.note_contamination(contamination(found))
                self._end(attempt, member)
                records.append(self._trial_record(member, energies))
            store.end_cohort(cohort_run, status, time.monotonic())
        return records

    def _cohort(self, cohort_run: int, attempts: Sequence[int], run: CohortRun) -> None:
        """What belongs to all members: windows, start, and the runs of a background."""
        for window in cohort_windows(run):
            found = self.timeline.energy(window)
            number = self.store.add_window(self.session, window, found, cohort_run=cohort_run)
            if window.kind != "ready_idle":
                shares = self.ledger.split(window, found)
                self.store.add_rows("shares", [{"window": number, **asdict(s)} for s in shares])
        if start := start_spread(run):
            self.store.add_rows("starts", [{"cohort_run": cohort_run, **start}])
        for slot, runs in run.backgrounds.runs.items():
            rows = [{"attempt": attempts[slot], **asdict(r)} for r in runs]
            self.store.add_rows("background_runs", rows)

    def _windows(self, cohort_run: int, attempt: int, member: Member) -> list[WindowEnergy]:
        """A member's own windows, written; their energies. A background has `background_runs`."""
        energies: list[WindowEnergy] = []
        if member.launch.trial.role == "background":
            return energies
        for window in member.conversation.windows:
            found = self.timeline.energy(window)
            energies += found
            self.store.add_window(
                self.session, window, found, cohort_run=cohort_run, attempt=attempt
            )
        return energies

    def _judge(
        self,
        slot: int,
        run: CohortRun,
        energies: Sequence[WindowEnergy],
        rest: Rest,
    ) -> Sequence[Check]:
        """What a member used in its train window (a background: in the foreground's), and for a
        measured one whether its measurement is valid."""
        member = run.members[slot]
        role = member.launch.trial.role
        said = run.front[0].conversation if role == "background" else member.conversation
        window = said.window("train")
        if window is None:
            return ()
        self.watch.sum_up(slot, window)
        if role != "measured":
            return ()
        return self.watch.judge(
            slot,
            window,
            [energy for energy in energies if energy.window == "train"],
            self.channels,
            idle=self.idle,
            rest=rest,
            cooldown_limit_s=self.cooldown_limit_s,
            beside=beside(run, window),
            together=together(run),
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
        found = divergence(model, said.metrics, said.first_epoch, said.last_epoch, said.tested)
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
