"""The documentation of the suite format, and the JSON Schema, say what the code does."""

import contextlib
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
    registry = plugins(model("digits-mlp"), model("digits-cnn"))
    suite = parse_suite(text, registry)
    data = tomllib.loads(text)
    study, mutate = data["study"][0], data["study"][0]["mutate"]
    used = {*data, *data["measure"], *data["cooldown"], *data["limits"], *data["retry"], *study}
    used |= set(data["analysis"])
    used |= {key for table in mutate for key in table} | set(mutate[1]["draw"])
    used |= {key for table in study["scenarios"][1:] for key in table}
    used |= set(study["scenarios"][3]["background"][0])
    assert used == {name for table in TABLES.values() for name in table.model_fields}
    assert len(build_plan(suite, registry).cohorts) == 2 + 4 * 6 * 10


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


@pytest.mark.parametrize(
    ("scenario", "right"),
    [
        ({"kind": "solo"}, True),
        ({"kind": "homogeneous", "copies": 3, "cores": "pinned"}, True),
        ({"kind": "mixed", "companions": ["a", {"model": "b"}]}, True),
        ({"kind": "foreground", "background": ["a"], "gpu": "each"}, True),
        ({"kind": "mixed"}, False),
        ({"kind": "mixed", "background": ["a"]}, False),
        ({"kind": "foreground", "background": []}, False),
        ({"kind": "foreground", "background": ["a"], "copies": 2}, False),
        ({"kind": "solo", "companions": ["a"]}, False),
        ({"kind": "mixed", "companions": ["a"], "cores": 2}, False),
    ],
)
def test_the_schema_knows_which_keys_go_with_which_kind(scenario, right):
    fastjsonschema = pytest.importorskip("fastjsonschema")
    schema = suite_schema() | {"$schema": "http://json-schema.org/draft-07/schema#"}
    text = json.dumps(schema).replace("$defs", "definitions")
    suite = {"name": "s", "study": [{"model": "net", "scenarios": [scenario]}]}
    wrong = pytest.raises(fastjsonschema.JsonSchemaValueException)
    with contextlib.nullcontext() if right else wrong:
        fastjsonschema.validate(json.loads(text), suite)


@pytest.mark.parametrize("wrong", [{"study": []}, {"name": "s"}, {"name": 3, "study": []}])
def test_the_shape_is_strict(wrong):
    with pytest.raises(ValidationError):
        SuiteTable.model_validate(wrong)
