"""A report as JSON for programs, and the JSON Schema that it keeps to."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, Final

from greenbench.report.model import Report

VERSION: Final = "greenbench.report/1"
"""Names the schema; another number comes with a change that old readers would stumble over."""
SCHEMA_URL: Final = "https://json-schema.org/draft/2020-12/schema"
INFINITE: Final = ("inf", "-inf")


def report_data(report: Report) -> dict[str, Any]:
    """The report's own structure as plain data, with `schema` naming its form.

    An interval is `{"value", "low", "high"}`; what is not known is null; infinite numbers are the
    strings "inf" and "-inf", which `float()` reads. Texts are verbatim: escape them where shown.
    """
    return {"schema": VERSION, **_plain(report)}


def render_json(report: Report) -> str:
    """`report_data` as text, the same for the same record, ending in one newline.

    Half a character, as in the name of a folder that is no text, is written as its escape.
    """
    text = json.dumps(report_data(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def render_schema() -> str:
    """`report_schema` as text, ending in one newline."""
    return json.dumps(report_schema(), indent=1, ensure_ascii=False) + "\n"


def report_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `report_data`, made from the types of the report itself."""
    from pydantic import TypeAdapter

    schema = dict(_strict(TypeAdapter(Report).json_schema(mode="serialization")))
    schema["properties"] = {"schema": {"const": VERSION}, **schema["properties"]}
    schema["required"] = list(schema["properties"])
    return {"$schema": SCHEMA_URL, **schema, "title": "A report of greenbench"}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else INFINITE[value < 0]
    return value


def _strict(schema: Any) -> Any:
    """Every key is there and no other is; where a number may stand, so may an infinite one."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {"anyOf": [{"type": "number"}, {"enum": list(INFINITE)}]}
    found = {key: _strict(value) for key, value in schema.items() if key != "default"}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        found |= {"required": list(schema["properties"]), "additionalProperties": False}
    return found
