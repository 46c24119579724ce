"""What runs without blocks come to, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from greenbench.analysis.verdicts import FINE
from greenbench.report import generated
from greenbench.report.model import Section
from greenbench.report.moving import moving
from greenbench.report.recorded.runs import FEWEST_ORIGINALS, Recorded


def summary(known: Recorded, limits: int) -> Section:
    """What came out, in a few lines."""
    facts = known.context.facts.get("imported") or {}
    trials = known.context.frames.trials
    done = int((trials["status"] == "completed").sum())
    points = [
        (
            f"Recorded elsewhere: {facts.get('taken')} of {facts.get('rows')} rows of"
            f" {facts.get('file')} taken, {done} completed runs."
        )
    ]
    what = known.what[0]
    lone = []
    for study, table in known.verdicts.groupby("study", sort=False):
        if table["originals"].max() < FEWEST_ORIGINALS:
            lone.append(len(table))
            continue
        words = Counter(table["energy"])
        called = known.called
        counts = ", ".join(f"{words[w]} {word}" for w, word in called.items() if words[w])
        good = table[(table["energy"] == "greener") & table["performance"].isin(FINE)]
        rest = f"; {len(good)} {called['greener']} with performance kept" if len(good) else ""
        mutants = f"{len(table)} mutant{'' if len(table) == 1 else 's'}"
        points.append(f"{study}: by {what}, of {mutants}, {counts}{rest}.")
    if lone:
        studies = f"{len(lone)} {'study' if len(lone) == 1 else 'studies'}"
        points.append(
            f"Not compared: {sum(lone)} mutants of {studies} with one original only, whose noise"
            " is not known."
        )
    points += _moving(known)
    silent = known.diagnosis.null_like
    silent = silent[silent["null_like"].astype(bool)]
    if len(silent):
        pairs = "; ".join(f"{r['study']} {r['hyperparameter']}" for _, r in silent.iterrows())
        points.append(f"Nothing responds to: {pairs}.")
    drift = known.diagnosis.drift
    drift = drift[drift["drifted"].astype(bool)].drop_duplicates(["study", "hyperparameter"])
    if len(drift):
        pairs = "; ".join(f"{r['study']} {r['hyperparameter']}" for _, r in drift.iterrows())
        points.append(f"Measured in other conditions than their originals: {pairs}.")
    points += generated.lines(known.context)
    if limits:
        points.append(f"{limits} things limit these conclusions; they are listed below.")
    return Section(key="summary", title="Summary", points=tuple(points))


def _moving(known: Recorded) -> Iterator[str]:
    found = known.correlations
    rows = found[(found["method"] == "spearman") & (found["quantity"] == known.quantity)]
    return moving(rows.assign(sign="ρ"), known.what[0], "runs")
