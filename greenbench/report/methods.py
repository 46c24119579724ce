"""The methods paragraph: what a reader needs to repeat the work, generated from the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from greenbench.analysis.choice import SPLITS
from greenbench.analysis.cohorts import main_channels
from greenbench.analysis.health import OUTLIER
from greenbench.analysis.inference import EXACT_LIMIT, RESAMPLES
from greenbench.analysis.power import DRAWS, POWER
from greenbench.report.conditions import conditions
from greenbench.report.context import Context
from greenbench.report.model import Section

DESIGN = (
    "Every block holds all arms of a study in seeded random order, each mutant once and several"
    " originals spread through it; arms of a block share one training seed. A mutant is compared"
    " with the originals of its own block only, so that drift between blocks hits both sides."
    " The independent unit is the cohort: k co-located copies are one replicate."
)
CHECKED = (
    "Every measurement was checked (readings, gaps, ±, rest, heat, throttling, work of others); runs"
    " that failed a check are left out of all statistics."
)
EFFECTS = (
    "Relative changes are means over blocks of the logarithm of the mutant's value minus the mean"
    " logarithm of its block's originals. Their variance is pooled over all arms of the study, and"
    " the 95 % intervals are Student's t, with degrees of freedom that take the shared originals"
    " into account. Changes of a metric keep its unit; where an arm's own variance is larger than"
    " the pooled one, its own is used. Intervals and p called joint hold for all mutants of a study"
    " together (Dunnett's multivariate t, with the correlation that shared originals bring; for"
    " energy, time and power its limits are moved by the kurtosis of the residuals, if there are 20"
    " of them, as the Edgeworth series of t has it), which"
    " bounds the chance of any false claim in the study by 5 %. Beside them stand a two-sided"
    " permutation test within blocks ({arrangements}), corrected by Holm, and Cliff's δ over all"
    " pairs and within blocks. Where even the clearest outcome could not have reached 0.05, the"
    ' report says "too few to tell". A change of energy is taken apart by its logarithm, which is'
    " that of time plus that of mean power; joules are shared out in that proportion."
)
VERDICTS = (
    "A mutant is greener or costlier if the joint interval excludes zero and the estimate lies"
    " outside the noise band (as far as the intervals of the A/A arms, in which nothing was changed,"
    " reach from zero); unchanged if two one-sided tests at 5 % show a change below the stated"
    " smallest one that matters ({smallest}); otherwise inconclusive. Performance is judged in every"
    " metric with a margin ({margins}), and the worst word decides: a metric is damaged if its loss"
    " is above the margin with one-sided 95 % confidence, kept if it is below the margin with that"
    " confidence, improved if its 95 % interval holds gains only; otherwise inconclusive."
    " Where the metric is a share of a known number of test items, their sampling"
    " error is part of that (Newcombe 1998, as if each arm had items of its own). Without a stated margin there is no verdict. A training that came to nothing (a value that is not"
    " finite, a training loss above its start, a metric no better than chance) is an outcome of its"
    " own (diverged); its metrics enter no mean."
)
TOGETHER = (
    "Solo and co-located cohorts are independent samples. Whether side by side takes less in total"
    " is told by Welch's t on logarithms of block means: the cohort against the sum of its members'"
    " solo values, whose variance comes by the delta method. A co-located study is compared with"
    " the first solo study in the plan of the same model whose original has the same"
    " hyperparameters."
)
SLOWED = "Who slows whom: Welch's t on the logarithms of the originals' own training times."
INTERACTION = (
    "Whether a mutant's change differs beside others is told by the difference of both block models'"
    " contrasts (Satterthwaite's degrees of freedom), corrected by Holm over a study's mutants."
)
CORRELATED = (
    "Whether a correlation differs beside others is told by the difference of Fisher's z of both"
    " Spearman coefficients (variance by Bonett and Wright, as if independent), corrected by Holm"
    " over the pair of studies."
)
SPREAD = (
    "Whether the same mutations make more of a difference beside others is told by the ratio of the"
    " coefficients of variation of the arms' means, tested by Pitman and Morgan."
)
CROSSED = (
    "What the greenest acceptable configuration saves is cross-fitted: half of a study's blocks,"
    f" drawn {SPLITS} times with a fixed seed, choose it, and the other half tells what that saved."
)
DETECTED = (
    f"What could be detected (power {POWER:.0%}) comes from {DRAWS:,} draws with a fixed seed of"
    " errors as large as those found, judged by the verdict's own rule."
)
DRIFTED = (
    "Drift is the slope of the quantity's logarithm on the start time by least squares, with one"
    " level for each arm."
)
FAR = (
    "Outliers are runs whose logarithm, less its arm's and its block's median, is further than"
    f" {OUTLIER} median absolute deviations out (Iglewicz and Hoaglin's modified z), or further among"
    " many runs. They stay in; all deltas{verdicts} are worked out once more without them."
)
CORRELATIONS = (
    "Correlations are over settings: the original and the arms that changed one hyperparameter"
    " alone, each setting one point (its mean difference from its blocks' originals). p of"
    " Spearman's ρ and Pearson's r permutes the settings. Where arms changed several hyperparameters"
    " at once, the partial ρ is over all settings with the ranks of the others held fixed."
    " Hyperparameters without an order are tested by Kruskal and Wallis on values aligned by block,"
    " permuted inside blocks. All are corrected over the pairs of a study (Benjamini and Hochberg)."
)


def section(context: Context) -> Section:
    """How the numbers of this report came about."""
    arrangements = (
        f"all arrangements up to {EXACT_LIMIT:,}, else {RESAMPLES:,} random ones with a fixed seed"
    )
    checked = [CHECKED] if len(context.frames.checked) and not context.include_invalid else []
    paragraphs = [
        DESIGN,
        *conditions(context.facts, context.sessions),
        _energy(context),
        *checked,
        EFFECTS.format(arrangements=arrangements),
    ]
    if context.measured:
        paragraphs.append(VERDICTS.format(smallest=_smallest(context), margins=_margins(context)))
    return Section(
        key="methods",
        title="Methods",
        paragraphs=(*paragraphs, *_further(context), *_health(context)),
    )


def _further(context: Context) -> Iterator[str]:
    """The methods of sections that are there."""
    company = context.company
    tests = (
        (company.together, TOGETHER),
        (company.slowed, SLOWED),
        (company.interaction, INTERACTION),
        (company.correlations, CORRELATED),
        (company.spread, SPREAD),
    )
    yield from _present(tests)
    if len(context.correlations):
        yield CORRELATIONS
    if len(context.choice):
        yield CROSSED


def _health(context: Context) -> Iterator[str]:
    tests = (
        (context.power, DETECTED),
        (context.health.drift, DRIFTED),
        (context.health.outliers, FAR.format(verdicts=" and verdicts" if context.measured else "")),
    )
    yield from _present(tests)


def _present(tests: Sequence[tuple[pd.DataFrame, str]]) -> Iterator[str]:
    """One paragraph of the texts whose tables have something in them."""
    found = [text for table, text in tests if len(table)]
    if found:
        yield " ".join(found)


def _smallest(context: Context) -> str:
    smallest = context.stated.smallest_effect
    return "none was stated" if smallest is None else f"{100 * smallest:g} %"


def _margins(context: Context) -> str:
    """The margins by which performance is judged, studies with the same ones named together."""
    found: dict[str, list[str]] = {}
    for study in context.studies():
        known = (m for m in context.metrics(study) if m.margin is not None)
        text = ", ".join(f"{m.name} {m.margin:g}" for m in known)
        found.setdefault(text or "none was stated", []).append(study)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(studies)}: {text}" for text, studies in found.items())


def _energy(context: Context) -> str:
    if context.basis == "estimate":
        return (
            "Energy was not measured. The figures labelled as an estimate are a model's: CPU time"
            " times a constant of the processor, and the like. From them one learns about CPU time,"
            " so CPU time is what is compared, and no verdict is given."
        )
    if context.basis == "none":
        return "No energy was recorded; CPU time and time are compared, and no verdict is given."
    added = main_channels(context.cohorts)
    return (
        "Energy was read on the host, outside of the training's process, and is that of the whole"
        " cohort from the first start to the last end of training. The total adds disjoint measured"
        f" channels{f' ({added})' if added else ''}; it is not known where one of them is not known."
        " Active energy is the total minus the mean power of the session's idle readings times the"
        " time."
    )
