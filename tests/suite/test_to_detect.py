"""`greenbench suite plan --to-detect`, and what only the user can say of energy."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "report"))

from fake_plugins import plugins
from simulated import Study, Truth, change, null, simulate

from greenbench.cli import cli
from greenbench.errors import SuiteError
from greenbench.plan import build_plan, plan_facts
from greenbench.report import build_report
from greenbench.suite.load import parse_suite

SUITE = """
name = "s"
blocks = 5
[[study]]
model = "net"
mutate = [{operator = "epochs", values = [3, 4]}]
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    registry = plugins()
    monkeypatch.setattr("greenbench.plugins.load_plugins", lambda: registry)
    path = tmp_path / "s.toml"
    path.write_text(SUITE)
    return path


def run(*arguments):
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_blocks_for_a_stated_noise(planned):
    text = run("suite", "plan", planned, "--to-detect", "5%", "--cv", "10%")
    (line,) = [line for line in text.splitlines() if line.startswith("net/solo")]
    study, blocks, noise, detects, needed = line.replace(" %", "%").split()
    assert (study, blocks, noise) == ("net/solo", "5", "10%")
    assert float(detects.rstrip("%")) > 5
    assert int(needed) > 5
    finer = run("suite", "plan", planned, "--to-detect", "5%", "--cv", "1%")
    assert int(finer.splitlines()[1].split()[-1]) < int(needed)


def test_noise_comes_from_earlier_results(planned, tmp_path):
    nothing = run("suite", "plan", planned, "--to-detect", "5%", "--results-root", tmp_path / "no")
    assert "no earlier results of this study" in nothing
    truths = [(change("epochs", n), Truth(n / 10)) for n in (3, 4)] + [(null(), Truth())]
    study = Study(truths, blocks=10, noise=0.05)
    store = simulate(tmp_path / "results" / "one", [study])
    for table in ("trials",):
        store.connection.execute(f"UPDATE {table} SET study = 'net/solo'")
    store.close()
    root = tmp_path / "results"
    text = run("suite", "plan", planned, "--to-detect", "5%", "--results-root", root)
    line = text.splitlines()[1].replace(" %", "%").split()
    assert 3 < float(line[2].rstrip("%")) < 7
    assert line[4].isdigit()


def test_a_wrong_share_is_refused(planned):
    result = CliRunner().invoke(cli, ["suite", "plan", str(planned), "--to-detect", "much"])
    assert result.exit_code == 2
    assert "no percentage" in result.output


def test_margins_and_prices_reach_the_report(tmp_path):
    registry = plugins()
    text = SUITE.replace("[[study]]", "[analysis]\nprice_per_kwh = 0.3\n[[study]]")
    metric = registry.models["net"].value.metrics[0].name
    stated = text.replace("mutate =", f"margins = {{{metric} = 0.5}}\nmutate =")
    suite = parse_suite(stated, registry)
    facts = plan_facts(build_plan(suite, registry), suite, registry)
    assert facts["studies"][0]["margins"] == {metric: 0.5}
    assert facts["analysis"]["price_per_kwh"] == 0.3
    with pytest.raises(SuiteError, match="did you mean"):
        parse_suite(stated.replace(metric, metric + "y"), registry)


def test_savings_are_emissions_and_money_where_stated_only(tmp_path):
    truths = [(change("epochs", 5), Truth(0.5)), (null(), Truth())]
    store = simulate(tmp_path / "a", [Study(truths, blocks=6)])
    titles = [table.title for table in build_report(store).section("choice").tables]
    assert not any("money" in title for title in titles)
    store.close()
    options = ("--grid-intensity", "360", "--price", "0.3", "--currency", "EUR")
    text = run("report", tmp_path / "a", "--section", "choice", *options, "--format", "md")
    rows = text.partition("emissions and money")[2].splitlines()
    row = next(line for line in rows if line.startswith("| mlp"))
    grams = float(row.split("|")[3].split()[0])
    assert grams == pytest.approx(6000 / 3.6e6 * 360, rel=0.1)
    assert "0.3 EUR a kWh" in text
    stated = {"analysis": {"price_per_kwh": 0.5, "currency": "CHF"}}
    store = simulate(tmp_path / "b", [Study(truths, blocks=6)], facts=stated)
    tables = build_report(store).section("choice").tables
    assert any("CHF" in column.title for table in tables for column in table.columns)
