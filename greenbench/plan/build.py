"""Suite → Plan: which trials run, in which order, with which seeds. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from greenbench.api import DataSet, Model, Mutation, Scenario, Trial, Value
from greenbench.errors import SuiteError
from greenbench.plan.identity import cohort_key, trial_key
from greenbench.plan.order import block_order, default_originals, interleaved
from greenbench.suite.mutants import SEED, arm_name, original_of, study_mutations, unknown_model
from greenbench.suite.problems import located
from greenbench.suite.seeds import derived_random, training_seed
from greenbench.suite.spec import StudySpec, Suite

if TYPE_CHECKING:
    from greenbench.plugins import Plugins

WARM_UP = "warm-up"
"""Study and arm of the cohorts that run first and are not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The trials that run at the same time. `index` is its place in the plan, from 0; `block`
    counts from 1 (0: warm-up); `ordinal` tells the originals of one block apart, from 1."""

    key: str
    index: int
    study: str
    block: int
    trials: tuple[Trial, ...]
    counted: bool = True
    ordinal: int = 1

    @property
    def arm(self) -> str:
        """The arm that it runs: that of its measured trials."""
        return next(t.arm for t in self.trials if t.role == "measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStudy:
    """A study with everything drawn: its original, its mutants and nulls, its repetitions."""

    spec: StudySpec
    original: Mapping[str, Value]
    mutations: tuple[Mutation, ...]
    originals: int
    data: DataSet | None = None
    """What its hyperparameter `data` names, if it has one."""

    @property
    def study(self) -> str:
        """The study's name."""
        return self.spec.study

    @property
    def mutants(self) -> int:
        """How many mutants it compares, nulls left out."""
        return sum(1 for mutation in self.mutations if mutation.changes)

    @property
    def nulls(self) -> int:
        """How many A/A arms it has."""
        return len(self.mutations) - self.mutants


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All cohorts of a suite in the order in which they run."""

    suite: Suite
    studies: tuple[PlannedStudy, ...]
    cohorts: tuple[Cohort, ...]

    def trials(self) -> list[Trial]:
        """All trials, in order."""
        return [trial for cohort in self.cohorts for trial in cohort.trials]


def build_plan(suite: Suite, plugins: Plugins) -> Plan:
    """The plan of a suite. The same suite and plugins give the same plan, anywhere.

    Raises `SuiteError` if a model or operator is missing or an operator refuses; for a suite
    that `load_suite` returned with the same plugins, that doesn't happen.
    """
    studies = tuple(_planned(spec, suite, plugins) for spec in suite.studies)
    cohorts = _warm_ups(studies, suite, plugins)
    blocks = [study.spec.blocks for study in studies]
    for position, block in interleaved(blocks, derived_random(suite.seed, "order")):
        cohorts += _block(studies[position], block, suite)
    numbered = tuple(replace(cohort, index=index) for index, cohort in enumerate(cohorts))
    plan = Plan(suite=suite, studies=studies, cohorts=numbered)
    keys = [trial.key for trial in plan.trials()]
    if len(set(keys)) < len(keys):
        raise SuiteError(
            [f"{suite.name}: study: the same trial is planned twice; give its studies other names"]
        )
    return plan


def _planned(spec: StudySpec, suite: Suite, plugins: Plugins) -> PlannedStudy:
    file = str(suite.path or suite.name)
    if spec.model not in plugins.models:
        text = unknown_model(spec.model, plugins)
        raise SuiteError([f"{file}: study[{spec.position}].model: {text}"])
    mutations, problems = study_mutations(spec, suite.seed, plugins)
    if problems:
        here = [problem.below("study", spec.position) for problem in problems]
        raise SuiteError(located(here, file, suite.text))
    mutants = sum(1 for mutation in mutations if mutation.changes)
    original = original_of(spec, plugins.models[spec.model].value)
    data = str(original.get("data", ""))
    return PlannedStudy(
        spec=spec,
        original=original,
        mutations=tuple(mutations),
        originals=spec.originals or default_originals(mutants),
        data=plugins.data_sets[data].value if data in plugins.data_sets else None,
    )


def _block(study: PlannedStudy, block: int, suite: Suite) -> list[Cohort]:
    """One complete block: every mutant and null once, the originals spread through it."""
    spec = study.spec
    random = derived_random(suite.seed, spec.study, "block", block, "order")
    block_seed = training_seed(suite.seed, spec.name, "block", block)
    cohorts: list[Cohort] = []
    originals = 0
    for mutation in block_order(study.mutations, study.originals, random):
        originals += mutation is None
        cohorts.append(
            _cohort(
                study=spec.study,
                model=spec.model,
                arm=arm_name(mutation),
                mutation=mutation,
                hyperparameters=_applied(study.original, mutation),
                seed=_seed_of(mutation, block_seed, study.original),
                block=block,
                scenario=spec.scenario,
                threads=suite.limits.threads,
                ordinal=originals if mutation is None else 1,
            )
        )
    return cohorts


def _warm_ups(studies: tuple[PlannedStudy, ...], suite: Suite, plugins: Plugins) -> list[Cohort]:
    """One solo trial per model, not counted: it fills caches and brings the host to work. It
    trains the original, for as few epochs as the model allows if it has `epochs`."""
    first = {study.spec.model: study for study in reversed(studies)}
    return [
        _cohort(
            study=WARM_UP,
            model=model,
            arm=WARM_UP,
            mutation=None,
            hyperparameters=_shortest(first[model].original, plugins.models[model].value),
            seed=training_seed(suite.seed, model, WARM_UP),
            block=0,
            scenario=Scenario(),
            threads=suite.limits.threads,
            counted=False,
        )
        for model in suite.models()
    ]


def _cohort(
    *,
    study: str,
    model: str,
    arm: str,
    mutation: Mutation | None,
    hyperparameters: Mapping[str, Value],
    seed: int,
    block: int,
    scenario: Scenario,
    threads: int,
    ordinal: int = 1,
    counted: bool = True,
) -> Cohort:
    """One configuration, in every slot of the scenario with a seed of its own."""
    seeds = [seed, *(training_seed(seed, "slot", slot) for slot in range(1, scenario.copies))]
    keys = [
        trial_key(
            model=model,
            arm=arm,
            hyperparameters=hyperparameters,
            seed=slot_seed,
            block=block,
            scenario=scenario,
            threads=threads,
            slot=slot,
            ordinal=ordinal,
        )
        for slot, slot_seed in enumerate(seeds)
    ]
    cohort = cohort_key(keys)
    trials = tuple(
        Trial(
            key=key,
            study=study,
            model=model,
            arm=arm,
            mutation=mutation,
            hyperparameters=hyperparameters,
            seed=seeds[slot],
            block=block,
            cohort=cohort,
            scenario=scenario,
            slot=slot,
            threads=threads,
            counted=counted,
        )
        for slot, key in enumerate(keys)
    )
    return Cohort(
        key=cohort,
        index=0,
        study=study,
        block=block,
        trials=trials,
        counted=counted,
        ordinal=ordinal,
    )


def _applied(original: Mapping[str, Value], mutation: Mutation | None) -> dict[str, Value]:
    return mutation.apply(original) if mutation else dict(original)


def _seed_of(mutation: Mutation | None, block_seed: int, original: Mapping[str, Value]) -> int:
    """The block's training seed, unless the mutation overrides it."""
    for change in mutation.changes if mutation else ():
        if change.hyperparameter == SEED and SEED not in original:
            return int(change.after)
    return block_seed


def _shortest(original: Mapping[str, Value], model: Model) -> dict[str, Value]:
    epochs = model.hyperparameter("epochs")
    if epochs is None or type(epochs.default) is not int:
        return dict(original)
    return {**original, "epochs": max(1, round(epochs.low or 1))}
