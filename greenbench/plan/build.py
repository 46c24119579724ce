"""Suite → Plan: which trials run, in which order, with which seeds. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from greenbench.api import DataSet, Model, Mutation, Scenario, Trial, Value
from greenbench.errors import SuiteError
from greenbench.plan.identity import cohort_key, configuration, trial_key
from greenbench.plan.members import Member, members
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
    """A study with everything drawn: its original, its mutants and nulls, its repetitions, and
    its scenario with the whole configuration of every companion."""

    spec: StudySpec
    scenario: Scenario
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
    for name in (spec.model, *(companion.model for companion in spec.scenario.companions)):
        if name not in plugins.models:
            text = unknown_model(name, plugins)
            raise SuiteError([f"{file}: study[{spec.position}].model: {text}"])
    mutations, problems = study_mutations(spec, suite.seed, plugins)
    if problems:
        here = [problem.below("study", spec.position) for problem in problems]
        raise SuiteError(located(here, file, suite.text))
    mutants = sum(1 for mutation in mutations if mutation.changes)
    original = original_of(spec.hyperparameters, plugins.models[spec.model].value)
    data = str(original.get("data", ""))
    return PlannedStudy(
        spec=spec,
        scenario=_scenario(spec.scenario, plugins),
        original=original,
        mutations=tuple(mutations),
        originals=spec.originals or default_originals(mutants),
        data=plugins.data_sets[data].value if data in plugins.data_sets else None,
    )


def _scenario(scenario: Scenario, plugins: Plugins) -> Scenario:
    whole = (
        replace(c, hyperparameters=original_of(c.hyperparameters, plugins.models[c.model].value))
        for c in scenario.companions
    )
    return replace(scenario, companions=tuple(whole))


def _block(study: PlannedStudy, block: int, suite: Suite) -> list[Cohort]:
    """One complete block: every mutant and null once, the originals spread through it."""
    spec = study.spec
    random = derived_random(suite.seed, spec.study, "block", block, "order")
    block_seed = training_seed(suite.seed, spec.name, "block", block)
    cohorts: list[Cohort] = []
    originals = 0
    for mutation in block_order(study.mutations, study.originals, random):
        originals += mutation is None
        measured = Member(
            model=spec.model,
            seed=_seed_of(mutation, block_seed, study.original),
            hyperparameters=_applied(study.original, mutation),
            mutation=mutation,
        )
        cohorts.append(
            _cohort(
                members(measured, study.scenario, block_seed),
                study=spec.study,
                arm=arm_name(mutation),
                block=block,
                scenario=study.scenario,
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
            [
                Member(
                    model=model,
                    seed=training_seed(suite.seed, model, WARM_UP),
                    hyperparameters=_shortest(
                        first[model].original if model in first else {}, plugins.models[model].value
                    ),
                )
            ],
            study=WARM_UP,
            arm=WARM_UP,
            block=0,
            scenario=Scenario(),
            threads=suite.limits.threads,
            counted=False,
        )
        for model in suite.models()
    ]


def _cohort(
    members: Sequence[Member],
    *,
    study: str,
    arm: str,
    block: int,
    scenario: Scenario,
    threads: int,
    ordinal: int = 1,
    counted: bool = True,
) -> Cohort:
    """The trials of all members, each in a slot of its own."""
    beside = configuration(members[0].model, members[0].hyperparameters)
    keys = [
        trial_key(
            model=member.model,
            arm=arm,
            hyperparameters=member.hyperparameters,
            seed=member.seed,
            block=block,
            scenario=scenario,
            threads=threads,
            slot=slot,
            role=member.role,
            ordinal=ordinal,
            beside=None if member.role == "measured" else beside,
        )
        for slot, member in enumerate(members)
    ]
    cohort = cohort_key(keys)
    trials = tuple(
        Trial(
            key=key,
            study=study,
            model=member.model,
            arm=arm,
            mutation=member.mutation,
            hyperparameters=member.hyperparameters,
            seed=member.seed,
            block=block,
            cohort=cohort,
            scenario=scenario,
            slot=slot,
            role=member.role,
            threads=threads,
            counted=counted,
        )
        for slot, (key, member) in enumerate(zip(keys, members, strict=True))
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
    whole = dict(original) or model.defaults()
    epochs = model.hyperparameter("epochs")
    if epochs is None or type(epochs.default) is not int:
        return whole
    return {**whole, "epochs": max(1, round(epochs.low or 1))}
