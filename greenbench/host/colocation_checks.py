"""Checks of co-location: did members train at the same time, did pins hold. Pure."""

from __future__ import annotations

from typing import Final

from greenbench.host.evidence import Beside, Check, Evidence, Severity

TRAINED_FAIL: Final = 0.5
TRAINED_WARN: Final = 0.9
"""Share of the foreground's window in which a background has to train: below a half, most of what
was measured is a training alone."""
OVERLAP_WARN: Final = 0.5
"""Share of a cohort's time in which all members have to train; with less, most of its energy is
that of fewer members than the scenario says. Its work is still what was asked for: no failure."""
LOAD_FAIL: Final = 0.01
"""Processors that a training keeps busy; one that waits for a GPU keeps about one busy. Below a
hundredth it only sleeps."""
LOAD_LEAST_S: Final = 0.5
"""Training shorter than this in the window says nothing about load."""


def background(evidence: Evidence) -> Check | None:
    """Whether every background trained while the foreground did."""
    return _lowest([_trained(beside, evidence) for beside in evidence.beside])


def background_load(evidence: Evidence) -> Check | None:
    """Whether a background that trained did any work."""
    return _lowest([c for b in evidence.beside if (c := _load(b)) is not None])


def overlap(evidence: Evidence) -> Check | None:
    """Whether the members that train once did so at the same time."""
    found = evidence.together
    if found is None or found.whole_s <= 0:
        return None
    share = found.overlap_s / found.whole_s
    severity: Severity = "warn" if share < OVERLAP_WARN else "ok"
    text = (
        f"all {found.members} members trained together for {found.overlap_s:.3g} s, {share:.0%} of"
        " the time from the first start to the last end"
    )
    return Check("overlap", severity, share, OVERLAP_WARN, text)


def pinning(evidence: Evidence) -> Check | None:
    """Whether all threads of a pinned trial were on its own processors whenever it was looked."""
    if not evidence.pinned:
        return None
    where = ",".join(str(cpu) for cpu in sorted(evidence.pinned))
    strayed = evidence.strayed
    severity: Severity = "fail" if strayed else "ok"
    text = f"pinned to processors {where}"
    if strayed:
        text += f", but could run on {','.join(str(cpu) for cpu in sorted(strayed))} too"
    return Check("pinning", severity, float(len(strayed)), 0.0, text)


def _trained(beside: Beside, evidence: Evidence) -> Check:
    share = beside.trained_s / evidence.length_s if evidence.length_s > 0 else 0.0
    severity: Severity = "ok"
    if share < TRAINED_WARN:
        severity = "fail" if share < TRAINED_FAIL else "warn"
    limit = TRAINED_FAIL if severity == "fail" else TRAINED_WARN
    runs = f"{beside.runs} run{'' if beside.runs == 1 else 's'}"
    text = f"{beside.model} trained in {share:.0%} of the foreground's time ({runs})"
    return Check("background", severity, share, limit, text)


def _load(beside: Beside) -> Check | None:
    if beside.cpu_time_s is None or beside.trained_s < LOAD_LEAST_S:
        return None
    cpus = beside.cpu_time_s / beside.trained_s
    severity: Severity = "ok" if cpus >= LOAD_FAIL else "fail"
    text = f"{beside.model} kept {cpus:.2f} processors busy while it trained"
    return Check("background_load", severity, cpus, LOAD_FAIL, text)


def _lowest(found: list[Check]) -> Check | None:
    """Where less is worse."""
    return min(found, key=lambda check: check.found or 0.0, default=None)
