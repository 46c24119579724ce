"""Plans: a `Suite` as the ordered cohorts that run, and what they can and cannot settle."""

from __future__ import annotations

from greenbench.plan.build import Cohort, Plan, PlannedStudy, build_plan
from greenbench.plan.identity import trial_key
from greenbench.plan.outlook import (
    Outlook,
    blocks_to_settle,
    estimate_time_s,
    plan_outlook,
    smallest_corrected_p,
)
from greenbench.plan.views import (
    PlanRow,
    PlanTotals,
    StudyCounts,
    plan_counts,
    plan_facts,
    plan_json,
    plan_table,
    plan_totals,
)

__all__ = [
    "Cohort",
    "Outlook",
    "Plan",
    "PlanRow",
    "PlanTotals",
    "PlannedStudy",
    "StudyCounts",
    "blocks_to_settle",
    "build_plan",
    "estimate_time_s",
    "plan_counts",
    "plan_facts",
    "plan_json",
    "plan_outlook",
    "plan_table",
    "plan_totals",
    "smallest_corrected_p",
    "trial_key",
]
