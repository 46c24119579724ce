"""The whole contract with plugins: every hook, when it is called and what it yields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from greenbench.api import (
        DataSet,
        EnergyBackend,
        Executor,
        Model,
        MutationOperator,
        Trial,
        TrialRecord,
    )

PROJECT = "greenbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def greenbench_models() -> Iterable[Model]:  # type: ignore[empty-body]
    """Offers models. Called when plugins are collected, on the host and in the worker.

    Describe, don't import: the framework is imported by the trainer alone.

        @hookimpl
        def greenbench_models():
            yield Model(name="digits-mlp", framework="torch", trainer="my_pkg.mlp:Trainer",
                        hyperparameters=(Hyperparameter(name="epochs", default=5, low=1),),
                        metrics=(Metric(name="accuracy", direction="maximize"),))
    """


@hookspec
def greenbench_data_sets() -> Iterable[DataSet]:  # type: ignore[empty-body]
    """Offers data sets. Called when plugins are collected, on the host and in the worker.

    A model names them as choices of its hyperparameter `data`; what has a source is prepared by
    `greenbench data fetch` and verified before a suite's first trial.

        @hookimpl
        def greenbench_data_sets():
            yield DataSet(name="flowers", label="real: flowers", source="my_pkg.flowers:Source")
    """


@hookspec
def greenbench_operators() -> Iterable[MutationOperator]:  # type: ignore[empty-body]
    """Offers mutation operators. Called when plugins are collected.

    @hookimpl
    def greenbench_operators():
        yield HalveEverything()
    """


@hookspec
def greenbench_energy_backends() -> Iterable[EnergyBackend]:  # type: ignore[empty-body]
    """Offers energy backends. Called when plugins are collected; opening sensors comes later.

    @hookimpl
    def greenbench_energy_backends():
        yield PduBackend(host="pdu.lab")
    """


@hookspec
def greenbench_executors() -> Iterable[Executor]:  # type: ignore[empty-body]
    """Offers executors. Called when plugins are collected; connecting comes later.

    @hookimpl
    def greenbench_executors():
        yield PodmanExecutor()
    """


@hookspec
def greenbench_suite_begin(suite: str, trials: int, results: str) -> None:
    """Called once a run, before the first trial: the suite's name, how many trials are left to
    run, and the folder of the result set. An exception is reported and the suite goes on."""


@hookspec
def greenbench_suite_end(suite: str, results: str) -> None:
    """Called once a run, after the last trial, also after an interruption."""


@hookspec
def greenbench_trial_begin(trial: Trial, attempt: int) -> None:
    """Called before a trial's worker is started; attempts count from 1."""


@hookspec
def greenbench_trial_end(record: TrialRecord) -> None:
    """Called when a trial has ended, whatever its status, after it was stored."""


@hookspec
def greenbench_report_sections(report: Any, results: str) -> Iterable[Any]:  # type: ignore[empty-body]
    """Offers sections of a report. Called when a result set was reported on: `report` is the
    `greenbench.report.Report` so far, `results` the folder of the result set. Yield
    `greenbench.report.Section`s; an exception is reported and the rest goes on.

        @hookimpl
        def greenbench_report_sections(report, results):
            yield Section(key="carbon", title="Carbon", points=("0.4 kg CO2e",))
    """
