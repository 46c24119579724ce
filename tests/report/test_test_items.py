"""A report of a bundled model knows of how many test items its metric is a share."""

import pytest
from simulated import Study, Truth, change, simulate

from greenbench.plan import build_plan, plan_facts
from greenbench.plugins import load_plugins
from greenbench.report import build_report, render_markdown
from greenbench.report.context import context
from greenbench.suite import load_suite

SUITE = """
name = "items"
[[study]]
model = "{model}"
{settings}
margins = {{{metric} = 0.02}}
[[study.mutate]]
operator = "epochs"
values = [6]
"""


def result_set(tmp_path, model, settings="", metric="accuracy"):
    """One with a simulated training, and what a plan with the real model records."""
    plugins = load_plugins()
    path = tmp_path / "suite.toml"
    path.write_text(SUITE.format(model=model, settings=settings, metric=metric))
    suite = load_suite(path, plugins)
    facts = plan_facts(build_plan(suite, plugins), suite, plugins)
    study = Study([(change("epochs", 5), Truth(0.5))], model=model, blocks=8)
    (planned,) = facts["studies"]
    facts["studies"] = [planned | {"study": study.name}]
    return study.name, simulate(tmp_path / "out", [study], facts=facts)


@pytest.mark.parametrize(
    ("model", "settings", "metric", "items"),
    [
        ("digits-cnn", "", "accuracy", 500),
        ("digits-cnn-keras", "", "accuracy", 500),
        ("mnist-cnn", "", "accuracy", 10_000),
        ("mnist-cnn", 'hyperparameters = {data = "digits-28x28"}', "accuracy", 500),
        ("mnist-siamese-keras", 'hyperparameters = {data = "digits-28x28"}', "accuracy", 500),
        ("cifar10-resnet20", 'hyperparameters = {data = "synthetic-cifar10"}', "accuracy", 1_000),
        ("market1501-hrnet18", "", "rank1", 3_368),
        ("market1501-hrnet18", 'hyperparameters = {data = "synthetic-market1501"}', "rank1", 96),
        ("stdlib-transformer-lm", "", "bits_per_byte", None),
    ],
)
def test_the_items_are_those_of_the_data_that_the_study_trains_on(
    tmp_path, model, settings, metric, items
):
    study, store = result_set(tmp_path, model, settings, metric)
    assert context(store).metrics(study)[0].items == items


def test_the_same_values_are_kept_on_many_images_and_open_on_few(tmp_path):
    """The simulated runs agree to within 0.001; only the test sets differ."""
    for data, word in (("mnist", "kept"), ("digits-28x28", "inconclusive")):
        folder = tmp_path / data
        folder.mkdir()
        _, store = result_set(folder, "mnist-cnn", f'hyperparameters = {{data = "{data}"}}')
        text = render_markdown(build_report(store))
        rows = [line for line in text.splitlines() if line.startswith("| epochs: 10 → 5 |")]
        words = {found for row in rows for found in row.strip("| ").split(" | ")}
        assert words & {"kept", "inconclusive"} == {word}
