"""What a plan can and cannot settle, and how long it takes: known before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenbench.plan.build import Cohort, Plan, PlannedStudy

ALPHA = 0.05
MOST_BLOCKS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What one study's exact test can reach. `blocks_needed` is None where the plan suffices or
    no number of blocks up to 1000 would; `text` says it in a sentence."""

    study: str
    originals: int
    blocks: int
    mutants: int
    smallest_p: float
    settles: bool
    blocks_needed: int | None
    text: str


def smallest_corrected_p(originals: int, blocks: int, mutants: int) -> float:
    """The smallest Holm-corrected two-sided p that one of `mutants` mutants can reach.

    The test permutes, within each block, the mutant with the block's originals: s originals and
    B blocks give (s+1)^B arrangements, of which the observed one and its mirror image are the
    most extreme, so that p is at least 2/(s+1)^B; Holm multiplies the smallest of m by m.
    """
    arrangements: int = (originals + 1) ** blocks
    return min(1.0, max(1, mutants) * min(1.0, 2 / arrangements))


def blocks_to_settle(originals: int, mutants: int, alpha: float = ALPHA) -> int | None:
    """The fewest blocks with which a mutant can reach `alpha`; None if 1000 don't do."""
    enough = (
        blocks
        for blocks in range(1, MOST_BLOCKS + 1)
        if smallest_corrected_p(originals, blocks, mutants) <= alpha
    )
    return next(enough, None)


def plan_outlook(plan: Plan) -> list[Outlook]:
    """The outlook of each study that has mutants, in the suite's order."""
    return [_outlook(study) for study in plan.studies if study.mutants]


def estimate_time_s(plan: Plan, durations: Mapping[str, float]) -> float | None:
    """How long the plan takes in seconds, or None if that isn't known for each of its cohorts.

    `durations` are mean seconds of a whole cohort (start to end), by study or by model; the
    study's counts first. Idle windows are added, cool-down is not: it depends on the host.
    """
    idle_s = plan.suite.measure.idle_s
    idle_s += plan.suite.measure.idle_between_s * max(0, len(plan.cohorts) - 1)
    total_s = idle_s
    for cohort in plan.cohorts:
        seconds = _duration_s(cohort, plan, durations)
        if seconds is None:
            return None
        total_s += seconds
    return total_s


def _duration_s(cohort: Cohort, plan: Plan, durations: Mapping[str, float]) -> float | None:
    model = cohort.trials[0].model
    names = [cohort.study, model]
    if not cohort.counted:
        names += [study.study for study in plan.studies if study.spec.model == model]
    return next((durations[name] for name in names if name in durations), None)


def _outlook(study: PlannedStudy) -> Outlook:
    blocks, originals, mutants = study.spec.blocks, study.originals, study.mutants
    smallest = smallest_corrected_p(originals, blocks, mutants)
    settles = smallest <= ALPHA
    needed = None if settles else blocks_to_settle(originals, mutants)
    has = f"{_count(mutants, 'mutant')}, {_count(originals, 'original')} in each of {_count(blocks, 'block')}"
    text = f"{study.study}: {has}: the smallest corrected p of the exact test is {smallest:.3g}"
    if not settles:
        text += ", so only the intervals can settle anything"
        text += f"; {needed} blocks could" if needed else ""
    return Outlook(
        study=study.study,
        originals=originals,
        blocks=blocks,
        mutants=mutants,
        smallest_p=smallest,
        settles=settles,
        blocks_needed=needed,
        text=f"{text}.",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
