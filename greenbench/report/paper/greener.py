"""The paper's second question: which mutants are greener, as the study has it and better founded."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from greenbench.analysis.verdicts import FINE, noise_band
from greenbench.report.model import Behind, Cell, Column, Table
from greenbench.report.paper.answers import PERFORMANCE, Answers, held_against
from greenbench.report.relations import name as quantity_name
from greenbench.report.values import whole_studies

WORDS = ("lower", "same", "higher")
PUBLISHED = (
    "Published test: Student's t with equal variances, p < 0.05 and Cliff's |δ| ≥ 0.147, uncorrected"
    " (the scripts; the text names Wilcoxon's signed-rank test, which 5 pairs can't bring below"
    " p = 0.0625)."
)


def greener_mutants(known: Answers, studies: set[str], heading: str) -> Iterator[Table]:
    """How many mutants are better, at what cost of performance, and what the best of them save."""
    tests = known.tests[known.tests["study"].isin(studies)]
    if tests.empty:
        return
    yield _counts(known, tests, studies, heading)
    yield _against_performance(known, tests, heading)
    if known.context.measured:
        yield _founded(known, studies, heading)
        yield _savings(known, studies, heading)


def _counts(known: Answers, tests: pd.DataFrame, studies: set[str], heading: str) -> Table:
    what = quantity_name(known.total)
    in_total = known.greener([known.total], studies)
    in_each = known.greener(known.energies, studies) if known.energies else set()
    cells: list[tuple[Cell, ...]] = []
    for (study, name), rows in tests.groupby(["study", "hyperparameter"], sort=False):
        words = {q: rows.loc[rows["quantity"] == q, "word"] for q in (known.total, PERFORMANCE)}
        keys = {f"{study}\n{arm}" for arm in rows["arm"]}
        cells.append(
            (
                str(study),
                str(name),
                len(keys),
                *(int((words[known.total] == word).sum()) for word in WORDS),
                *(int((words[PERFORMANCE] == word).sum()) for word in WORDS),
                len(keys & in_total),
                *([len(keys & in_each)] if len(known.energies) > 1 else []),
            )
        )
    sums = [sum(int(str(row[place])) for row in cells) for place in range(2, len(cells[0]))]
    behind = whole_studies(cells)
    return Table(
        title=f"{heading}, as the study has it: mutants against originals",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Mutants", "count"),
            *(Column(f"{what} {word}", "count") for word in WORDS),
            *(Column(f"performance {word}", "count") for word in WORDS),
            Column(known.better.capitalize(), "count"),
            *([Column("Greener, each channel", "count")] if len(known.energies) > 1 else []),
        ),
        rows=(*cells, ("all", "", *sums)),
        notes=(
            PUBLISHED,
            f"{known.better.capitalize()}: lower, and performance not significantly worse.",
        ),
        behind=(*behind, None),
    )


def _against_performance(known: Answers, tests: pd.DataFrame, heading: str) -> Table:
    """The study's win/tie/loss table."""
    words = tests.assign(key=tests["study"] + "\n" + tests["arm"]).pivot_table(
        index="key", columns="quantity", values="word", aggfunc="first"
    )
    minimized = {study for study, metric in known.metrics.items() if metric.direction == "minimize"}
    outcome = {"lower": "loss", "same": "tie", "higher": "win", "unknown": "unknown"}
    turned = {"lower": "win", "same": "tie", "higher": "loss", "unknown": "unknown"}
    energy = words[known.total].map(turned)
    performance = pd.Series("unknown", index=words.index)
    if PERFORMANCE in words:
        studies = pd.Series([key.partition("\n")[0] for key in words.index], index=words.index)
        better = words[PERFORMANCE].map(outcome)
        performance = better.where(~studies.isin(minimized), words[PERFORMANCE].map(turned))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{quantity_name(known.total)} {word}",
            *(int(((energy == word) & (performance == p)).sum()) for p in ("win", "tie", "loss")),
        )
        for word in ("win", "tie", "loss")
    )
    return Table(
        title=f"{heading}, as the study has it: energy against performance",
        columns=(
            Column("Mutants"),
            *(Column(f"performance {word}", "count") for word in ("win", "tie", "loss")),
        ),
        rows=rows,
        notes=(
            (
                f"Win: significantly less {'energy' if known.energies else 'time'}, or better"
                " performance, by the published test."
            ),
        ),
    )


def _founded(known: Answers, studies: set[str], heading: str) -> Table:
    rows = known.verdicts[known.verdicts["study"].isin(studies)]
    cells: list[tuple[Cell, ...]] = []
    for (study, name), part in rows.groupby(["study", "hyperparameter"], sort=False):
        called = part[part["energy"] == "greener"]
        cells.append(
            (
                str(study),
                str(name),
                len(part),
                len(called),
                int(called["performance"].isin(FINE).sum()),
                int((part["energy"] == "costlier").sum()),
                int((~part["energy"].isin(("greener", "costlier"))).sum()),
                _floor(known, str(study), part),
                held_against(known, str(study), str(name)),
            )
        )
    sums = [sum(int(str(row[place])) for row in cells) for place in range(2, 7)]
    rest: list[tuple[Cell, ...]] = [("all", "", *sums, None, "")] if cells else []
    margins = sorted(
        {
            f"{metric.name} {metric.margin:g}"
            for study in studies
            for metric in known.context.metrics(study)
            if metric.margin is not None
        }
    )
    stated = f"Margins: {', '.join(margins)}." if margins else "No margin is stated."
    return Table(
        title=f"{heading}, better founded: greener without damage",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Mutants", "count"),
            Column("Greener", "count"),
            Column("… performance kept", "count"),
            Column("Costlier", "count"),
            Column("Neither", "count"),
            Column("Noise floor", "share"),
            Column("Against it"),
        ),
        rows=(*cells, *rest),
        notes=(
            (
                "The verdicts of this report: corrected for all mutants of a study, no effect called"
                f" inside the noise floor. {stated}"
            ),
        ),
        behind=(*whole_studies(cells), *([None] * len(rest))),
    )


def _floor(known: Answers, study: str, part: pd.DataFrame) -> float | None:
    if known.blocked:
        return noise_band(known.context.rows(known.context.quantity, study))
    band = part["band"].dropna()
    return float(band.max()) if len(band) else None


def _savings(known: Answers, studies: set[str], heading: str) -> Table:
    """What the study's greener mutants save, and what the better-founded analysis says of each."""
    keys = known.greener([known.total], studies)
    rows = known.tests[known.tests["quantity"] == known.total]
    words = {(r["study"], r["arm"]): r for r in known.verdicts.to_dict("records")}
    cells: list[tuple[Cell, ...]] = []
    behind = []
    for row in rows.to_dict("records"):
        if f"{row['study']}\n{row['arm']}" not in keys:
            continue
        judged_so = words.get((row["study"], row["arm"]), {})
        said = [judged_so.get("energy"), judged_so.get("why")]
        performance = judged_so.get("performance")
        said += [f"performance {performance}"] if performance else []
        cells.append(
            (
                row["study"],
                row["arm"],
                float(row["change"]),
                float(row["p"]),
                float(row["cliffs_delta"]),
                "; ".join(str(word) for word in said if word),
            )
        )
        behind.append(Behind.of_delta(row["study"], row["arm"]))
    return Table(
        title=f"{heading}: the study's greener mutants",
        columns=(
            Column("Study"),
            Column("Mutant"),
            Column("Saving", "percent"),
            Column("p", "p"),
            Column("δ", "coefficient"),
            Column("Better founded"),
        ),
        rows=tuple(cells),
        notes=("Saving: of the means, by the published test; then this report's own verdict.",),
        behind=tuple(behind),
    )
