"""What two result sets share and where they differ: host, frameworks, channels, data, arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from greenbench.analysis import comparison
from greenbench.analysis.cohorts import main_channels
from greenbench.report.context import Context

HARDWARE: Final = ("cpu_model", "cpu_logical", "memory_bytes", "machine", "virtual", "gpus")
"""Facts of a host that make another one of it."""
SETTINGS: Final = ("kernel", "os", "governor", "turbo", "cpu_max_mhz")
"""Facts of a host that its owner changes."""
UNKNOWN: Final = "not known"


def why_no_energy(one: Context, two: Context) -> str:
    """Why energies can't be set side by side; empty if they can."""
    if not (one.measured and two.measured):
        bases = (one.basis, two.basis)
        if "measured" in bases:
            other = bases[1 - bases.index("measured")]
            word = "an estimate" if other == "estimate" else "not recorded"
            return f"energy was measured in one and is {word} in the other"
        return "energy was measured in neither"
    channels = [main_channels(side.cohorts) for side in (one, two)]
    if channels[0] != channels[1]:
        return f"the totals add other channels ({channels[0] or 'none'}; {channels[1] or 'none'})"
    return ""


def other_hardware(one: Context, two: Context) -> str:
    """The facts that make it another machine, with both values; empty if none."""
    sides = [_host(side) for side in (one, two)]
    return "; ".join(
        f"{key} {_short(sides[0].get(key))}, then {_short(sides[1].get(key))}"
        for key in HARDWARE
        if sides[0].get(key) != sides[1].get(key)
    )


def other_frameworks(one: Context, two: Context) -> str:
    """The frameworks of studies that trained in another one; empty if none is known to have."""
    found = [
        f"{studies}: {first}, then {second}"
        for what, first, second, studies in _trained(one, two)
        if what == "framework" and UNKNOWN not in (first, second)
    ]
    return "; ".join(found)


def only_in_one(one: Context, two: Context) -> list[str]:
    """For each side the planned studies that the other has none of that name of."""
    names = [side.studies() for side in (one, two)]
    return [
        ", ".join(name for name in mine if name not in others)
        for mine, others in (names, names[::-1])
    ]


def _trained(one: Context, two: Context) -> Iterator[tuple[str, str, str, str]]:
    """What trained in studies of one name, where it is not the same: what (model, framework,
    image, data), both values, and the studies. A member's place in the cohort tells it apart."""
    members = [_members(side) for side in (one, two)]
    found: dict[tuple[str, str, str], list[str]] = {}
    for place in (place for place in members[0] if place in members[1]):
        sides = [
            _traits(side, models[place]) for side, models in zip((one, two), members, strict=True)
        ]
        for what in sides[0]:
            first, second = (_short(side[what]) for side in sides)
            if first != second:
                studies = found.setdefault((what, first, second), [])
                studies += [place[0]] if place[0] not in studies else []
    for (what, first, second), studies in found.items():
        yield what, first, second, ", ".join(studies)


def _members(side: Context) -> dict[tuple[str, int], str]:
    """The model at each place of a study's cohorts."""
    counted = side.counted.drop_duplicates(["study", "slot"])
    rows = counted[["study", "slot", "model"]].itertuples(index=False, name=None)
    return {(str(study), int(slot)): str(model) for study, slot, model in rows}


def _traits(side: Context, model: str) -> dict[str, Any]:
    """What a model is and ran in, as the record of one side has it."""
    known = (side.facts.get("models") or {}).get(model) or {}
    return {
        "model": model,
        "framework": known.get("framework"),
        "image": (_last(side).get("images") or {}).get(model),
        "data": known.get("data"),
    }


def differences(one: Context, two: Context) -> Iterator[tuple[str, str, str]]:
    """What is not the same: its name and both values."""
    hosts, last, facts = (
        [read(side) for side in (one, two)] for read in (_host, _last, lambda side: side.facts)
    )
    yield from _unlike(hosts, (*HARDWARE, *SETTINGS), "host: ")
    yield from _unlike([found.get("versions") or {} for found in last], prefix="version: ")
    yield from _unlike(last, ("executor", "measure"))
    for name, first, second in _unlike(facts, ("suite_name", "plan_seed", "greenbench_version")):
        yield name.replace("_", " "), first, second
    for what, first, second, studies in _trained(one, two):
        yield f"{what} of {studies}", first, second
    yield from _unlike([found.get("data") or {} for found in last], prefix="data set: ")
    yield from _arms(one, two)


def _unlike(
    sides: Sequence[Mapping[str, Any]], keys: Sequence[str] = (), prefix: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Of these keys (else of all) those whose values differ, with both values."""
    for key in keys or sorted({*sides[0], *sides[1]}):
        first, second = (side.get(key) for side in sides)
        if first != second:
            yield f"{prefix}{key}", _short(first), _short(second)


def _arms(one: Context, two: Context) -> Iterator[tuple[str, str, str]]:
    found = [comparison.configurations(side.cohorts) for side in (one, two)]
    for key in dict.fromkeys((*found[0], *found[1])):
        pair = [side.get(key) for side in found]
        name = f"{key[0]}: {next(p for p in pair if p)[1] or 'original'}"
        if pair[0] is None or pair[1] is None:
            there = ["completed" if side else "not there" for side in pair]
            yield name, there[0], there[1]
        elif pair[0][0] != pair[1][0]:
            yield f"{name}, hyperparameters", _short(pair[0][0]), _short(pair[1][0])


def _host(side: Context) -> Mapping[str, Any]:
    found = _last(side).get("host")
    return found if isinstance(found, Mapping) else {}


def _last(side: Context) -> Mapping[str, Any]:
    return side.sessions[-1] if side.sessions else {}


def _short(value: Any) -> str:
    return UNKNOWN if value is None else str(value)
