"""What a user gets from a right suite, and what they are told of a wrong one."""

import subprocess
import sys
from pathlib import Path

import pytest
from fake_plugins import model, plugins

from greenbench.api import Change, Companion, Limits, Mutation, Placement, Scenario
from greenbench.errors import SuiteError, UsageError
from greenbench.plugins import PluginProblem
from greenbench.suite import Cooldown, Measure, load_suite, study_mutations
from greenbench.suite.load import parse_suite

SMALLEST = 'name = "s"\n[[study]]\nmodel = "net"\n'


def test_the_smallest_suite_has_the_documented_defaults(parse):
    suite = parse(SMALLEST)
    assert (suite.seed, suite.executor) == (0, "auto")
    assert suite.measure == Measure()
    assert suite.measure.backends is None
    assert suite.cooldown == Cooldown(enabled=True, limit_s=30.0)
    assert suite.limits == Limits()
    (study,) = suite.studies
    assert (study.study, study.scenario, study.blocks) == ("net/solo", Scenario(), 3)
    assert (study.nulls, study.originals, study.mutate) == (1, None, ())


def test_only_known_models_are_let_into_a_network(parse):
    head = SMALLEST.replace("[[study]]", "[limits]\nnetwork = {}\n[[study]]")
    assert parse(SMALLEST).limits.network == ()
    assert parse(head.format('["net"]')).limits.network == ("net",)
    with pytest.raises(SuiteError, match=r'limits.network\[1\]: found "nett".*did you mean "net"'):
        parse(head.format('["net", "nett"]'))


def test_everything_that_is_said_arrives(parse):
    text = """
name = "full"
description = "all of it"
seed = 7
blocks = 2
executor = "process"
[measure]
period_s = 0.05
backends = ["rapl", "nvml"]
idle_s = 1
[cooldown]
enabled = false
[limits]
threads = 2
gpus = 2
[[study]]
model = "net"
name = "small"
scenarios = ["solo", {kind = "homogeneous", copies = 3}]
hyperparameters = {epochs = 5, learning_rate = 1}
nulls = 2
originals = 4
blocks = 5
[[study.mutate]]
operator = "epochs"
values = [3]
draw = {distribution = "uniform", low = 0.5, high = 2.0, count = 2, relative = true}
"""
    suite = parse(text)
    assert suite.text == text
    assert suite.measure.backends == ("rapl", "nvml")
    assert suite.measure.idle_s == 1.0
    assert not suite.cooldown.enabled
    assert (suite.limits.threads, suite.limits.gpus) == (2, ("count:2",))
    solo, beside = suite.studies
    assert (solo.study, beside.study) == ("small/solo", "small/homogeneous-3")
    assert (beside.nulls, beside.originals, beside.blocks) == (2, 4, 5)
    assert beside.mutate[0].request.draw.count == 2
    assert suite.models() == ["net"]


def test_scenarios_name_who_trains_together_and_where(parse):
    scenarios = """scenarios = [
    {kind = "mixed", companions = ["other", {model = "net", hyperparameters = {epochs = 3}}]},
    {kind = "foreground", background = ["other"], gpu = "each", cores = "pinned", cpu_quota = 1},
    {kind = "foreground", name = "small", background = ["other"], memory_mb = 512},
]
[limits]
gpus = "all"
"""
    mixed, foreground, small = parse(SMALLEST + scenarios).studies
    assert mixed.study == "net/mixed+other+net"
    assert mixed.scenario.companions == (
        Companion(model="other"),
        Companion(model="net", hyperparameters={"epochs": 3}),
    )
    assert mixed.scenario.members == 3
    assert foreground.study == "net/foreground+other-gpu-each-pinned-1cpu"
    assert foreground.scenario.placement == Placement(gpu="each", cores="pinned", cpu_quota=1.0)
    assert str(foreground.scenario) == (
        "foreground beside other, a GPU each, pinned cores, 1 CPUs each"
    )
    assert (small.study, small.scenario.placement.memory_mb) == ("net/small", 512)
    assert parse(SMALLEST + scenarios).models() == ["net", "other"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0", ()), ("3", ("count:3",)), ('"all"', ("all",)), ('["0", "GPU-1"]', ("0", "GPU-1"))],
)
def test_gpus_have_four_forms(parse, written, meant):
    assert parse(f"{SMALLEST}[limits]\ngpus = {written}\n").limits.gpus == meant


def test_every_problem_is_shown_at_once_with_its_line_and_remedy(problems):
    found = problems("""name = "two words"
sed = 3
blocks = "three"
executor = "dokcer"
[measure]
period_s = 0
[limits]
memory_gb = 3
gpus = true
[[study]]
model = "nett"
scenarios = ["solo", {kind = "homogenous"}]
[[study]]
model = "net"
hyperparameters = {epochs = 0, learing_rate = 0.1, optimizer = "adm", seed = 1}
[[study.mutate]]
operator = "learning_rates"
factors = [2.0]
[[study.mutate]]
operator = "epochs"
factor = [2.0]
""")
    expected = [
        ("suite:1: name: ", "letters, digits"),
        ("suite:2: sed: ", 'did you mean "seed"?'),
        ("suite:3: blocks: ", 'found "three"; allowed: a whole number'),
        ("suite:4: executor: ", 'allowed: auto, docker, process; did you mean "docker"?'),
        ("suite:6: measure.period_s: ", "found 0; allowed: 0.01 or more"),
        ("suite:8: limits.memory_gb: ", 'did you mean "memory_mb"?'),
        ("suite:9: limits.gpus: ", 'allowed: a number of GPUs, "all", or a list'),
        ("suite:11: study[0].model: ", 'allowed: net, other; did you mean "net"?'),
        ("suite:12: study[0].scenarios[1].kind: ", 'did you mean "homogeneous"?'),
        ("suite:15: study[1].hyperparameters.epochs: ", "must be in [1, 100], not 0"),
        ("suite:15: study[1].hyperparameters.learing_rate: ", 'did you mean "learning_rate"?'),
        ("suite:15: study[1].hyperparameters.optimizer: ", 'did you mean "adam"?'),
        ("suite:15: study[1].hyperparameters.seed: ", 'the operator "seed" mutates it'),
        ("suite:17: study[1].mutate[0].operator: ", 'did you mean "learning_rate"?'),
        ("suite:21: study[1].mutate[1].factor: ", 'did you mean "factors"?'),
    ]
    for start, part in expected:
        assert any(p.startswith(start) and part in p for p in found), (start, found)
    assert len(found) == len(expected)


def test_a_key_in_the_wrong_table_is_sent_home(problems):
    (found,) = problems("idle_s = 3\n" + SMALLEST)
    assert "it belongs to [measure]" in found


def test_operators_refusals_carry_the_place_in_the_file(problems):
    found = problems(
        SMALLEST
        + """[[study.mutate]]
operator = "epochs"
factors = [2.0, 1.01, 99]
[[study.mutate]]
operatr = "x"
[[study.mutate]]
operator = "hyperparameter"
options = {name = "epoch"}
"""
    )
    assert found[0].startswith("suite:6: study[0].mutate[0].factors[1]: 10 × 1.01 rounds to 10")
    assert found[1].startswith("suite:6: study[0].mutate[0].factors[2]: epochs must be in [1, 100]")
    assert "study[0].mutate[1].operator: is missing" in found[2]
    assert 'study[0].mutate[2].options.name: net has no hyperparameter "epoch"' in found[-1]


@pytest.mark.parametrize(
    ("study", "part"),
    [
        ('scenarios = [{kind = "solo", copies = 2}]', "solo is 1 copy"),
        ('scenarios = [{kind = "homogeneous", copies = 1}]', "2 or more"),
        ('scenarios = ["solo", "solo"]', "gives net/solo twice"),
        ('scenarios = [{kind = "mixed"}]', "companions: is missing: the models beside"),
        (
            'scenarios = [{kind = "mixed", background = ["other"]}]',
            'belongs to kind = "foreground"',
        ),
        ('scenarios = [{kind = "mixed", companions = ["oter"]}]', 'did you mean "other"?'),
        ('scenarios = [{kind = "mixed", companions = "other"}]', "a list of models"),
        ('scenarios = [{kind = "mixed", companions = [3]}]', "a list of models"),
        ('scenarios = [{kind = "mixed", copies = 2, companions = ["net"]}]', "mixed is 1 copy"),
        (
            """scenarios = [{kind = "foreground", background = [
                {model = "other", hyperparameters = {epochs = 0}}]}]""",
            "scenarios[0].background[0].hyperparameters.epochs: must be in [1, 100], not 0",
        ),
        (
            'scenarios = [{kind = "homogeneous", gpu = "each"}]\n[limits]\ngpus = 1',
            "one GPU each for 2 members, but limits.gpus is 1",
        ),
        (
            """scenarios = [{kind = "mixed", companions = ["other"]}, {kind = "mixed", companions = [
                {model = "other", hyperparameters = {epochs = 3}}]}]""",
            "gives net/mixed+other twice",
        ),
        ("nulls = 0", "nothing to compare"),
        ('nulls = 1\nmutate = [{operator = "null"}]', "keep one of them"),
        (
            'mutate = [{operator = "epochs", values = [3]}, {operator = "epochs", factors = [0.3]}]',
            "yields epochs: 10 → 3 again; study.mutate[0] already does",
        ),
        ('mutate = [{operator = "epochs", values = [[3]]}]', "true, false, a number or a text"),
        ("hyperparameters = {learning_rate = nan}", "a finite number"),
        (f"hyperparameters = {{learning_rate = {'9' * 400}}}", "no larger than a float can be"),
        ('[[study]]\nmodel = "net"', "give one of them another name"),
    ],
)
def test_what_contradicts_itself_is_refused(problems, study, part):
    assert part in "\n".join(problems(SMALLEST + study))


def test_a_missing_model_names_the_distribution_that_should_offer_it():
    broken = PluginProblem("greenbench-torch", "0.3", "torch", "can't be imported: boom")
    with pytest.raises(SuiteError) as caught:
        parse_suite(SMALLEST.replace("net", "digits"), plugins(problems=[broken]))
    assert "greenbench-torch 0.3 (can't be imported: boom)" in str(caught.value)


def test_a_claimed_name_names_its_claimants(problems):
    claim = PluginProblem("lab-models", "2.0", "lab", "breaks", names=("ner",))
    (found,) = problems(SMALLEST.replace("net", "ner"), plugins(problems=[claim]))
    assert "it should come from lab-models 2.0 (breaks), which can't be used" in found


def test_malformed_toml_is_placed(tmp_path, registry):
    path = tmp_path / "bad.toml"
    path.write_text('name = "x"\nblocks = = 3\n', encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_suite(path, registry)
    assert str(caught.value).startswith(f"{path}:2:10: not TOML:")


def test_files_that_cannot_be_read_say_why(tmp_path, registry):
    with pytest.raises(UsageError, match="No such file"):
        load_suite(tmp_path / "none.toml", registry)
    with pytest.raises(UsageError, match="directory"):
        load_suite(tmp_path, registry)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"\n')
    with pytest.raises(SuiteError, match="isn't UTF-8"):
        load_suite(tmp_path / "latin.toml", registry)


class Operator:
    name = "odd"
    description = "does what its test says"

    def __init__(self, outcome):
        self.outcome = outcome

    def mutate(self, model, original, request, random):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def change(name, before, after):
    return Change(name, before, after)


@pytest.mark.parametrize(
    ("outcome", "part"),
    [
        (RuntimeError("boom"), "the operator odd of third-party 1.2 failed: RuntimeError: boom"),
        ([], "yields no mutant"),
        (["epochs"], "is no Mutation"),
        ([Mutation("odd", ())], "changes nothing"),
        ([Mutation("odd", (change("epochs", 10, 1000),))], "must be in [1, 100]"),
        ([Mutation("odd", (change("epochs", 9, 5),))], "epochs of the original is 10"),
        ([Mutation("odd", (change("epochs", 10, 10),))], "that is the original"),
        ([Mutation("odd", (change("depth", 1, 2),))], "has no hyperparameter depth"),
        ([Mutation("odd", (change("seed", "block", -1),))], "a seed must be a whole number"),
        ([Mutation("odd", (change("epochs", 10, 5), change("epochs", 10, 6)))], "twice"),
    ],
)
def test_an_operator_that_breaks_the_rules_is_named(problems, outcome, part):
    registry = plugins(operators=[Operator(outcome)])
    (found,) = problems(f'{SMALLEST}mutate = [{{operator = "odd"}}]', registry)
    assert part in found


def test_the_models_types_win(parse, registry):
    text = f'{SMALLEST}mutate = [{{operator = "learning_rate", values = [1]}}]'
    (mutation, _null), problems = study_mutations(parse(text).studies[0], 0, registry)
    assert problems == []
    assert repr(mutation.changes[0].after) == "1.0"


def test_draws_of_a_study_do_not_depend_on_others(parse, registry):
    drawn = """mutate = [{operator = "learning_rate", draw = {distribution = "log-uniform",
 low = 0.1, high = 10, count = 3, relative = true}}]
"""
    drawn = drawn.replace("\n ", " ")
    alone = parse(SMALLEST + drawn)
    among = parse(
        'name = "s"\n[[study]]\nmodel = "other"\n'
        + drawn
        + '[[study]]\nmodel = "net"\n'
        + drawn.replace("[{", '[{operator = "epochs", values = [3]}, {')
    )
    first = study_mutations(alone.studies[0], 5, registry)[0]
    second = study_mutations(among.studies[1], 5, registry)[0]
    foreign = study_mutations(among.studies[0], 5, registry)[0]
    assert set(first) <= set(second)
    assert set(first[:3]).isdisjoint(foreign)
    assert first != study_mutations(alone.studies[0], 6, registry)[0]


def test_nulls_are_added_unless_said_otherwise(parse, registry):
    def nulls(text):
        mutations, _ = study_mutations(parse(SMALLEST + text).studies[0], 0, registry)
        return [str(m) for m in mutations if not m.changes]

    assert nulls("") == ["null 1"]
    assert nulls("nulls = 2") == ["null 1", "null 2"]
    assert nulls('mutate = [{operator = "null", options = {count = 3}}]') == [
        "null 1",
        "null 2",
        "null 3",
    ]
    assert nulls('nulls = 0\nmutate = [{operator = "epochs", values = [3]}]') == []


def test_importing_suites_does_not_import_pydantic():
    code = "import sys, greenbench.suite, greenbench.plan; sys.exit('pydantic' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_suite_without_plugins_says_so():
    registry = plugins(model())
    registry.models.offered.clear()
    with pytest.raises(SuiteError, match="no plugin offers any model"):
        parse_suite(SMALLEST, registry)
