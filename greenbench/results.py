"""A result set from Python: its trials, energies, metrics and traces as pandas frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from greenbench.analysis import frames as reading
from greenbench.analysis.cohorts import cohorts
from greenbench.analysis.settings import with_hyperparameters
from greenbench.analysis.stated import Stated
from greenbench.errors import UsageError
from greenbench.export import SAMPLES, sample_frames
from greenbench.report import Report, build_report
from greenbench.report.html import render_frame
from greenbench.store import Store


def open_results(path: str | Path) -> Results:
    """Opens the result set in a folder, or in the folder of a file, to read it.

    Raises `greenbench.errors.ResultsError` where there is none, or it can't be read.
    """
    return Results(Store.open(Path(path), read_only=True))


class Results:
    """One result set, read-only. Frames are read when they are first asked for, and kept.

    Names end in their unit (`_j`, `_w`, `_s`); what is not known is NaN or None, never 0. Frames
    are the caller's own: changing one changes nothing else. A context manager closes the file.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name = self.facts.get("suite_name") or self.folder.name
        return f"<greenbench results {name!r}: {len(self.trials)} trials in {self.folder}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the report's summary."""
        return render_frame(self.report().only(["summary"]))

    def close(self) -> None:
        """Closes the file; frames that were read stay."""
        self._store.close()

    @property
    def folder(self) -> Path:
        """Where the result set is."""
        return self._store.folder

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What is known of the whole set: suite, plan seed, versions, models, what was imported."""
        return self._store.facts()

    @cached_property
    def sessions(self) -> Sequence[Mapping[str, Any]]:
        """Each session with its host, versions, executor and channels."""
        return self._store.sessions()

    @cached_property
    def _frames(self) -> reading.Frames:
        return reading.read(self._store)

    @cached_property
    def _trials(self) -> pd.DataFrame:
        return reading.trials(self._store)

    @property
    def trials(self) -> pd.DataFrame:
        """One row a planned trial with its last attempt: `analysis.frames.trials`."""
        return self._trials.copy()

    @cached_property
    def _cohorts(self) -> pd.DataFrame:
        return cohorts(self._frames)

    @property
    def cohorts(self) -> pd.DataFrame:
        """One row a comparable cohort, which is what the analysis functions take:
        `analysis.cohorts.cohorts`. Those whose measurement failed a check are among them, with
        their `failed_checks`; a report leaves them out."""
        return self._cohorts.copy()

    @property
    def runs(self) -> pd.DataFrame:
        """The cohorts with a column `hyperparameter.NAME` for each hyperparameter."""
        return with_hyperparameters(self._cohorts)

    @property
    def windows(self) -> pd.DataFrame:
        """Every window of every attempt: `analysis.frames.windows`."""
        return reading.windows(self._store)

    @property
    def energies(self) -> pd.DataFrame:
        """Energy of each channel in each window: `analysis.frames.energies`."""
        return reading.energies(self._store)

    @property
    def channels(self) -> pd.DataFrame:
        """How each channel was read, and which of them a total adds: `analysis.frames.channels`."""
        return self._frames.channels.copy()

    @property
    def checks(self) -> pd.DataFrame:
        """Whether measurements are valid: `analysis.frames.checks`."""
        return reading.checks(self._store)

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a trial and final metric: trial, cohort, study, model, arm, block, status, metric,
        value (NaN and infinite where a training diverged; no row where nothing was reported)."""
        names = ["key", "cohort", "study", "model", "arm", "block", "status"]
        rows = [
            (*identity, name, value)
            for *identity, metrics in self._frames.trials[[*names, "metrics"]].itertuples(
                index=False, name=None
            )
            for name, value in metrics.items()
        ]
        columns = ["trial", *names[1:], "metric", "value"]
        return pd.DataFrame.from_records(rows, columns=columns)

    def traces(self, cohort: str | None = None) -> pd.DataFrame:
        """The samples of every channel, of the whole set or while one cohort ran.

        session, channel, stamp_s and half_s (monotonic, s), energy_j (a counter's, J since the
        meter began) or power_w (a power reading, W), flags (bits of `energy.samples`). An imported
        set has none. Raises `UsageError` for a cohort that never ran.
        """
        session, start_s, end_s = (None, 0.0, 0.0) if cohort is None else self._span(cohort)
        found = [
            frame if session is None else frame[frame["stamp_s"].between(start_s, end_s)]
            for frame in sample_frames(self._store)
            if session is None or frame["session"].iloc[0] == session
        ]
        found = [frame for frame in found if len(frame)]
        if not found:
            return pd.DataFrame(columns=SAMPLES.names)
        return pd.concat(found, ignore_index=True)

    def _span(self, cohort: str) -> tuple[int, float, float]:
        runs = self._frames.cohort_runs
        runs = runs[(runs["cohort"] == cohort) & runs["end_s"].notna()]
        if runs.empty:
            raise UsageError(
                f"no cohort {cohort!r} that ran in {self.folder}",
                "the column cohort of `trials` names them",
            )
        last = runs.iloc[-1]
        return int(last["session"]), float(last["start_s"]), float(last["end_s"])

    def report(
        self,
        *,
        include_invalid: bool = False,
        also: Sequence[str] = (),
        grid_g_per_kwh: float | None = None,
        price_per_kwh: float | None = None,
        currency: str = "",
        smallest_effect: float | None = None,
    ) -> Report:
        """The report on the set (`report.build_report`); it shows itself in a notebook.

        What is stated goes before what the suite states: the grid's emissions (g CO₂e a kWh), the
        price of a kWh and what it is in, the smallest change of energy that matters (0.02: 2 %).
        """
        stated = Stated(
            grid_g_per_kwh=grid_g_per_kwh,
            price_per_kwh=price_per_kwh,
            currency=currency,
            smallest_effect=smallest_effect,
        )
        return build_report(self._store, include_invalid=include_invalid, stated=stated, also=also)
