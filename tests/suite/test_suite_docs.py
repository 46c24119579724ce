"""The documentation of the suite format, and the JSON Schema, say what the code does."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from fake_plugins import model, plugins
from pydantic import ValidationError

from greenbench.plan import blocks_to_settle, build_plan, plan_json
from greenbench.suite import suite_schema
from greenbench.suite.load import parse_suite
from greenbench.suite.tables import TABLES, SuiteTable

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")


def test_every_key_is_documented_with_its_default():
    for table in TABLES.values():
        for name, field in table.model_fields.items():
            assert f"`{name}`" in PAGE, name
            default = field.default
            if isinstance(default, bool | int | float) and default is not None:
                shown = json.dumps(default)
                assert re.search(
                    rf"`{name}` .*\| `{re.escape(shown)}` \||`{name}` \(default", PAGE
                ), name


def test_the_example_uses_every_key_and_loads():
    (text,) = re.findall(r"```toml\n(name = .*?)```", PAGE, re.DOTALL)
    suite = parse_suite(text, plugins(model("digits-mlp")))
    data = tomllib.loads(text)
    study, mutate = data["study"][0], data["study"][0]["mutate"]
    used = {*data, *data["measure"], *data["cooldown"], *data["limits"], *study}
    used |= {key for table in mutate for key in table} | set(mutate[1]["draw"])
    used |= set(study["scenarios"][1])
    assert used == {name for table in TABLES.values() for name in table.model_fields}
    assert len(build_plan(suite, plugins(model("digits-mlp"))).cohorts) == 1 + 2 * 6 * 10


def test_the_keys_of_the_plans_json_are_documented():
    plan = plan_json(
        build_plan(parse_suite('name = "s"\n[[study]]\nmodel = "net"', plugins()), plugins())
    )
    section = PAGE[PAGE.index("## The plan as JSON") :]
    for key in {*plan, *plan["trials"][0], *plan["studies"][0]}:
        assert f"`{key}`" in section, key


def test_the_table_of_blocks_needed_is_right():
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(rows) >= 5
    for mutants, originals, blocks in rows:
        assert blocks_to_settle(int(originals), int(mutants)) == int(blocks)


def test_the_schema_describes_every_key_for_editors():
    schema = suite_schema()
    json.dumps(schema)
    tables = [schema, *schema["$defs"].values()]
    for table in tables:
        assert table["additionalProperties"] is False
        for name, key in table["properties"].items():
            assert key.get("description") or "$ref" in key, name


@pytest.mark.parametrize("wrong", [{"study": []}, {"name": "s"}, {"name": 3, "study": []}])
def test_the_shape_is_strict(wrong):
    with pytest.raises(ValidationError):
        SuiteTable.model_validate(wrong)
