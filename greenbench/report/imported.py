"""What a report says of measurements that were made elsewhere: where from, and what to know first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from greenbench.analysis.limits import Limit

NO_BLOCKS = (
    "The runs have no blocks: mutants and originals are independent samples, and drift between"
    " their times can't be told from an effect"
)
SHOWN = 5


def is_blocked(facts: Mapping[str, Any]) -> bool:
    """Whether every arm ran once a block: true of what greenbench ran, stated for imported runs."""
    imported = facts.get("imported")
    return not imported or bool(imported.get("blocks"))


def facts_of(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Title and text of what is known of the file."""
    known = facts.get("imported")
    if known:
        yield (
            "Imported from",
            f"{known['file']}, {known['bytes']:,} bytes, SHA-256 {known['sha256']}",
        )
        yield "Rows", f"{known['taken']} of {known['rows']} taken, by the map {known['map']}"


def limits(facts: Mapping[str, Any]) -> Iterator[Limit]:
    """What was left out, is missing or looks wrong, and what recorded runs can't tell."""
    known = facts.get("imported")
    if not known:
        return
    if not known.get("blocks"):
        yield Limit(NO_BLOCKS, "repeat what matters as a suite, in random blocks")
    yield Limit(
        "Measured elsewhere: idle power, samples and the ± of the sensors are not on record, and"
        " no measurement could be checked"
    )
    if known.get("backgrounds_pooled"):
        yield Limit(
            "Runs beside other trainings are in one study whatever ran beside them, so that is mixed"
            " into every comparison of it"
        )
    for part, text in (
        ("left_out", "rows left out"),
        ("gaps", "rows with a gap"),
        ("findings", "rows to look at"),
    ):
        for remark in known.get(part) or ():
            yield Limit(f"{remark['rows']} {text}: {remark['text']} ({_lines(remark)})")


def _lines(remark: Mapping[str, Any]) -> str:
    lines = remark.get("lines") or []
    shown = ", ".join(map(str, lines[:SHOWN]))
    word = "line" if remark["rows"] == 1 else "lines"
    return f"{word} {shown}{', …' if remark['rows'] > SHOWN else ''}"
