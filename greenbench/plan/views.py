"""A plan as stable JSON for scripts, and as rows and counts for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from greenbench.api import DataSet, Mutation, Trial
from greenbench.plan.build import Cohort, Plan
from greenbench.plan.outlook import plan_outlook

if TYPE_CHECKING:
    from greenbench.plugins import Plugins
    from greenbench.suite.spec import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One trial as people read it; `what` has the mutation verbatim, or the arm that a companion
    trains beside. `member` is its place in its cohort, and its role if it is not
    measured."""

    number: int
    study: str
    block: str
    member: str
    model: str
    what: str
    seed: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCounts:
    """How much of what a study runs. `originals`, `mutants` and `nulls` are per block."""

    study: str
    model: str
    scenario: str
    blocks: int
    originals: int
    mutants: int
    nulls: int
    cohorts: int
    trials: int


def plan_counts(plan: Plan) -> list[StudyCounts]:
    """The counts of each study, in the suite's order; warm-ups are not among them."""
    counts = []
    for study in plan.studies:
        cohorts = [cohort for cohort in plan.cohorts if cohort.study == study.study]
        counts.append(
            StudyCounts(
                study=study.study,
                model=study.spec.model,
                scenario=str(study.spec.scenario),
                blocks=study.spec.blocks,
                originals=study.originals,
                mutants=study.mutants,
                nulls=study.nulls,
                cohorts=len(cohorts),
                trials=sum(len(cohort.trials) for cohort in cohorts),
            )
        )
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTotals:
    """Measured trainings of a whole plan by what they are; companions and warm-ups apart."""

    mutated_solo: int
    mutated_beside_others: int
    originals: int
    nulls: int
    companions: int
    warm_ups: int

    def __str__(self) -> str:
        return (
            f"in all: {self.mutated_solo} mutated trainings solo, {self.mutated_beside_others}"
            f" beside others, {self.originals} originals, {self.nulls} A/A; {self.companions}"
            f" companions, {self.warm_ups} warm-ups"
        )


def plan_totals(plan: Plan) -> PlanTotals:
    """How many trainings of each kind a plan has."""
    counted = [trial for cohort in plan.cohorts if cohort.counted for trial in cohort.trials]
    measured = [trial for trial in counted if trial.role == "measured"]
    mutated = [t for t in measured if t.mutation is not None and t.mutation.changes]
    solo = sum(1 for trial in mutated if trial.scenario.kind == "solo")
    originals = sum(1 for trial in measured if trial.mutation is None)
    return PlanTotals(
        mutated_solo=solo,
        mutated_beside_others=len(mutated) - solo,
        originals=originals,
        nulls=len(measured) - len(mutated) - originals,
        companions=len(counted) - len(measured),
        warm_ups=sum(1 for cohort in plan.cohorts if not cohort.counted),
    )


def plan_table(plan: Plan) -> list[PlanRow]:
    """A row for each trial, in the order in which they run."""
    return [
        PlanRow(
            number=cohort.index + 1,
            study=trial.study if cohort.counted else f"{trial.study} {trial.model}",
            block=str(cohort.block) if cohort.counted else "–",
            member=_member(trial, cohort),
            model=trial.model,
            what=_what(trial),
            seed=trial.seed,
            key=trial.key,
        )
        for cohort in plan.cohorts
        for trial in cohort.trials
    ]


def _member(trial: Trial, cohort: Cohort) -> str:
    if len(cohort.trials) == 1:
        return "–"
    place = f"{trial.slot + 1}/{len(cohort.trials)}"
    return place if trial.role == "measured" else f"{place} {trial.role}"


def _what(trial: Trial) -> str:
    if trial.role != "measured":
        return f"beside {trial.arm}"
    return str(trial.mutation) if trial.mutation else trial.arm


def plan_facts(plan: Plan, suite: Suite, plugins: Plugins) -> dict[str, Any]:
    """What a result set records of the plan besides its trials: what the models are, with who
    provides them, and what each study compares and can settle. Plain JSON data."""
    return {
        "models": {
            name: {
                **asdict(plugins.models[name].value),
                "distribution": plugins.models[name].distribution,
                "version": plugins.models[name].version,
            }
            for name in suite.models()
        },
        "analysis": asdict(suite.analysis),
        "studies": _studies_json(plan),
    }


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan for scripts. Keys may be added; those that are there keep name and meaning
    (docs/suites.md lists them)."""
    return {
        "suite": plan.suite.name,
        "seed": plan.suite.seed,
        "cohorts": len(plan.cohorts),
        "totals": asdict(plan_totals(plan)),
        "studies": _studies_json(plan),
        "trials": [
            _trial_json(trial, cohort) for cohort in plan.cohorts for trial in cohort.trials
        ],
    }


def _studies_json(plan: Plan) -> list[dict[str, Any]]:
    outlooks = {outlook.study: outlook for outlook in plan_outlook(plan)}
    planned = {study.study: study for study in plan.studies}
    studies = []
    for counts in plan_counts(plan):
        outlook = outlooks.get(counts.study)
        reach = {
            "smallest_corrected_p": outlook.smallest_p if outlook else None,
            "blocks_needed": outlook.blocks_needed if outlook else None,
            "outlook": outlook.text if outlook else None,
        }
        study = planned[counts.study]
        drawn = {
            "original": dict(study.original),
            "mutations": [_mutation_json(m) for m in study.mutations if m.changes],
        }
        margins = {"margins": dict(study.spec.margins)}
        studies.append(margins | asdict(counts) | _data_json(study.data) | reach | drawn)
    return studies


def _data_json(data: DataSet | None) -> dict[str, Any]:
    """What a study trains on, where it chooses that; else its model says so."""
    if data is None:
        return {}
    return {
        "data": f"{data.label} ({data.description})",
        "synthetic": data.synthetic,
        "test_items": data.test_items,
    }


def _mutation_json(mutation: Mutation | None) -> dict[str, Any]:
    """What was drawn, as data: a suite with these values repeats this one to the digit."""
    changes = mutation.changes if mutation else ()
    return {
        "operator": mutation.operator if mutation else None,
        "mutation": str(mutation) if mutation else None,
        "changes": [
            {"hyperparameter": c.hyperparameter, "before": c.before, "after": c.after}
            for c in changes
        ],
    }


def _trial_json(trial: Trial, cohort: Cohort) -> dict[str, Any]:
    return {
        "key": trial.key,
        "study": trial.study,
        "model": trial.model,
        "scenario": str(trial.scenario),
        "copies": trial.scenario.copies,
        "arm": trial.arm,
        **_mutation_json(trial.mutation),
        "hyperparameters": dict(trial.hyperparameters),
        "seed": trial.seed,
        "block": trial.block,
        "ordinal": cohort.ordinal,
        "cohort": trial.cohort,
        "index": cohort.index,
        "slot": trial.slot,
        "role": trial.role,
        "placement": asdict(trial.scenario.placement),
        "threads": trial.threads,
        "counted": trial.counted,
    }
