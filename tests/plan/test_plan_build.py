"""The plan that a suite becomes: complete, repeatable, every trial once."""

import hashlib
import json
from collections import Counter

import pytest
from fake_plugins import HYPERPARAMETERS, model, plugins
from hypothesis import given, settings
from hypothesis import strategies as st

from greenbench.api import Companion, Hyperparameter, Scenario
from greenbench.errors import SuiteError
from greenbench.plan import (
    build_plan,
    estimate_time_s,
    plan_counts,
    plan_facts,
    plan_json,
    plan_table,
)
from greenbench.suite import StudySpec, Suite
from greenbench.suite.load import parse_suite

REGISTRY = plugins()
TEXT = """
name = "s"
seed = 11
blocks = 2
[limits]
threads = 2
[[study]]
model = "net"
scenarios = ["solo", {kind = "homogeneous", copies = 2}]
hyperparameters = {epochs = 4}
originals = 3
[[study.mutate]]
operator = "learning_rate"
factors = [0.5, 2.0]
draw = {distribution = "log-uniform", low = 0.1, high = 10.0, count = 2, relative = true}
[[study.mutate]]
operator = "seed"
values = [5]
[[study]]
model = "other"
blocks = 1
mutate = [{operator = "epochs", values = [3]}]
"""


def plan_of(text=TEXT, registry=REGISTRY):
    return build_plan(parse_suite(text, registry), registry)


def test_every_block_is_complete_and_every_key_unique():
    plan = plan_of()
    counted = [cohort for cohort in plan.cohorts if cohort.counted]
    per_block = Counter((cohort.study, cohort.block, cohort.arm) for cohort in counted)
    arms = ["learning_rate=0.05", "learning_rate=0.2", "seed=5", "null-1"]
    for study in ("net/solo", "net/homogeneous-2"):
        for block in (1, 2):
            assert per_block[study, block, "original"] == 3
            assert all(per_block[study, block, arm] == 1 for arm in arms)
            assert sum(n for (s, b, _), n in per_block.items() if (s, b) == (study, block)) == 9
    assert per_block["other/solo", 1, "original"] == 1
    keys = [trial.key for trial in plan.trials()]
    assert len(set(keys)) == len(keys)
    assert len({cohort.key for cohort in plan.cohorts}) == len(plan.cohorts)
    assert [cohort.index for cohort in plan.cohorts] == list(range(len(plan.cohorts)))


def test_arms_of_a_block_share_its_seed_except_where_the_seed_is_mutated():
    plan = plan_of()
    for study in ("net/solo", "net/homogeneous-2"):
        blocks = [
            {
                trial.seed
                for cohort in plan.cohorts
                for trial in cohort.trials
                if (trial.study, trial.block, trial.slot) == (study, block, slot)
                and trial.arm != "seed=5"
            }
            for block in (1, 2)
            for slot in range(2 if "homogeneous" in study else 1)
        ]
        assert all(len(seeds) == 1 for seeds in blocks)
        assert len(set.union(*blocks)) == len(blocks)
    mutated = {trial.seed for trial in plan.trials() if trial.arm == "seed=5" and trial.slot == 0}
    assert mutated == {5}


def test_solo_and_co_located_runs_of_one_table_are_the_same_trainings():
    def trainings(study):
        return {
            (trial.arm, trial.block, trial.seed, json.dumps(trial.hyperparameters))
            for trial in plan_of().trials()
            if trial.study == study and trial.slot == 0
        }

    assert trainings("net/solo") == trainings("net/homogeneous-2")


def test_members_of_a_cohort_differ_in_slot_and_seed_alone():
    cohorts = [c for c in plan_of().cohorts if c.study == "net/homogeneous-2"]
    for cohort in cohorts:
        first, second = cohort.trials
        assert (first.slot, second.slot) == (0, 1)
        assert first.seed != second.seed
        assert first.hyperparameters == second.hyperparameters
        assert first.cohort == second.cohort == cohort.key


def test_each_model_warms_up_first_briefly_and_uncounted():
    plan = plan_of()
    warm = [cohort for cohort in plan.cohorts if not cohort.counted]
    assert list(plan.cohorts[:2]) == warm
    assert [cohort.trials[0].model for cohort in warm] == ["net", "other"]
    assert all(trial.hyperparameters["epochs"] == 1 for c in warm for trial in c.trials)
    assert all(trial.mutation is None for c in warm for trial in c.trials)


def test_mutants_change_what_they_say_and_nothing_else():
    original = {h.name: h.default for h in HYPERPARAMETERS} | {"epochs": 4}
    for trial in plan_of().trials():
        if trial.study != "net/solo":
            continue
        changed = {n: v for n, v in trial.hyperparameters.items() if v != original[n]}
        said = trial.mutation.changes if trial.mutation else ()
        assert changed == {c.hyperparameter: c.after for c in said if c.hyperparameter != "seed"}


def test_the_same_suite_gives_the_same_plan_and_another_seed_another():
    assert plan_json(plan_of()) == plan_json(plan_of())
    other = plan_of(TEXT.replace("seed = 11", "seed = 12"))
    assert [t.key for t in plan_of().trials()] != [t.key for t in other.trials()]


def test_adding_a_study_leaves_the_trials_of_others_as_they_are():
    before = {trial.key for trial in plan_of().trials()}
    more = plan_of(TEXT + '[[study]]\nmodel = "net"\nname = "more"\nblocks = 4\n')
    assert before < {trial.key for trial in more.trials()}


def test_a_seed_that_the_model_itself_declares_is_an_ordinary_hyperparameter():
    seeded = model("seeded", (Hyperparameter(name="seed", default=1),))
    registry = plugins(seeded)
    text = (
        'name = "s"\n[[study]]\nmodel = "seeded"\n'
        'mutate = [{operator = "hyperparameter", options = {name = "seed"}, values = [7]}]'
    )
    trials = [t for t in plan_of(text, registry).trials() if t.block == 1]
    assert {t.hyperparameters["seed"] for t in trials} == {1, 7}
    assert len({t.seed for t in trials}) == 1


def test_a_suite_built_by_hand_is_checked_too():
    suite = Suite(name="s", studies=(StudySpec(model="gone", name="gone"),))
    with pytest.raises(SuiteError, match="allowed: net, other"):
        build_plan(suite, REGISTRY)
    twice = StudySpec(model="net", name="net")
    with pytest.raises(SuiteError, match="planned twice"):
        build_plan(Suite(name="s", studies=(twice, twice)), REGISTRY)


TOGETHER = """
name = "s"
seed = 11
blocks = 2
[[study]]
model = "net"
scenarios = [
    "solo",
    {kind = "mixed", companions = ["other", {model = "other", hyperparameters = {epochs = 3}}]},
    {kind = "foreground", background = ["other"]},
    {kind = "foreground", background = ["other"], cores = "pinned"},
]
[[study.mutate]]
operator = "learning_rate"
factors = [0.5]
[[study.mutate]]
operator = "seed"
values = [5]
"""


def test_companions_stay_as_they_are_beside_every_arm():
    plan = plan_of(TOGETHER)
    cohorts = [c for c in plan.cohorts if c.study == "net/mixed+other+other"]
    whole = {h.name: h.default for h in HYPERPARAMETERS}
    for cohort in cohorts:
        measured, first, second = cohort.trials
        assert [t.role for t in cohort.trials] == ["measured", "companion", "companion"]
        assert [t.slot for t in cohort.trials] == [0, 1, 2]
        assert [t.model for t in cohort.trials] == ["net", "other", "other"]
        assert {t.arm for t in cohort.trials} == {cohort.arm} == {measured.arm}
        assert first.hyperparameters == whole
        assert second.hyperparameters == whole | {"epochs": 3}
        assert first.mutation is second.mutation is None
        assert first.scenario.companions[1].hyperparameters == second.hyperparameters
    seeds = {(c.block, c.trials[1].seed, c.trials[2].seed) for c in cohorts}
    assert len(seeds) == 2, "whatever is mutated, a companion's seed is its block's"
    keys = [trial.key for trial in plan.trials()]
    assert len(set(keys)) == len(keys) == 2 + 2 * 4 * (1 + 3 + 2 + 2)


def test_a_background_is_planned_in_a_slot_of_its_own():
    plan = plan_of(TOGETHER)
    for study in ("net/foreground+other", "net/foreground+other-pinned"):
        for cohort in (c for c in plan.cohorts if c.study == study):
            assert [t.role for t in cohort.trials] == ["measured", "background"]
    names = ("net/foreground+other", "net/foreground+other-pinned")
    shared, pinned = ({t.key for t in plan.trials() if t.study == name} for name in names)
    assert shared.isdisjoint(pinned)


def test_every_model_warms_up_companions_too():
    warm = [c.trials[0] for c in plan_of(TOGETHER).cohorts if not c.counted]
    assert [(t.model, t.hyperparameters["epochs"]) for t in warm] == [("net", 1), ("other", 1)]


def test_what_is_planned_beside_a_model_shows_in_table_and_json():
    plan = plan_of(TOGETHER)
    rows = [r for r in plan_table(plan) if r.study == "net/foreground+other"]
    assert {(r.member, r.model) for r in rows} == {("1/2", "net"), ("2/2 background", "other")}
    trials = [t for t in plan_json(plan)["trials"] if t["study"] == "net/foreground+other-pinned"]
    assert {(t["slot"], t["role"], t["model"]) for t in trials} == {
        (0, "measured", "net"),
        (1, "background", "other"),
    }
    assert trials[0]["placement"]["cores"] == "pinned"
    assert trials[0]["scenario"] == "foreground beside other, pinned cores"


def test_a_companion_that_is_not_there_is_refused():
    scenario = Scenario(kind="mixed", companions=(Companion(model="gone"),))
    study = StudySpec(model="net", name="net", scenario=scenario)
    with pytest.raises(SuiteError, match="allowed: net, other"):
        build_plan(Suite(name="s", studies=(study,)), REGISTRY)


def test_keys_of_solo_and_homogeneous_trials_stay_what_they_were():
    """Result sets from before there were companions go on."""
    plan = plan_of()
    keys = hashlib.sha256("".join(t.key for t in plan.trials()).encode()).hexdigest()
    assert keys[:16] == "c8df5b92fb17079f"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    blocks=st.integers(1, 4),
    copies=st.integers(2, 4),
    originals=st.integers(1, 5),
    nulls=st.integers(1, 3),
    count=st.integers(1, 12),
)
def test_keys_are_unique_in_any_plan(seed, blocks, copies, originals, nulls, count):
    plan = plan_of(f"""
name = "s"
seed = {seed}
blocks = {blocks}
[[study]]
model = "net"
scenarios = ["solo", {{kind = "homogeneous", copies = {copies}}}]
originals = {originals}
nulls = {nulls}
[[study.mutate]]
operator = "learning_rate"
draw = {{distribution = "uniform", low = 0.01, high = 1.0, count = {count}}}
""")
    keys = [trial.key for trial in plan.trials()]
    assert len(set(keys)) == len(keys) == 1 + blocks * (1 + copies) * (originals + nulls + count)


def test_the_table_shows_every_trial_in_order_with_its_mutation_verbatim():
    rows = plan_table(plan_of())
    plan = plan_of()
    assert [row.key for row in rows] == [trial.key for trial in plan.trials()]
    assert {"learning_rate: 0.1 → 0.05", "seed: block → 5", "null 1", "original"} <= {
        row.what for row in rows
    }
    assert (rows[0].what, rows[0].study) == ("warm-up", "warm-up net")


def test_the_json_is_plain_and_carries_changes_as_data():
    data = json.loads(json.dumps(plan_json(plan_of())))
    mutants = [trial for trial in data["trials"] if trial["arm"] == "learning_rate=0.05"]
    assert {trial["mutation"] for trial in mutants} == {"learning_rate: 0.1 → 0.05"}
    assert mutants[0]["changes"] == [
        {"hyperparameter": "learning_rate", "before": 0.1, "after": 0.05}
    ]
    assert {trial["scenario"] for trial in mutants} == {"solo", "homogeneous ×2"}
    assert [trial["counted"] for trial in data["trials"]].count(False) == 2


def test_counts_add_up():
    plan = plan_of()
    solo, beside, other = plan_counts(plan)
    assert (solo.originals, solo.mutants, solo.nulls, solo.blocks) == (3, 5, 1, 2)
    assert (solo.cohorts, solo.trials) == (18, 18)
    assert (beside.cohorts, beside.trials) == (18, 36)
    assert (other.cohorts, other.blocks) == (3, 1)


def test_the_facts_for_the_record_say_who_provides_a_model():
    plan = plan_of()
    facts = json.loads(json.dumps(plan_facts(plan, plan.suite, REGISTRY)))
    assert facts["models"]["net"]["distribution"] == "third-party"
    assert facts["models"]["net"]["metrics"][0]["name"] == "accuracy"
    assert [study["study"] for study in facts["studies"]] == [
        "net/solo",
        "net/homogeneous-2",
        "other/solo",
    ]


def test_time_is_estimated_where_every_part_is_known():
    plan = plan_of()
    idle_s = 5.0 + 1.0 * (len(plan.cohorts) - 1)
    known = {"net/solo": 10.0, "net/homogeneous-2": 20.0}
    assert estimate_time_s(plan, known) is None
    whole = estimate_time_s(plan, known | {"other": 2.0, "warm-up": 1.0})
    assert whole == pytest.approx(idle_s + 18 * 10 + 18 * 20 + 3 * 2 + 2 * 1)
    assert estimate_time_s(plan, {"net": 10.0, "other": 2.0}) == pytest.approx(
        idle_s + 37 * 10 + 4 * 2
    )
