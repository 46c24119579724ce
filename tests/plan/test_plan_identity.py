"""The key of a trial: the same for the same logical trial everywhere, another for any change."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenbench.api import Companion, Placement, Scenario
from greenbench.plan import trial_key
from greenbench.plan.identity import configuration

NAMES = st.text("ab=,é", max_size=3)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    NAMES,
)
TRIALS = st.fixed_dictionaries(
    {
        "model": NAMES,
        "arm": NAMES,
        "hyperparameters": st.dictionaries(NAMES, VALUES, max_size=4),
        "seed": st.integers(0, 2**31),
        "block": st.integers(0, 9),
        "scenario": st.builds(
            Scenario,
            kind=st.sampled_from(["solo", "homogeneous", "mixed", "foreground"]),
            copies=st.integers(1, 3),
            companions=st.lists(
                st.builds(
                    Companion,
                    model=NAMES,
                    hyperparameters=st.dictionaries(NAMES, VALUES, max_size=2),
                ),
                max_size=2,
            ).map(tuple),
            placement=st.builds(
                Placement,
                gpu=st.sampled_from(["same", "each"]),
                cores=st.sampled_from(["shared", "pinned"]),
                cpu_quota=st.sampled_from([None, 0.5, 2.0]),
                memory_mb=st.sampled_from([None, 512]),
            ),
        ),
        "threads": st.integers(1, 8),
        "slot": st.integers(0, 3),
        "role": st.sampled_from(["measured", "companion", "background"]),
        "ordinal": st.integers(1, 4),
        "beside": st.none() | st.builds(configuration, NAMES, st.dictionaries(NAMES, VALUES)),
    }
)


def exact(trial):
    """Equal only for the same logical content: 1, 1.0 and True are different values."""

    def typed(value):
        if isinstance(value, dict):
            return sorted((k, typed(v)) for k, v in value.items())
        return [typed(v) for v in value] if isinstance(value, list) else repr(value)

    scenario = dict(trial["scenario"].data())
    return repr(typed({**trial, "scenario": scenario}))


@settings(deadline=None)
@given(TRIALS, TRIALS)
def test_keys_agree_exactly_when_the_trials_do(one, other):
    assert (trial_key(**one) == trial_key(**other)) == (exact(one) == exact(other))


@settings(deadline=None)
@given(TRIALS, st.randoms())
def test_the_order_of_hyperparameters_does_not_matter(trial, random):
    items = list(trial["hyperparameters"].items())
    random.shuffle(items)
    assert trial_key(**trial) == trial_key(**{**trial, "hyperparameters": dict(items)})


@settings(deadline=None)
@given(TRIALS, TRIALS, st.data())
def test_a_change_of_any_single_part_changes_the_key(one, other, data):
    name = data.draw(st.sampled_from(sorted(one)))
    changed = {**one, name: other[name]}
    assert (trial_key(**changed) == trial_key(**one)) == (exact(changed) == exact(one))


def test_another_process_finds_the_same_key():
    trial = {
        "model": "net",
        "arm": "learning_rate=1e-07",
        "hyperparameters": {"b": 1e-07, "a": True, "é": "ü"},
        "seed": 3,
        "block": 1,
        "threads": 2,
    }
    code = (
        "import json, sys; from greenbench.api import Scenario; from greenbench.plan import trial_key;"
        "print(trial_key(scenario=Scenario(), **json.load(sys.stdin)))"
    )
    shuffled = dict(reversed(trial.items()))
    other = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(shuffled),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "5"},
    )
    assert other.stdout.strip() == trial_key(scenario=Scenario(), **trial)


def test_keys_stay_what_they_are():
    """A key that changes between releases would make every result set unresumable."""
    key = trial_key(
        model="digits-mlp",
        arm="learning_rate=0.05",
        hyperparameters={"epochs": 3, "learning_rate": 0.05, "optimizer": "adam"},
        seed=7,
        block=2,
        scenario=Scenario(kind="homogeneous", copies=2),
        threads=1,
        slot=1,
    )
    assert key == "4bbf70dd0923731e"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_without_an_identity_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        trial_key(
            model="m",
            arm="a",
            hyperparameters={"x": value},
            seed=1,
            block=1,
            scenario=Scenario(),
            threads=1,
        )
