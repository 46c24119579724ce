"""What was run, where and under which conditions, in sentences made from the record's facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from greenbench.report.record import plain

Facts = Mapping[str, Any]
COUNTED = (("originals", "original"), ("mutants", "mutant"), ("nulls", "A/A arm"))


def conditions(facts: Facts, sessions: Sequence[Facts]) -> Iterator[str]:
    """A paragraph on the plan and one on each part of the last session that is on record."""
    plan = " ".join(_plan(facts))
    if plan:
        yield plan
    if sessions:
        last = sessions[-1]
        for part in (_executor(facts, last), _rest(last), _host(last)):
            text = " ".join(part)
            if text:
                yield text


def _plan(facts: Facts) -> Iterator[str]:
    """Suite, seed, and what each study compared; studies of one design are named together."""
    name, version = facts.get("suite_name"), facts.get("greenbench_version")
    if name:
        by = f" by greenbench {version}" if version else ""
        seed = facts.get("plan_seed")
        drawn = "" if seed is None else f", planned with the seed {seed}"
        yield f"The suite {plain(name)} was run{by}{drawn}."
    designs: dict[str, list[str]] = {}
    for study in facts.get("studies") or ():
        designs.setdefault(_design(study), []).append(plain(study.get("study")))
    texts = [f"{', '.join(names)}: {design}" for design, names in designs.items() if design]
    if texts:
        yield f"Planned: {'; '.join(texts)}."


def _design(study: Facts) -> str:
    """`5 blocks of 4 originals, 15 mutants, 1 A/A arm`."""
    members = [_count(study[key], noun) for key, noun in COUNTED if isinstance(study.get(key), int)]
    blocks = study.get("blocks")
    return f"{_count(blocks, 'block')} of {', '.join(members)}" if isinstance(blocks, int) else ""


def _executor(facts: Facts, last: Facts) -> Iterator[str]:
    """What trained: executor, images or environments, limits, versions, data."""
    if last.get("executor"):
        yield f"Trials were run by the executor {plain(last['executor'])}."
    images: dict[str, list[str]] = {}
    for model, image in (last.get("images") or {}).items():
        images.setdefault(plain(image), []).append(plain(model))
    if images:
        texts = (f"{', '.join(models)} in {image}" for image, models in images.items())
        yield f"Images: {'; '.join(texts)}."
    frameworks = {
        plain(name): plain(model["framework"])
        for name, model in (facts.get("models") or {}).items()
        if model.get("framework")
    }
    if frameworks:
        yield f"Frameworks: {_named(frameworks)}."
    limits = last.get("limits") or {}
    known = {
        "threads": limits.get("threads"),
        "MB of memory": limits.get("memory_mb"),
        "MB of shared memory": limits.get("shm_mb"),
    }
    parts = [f"{value} {name}" for name, value in known.items() if value is not None]
    gpus = limits.get("gpus")
    parts += [f"GPUs: {plain(gpus) or 'none'}"] if gpus is not None else []
    if parts:
        yield f"Each trial was given {', '.join(parts)}."
    for key, title in (("versions", "Versions"), ("data", "Data sets by digest")):
        if last.get(key):
            yield f"{title}: {_named(last[key])}."


def _rest(last: Facts) -> Iterator[str]:
    """Cool-down, idle times, and how channels were read."""
    cooldown = last.get("cooldown") or {}
    if cooldown.get("enabled") is False:
        yield "Nothing waited for the host to cool down."
    elif cooldown:
        yield (
            "Before each cohort the host rested until no sensor was more than"
            f" {cooldown.get('temperature_margin_c')} °C and power no more than"
            f" {100 * float(cooldown.get('idle_power_margin') or 0):g} % above idle, for"
            f" {cooldown.get('limit_s')} s at most."
        )
    measure = last.get("measure") or {}
    windows = {
        "idle_s": "at the start of a session",
        "idle_between_s": "between cohorts",
        "ready_idle_s": "with everything loaded before training",
    }
    parts = [f"{measure[key]} s {when}" for key, when in windows.items() if measure.get(key)]
    if parts:
        yield f"Idle power was read for {', '.join(parts)}."
    channels = [
        f"{plain(c.get('name'))} ({plain(c.get('backend'))}, {plain(c.get('method'))})"
        for c in last.get("channels") or ()
    ]
    if channels:
        period_s = measure.get("period_s")
        every = "" if period_s is None else f", every {period_s} s"
        yield f"Channels read{every}: {', '.join(channels)}."


def _host(last: Facts) -> Iterator[str]:
    host = {key: value for key, value in (last.get("host") or {}).items() if value is not None}
    if host:
        yield f"Host: {plain(host)}."


def _named(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {plain(value)}" for name, value in found.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
