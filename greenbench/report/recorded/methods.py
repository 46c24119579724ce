"""How the numbers of a report on runs without blocks came about."""

from __future__ import annotations

from greenbench.report.model import Section
from greenbench.report.recorded.runs import Recorded


def methods(known: Recorded) -> Section:
    """How the numbers of this report came about."""
    basis = {
        "measured": (
            "Energy was measured by the tools that the table of channels names. The total adds"
            " disjoint measured channels and is not known where one of them is not known."
        ),
        "estimate": (
            "No energy was measured: what the file holds are estimates, from which nothing is"
            " concluded. Time is compared."
        ),
        "none": "No energy was recorded. Time is compared.",
    }[known.context.basis]
    paragraphs = (
        (
            "The measurements were made elsewhere and imported; each row of the file is one run. What"
            " was not recorded is missing, never 0."
        ),
        basis,
        (
            "Mutants and originals are compared as independent samples: relative changes are"
            " differences of mean logarithms, with one variance for all arms of a study and intervals"
            " and p that hold jointly over its mutants (Dunnett 1955). Performance is compared by"
            " Welch's t; kept means that a loss beyond the stated margin is excluded by a one-sided test"
            " at 5 % in every metric that has one, and where the number of test items is stated, their"
            f" sampling error is part of that. A mutant is {known.called['greener']} or"
            f" {known.called['costlier']} if its joint interval excludes zero, its change"
            " lies outside the noise floor, and its interval does not reach into what the drift of its"
            " series may be."
        ),
        (
            "The noise floor is the largest change among mutants that changed nothing, as far as can be"
            " seen: hyperparameters to whose values neither performance nor time responds (Kruskal and"
            " Wallis 1952, p at least 0.05). A series is said to have drifted if the line through the"
            " means of its settings, read at the default value, misses the originals in power, time or"
            " energy by at least 1 % with a p below 0.05 after Benjamini and Hochberg's correction."
        ),
        (
            "Correlations are Spearman's over runs, with Kendall's and Pearson's beside them. Where no"
            " run changed more than one hyperparameter,"
            " the points are the originals and the runs that changed this one; where several vary at"
            " once, all runs in which it was recorded, and the partial ρ (of what is left of"
            " both ranks after regression on the others') holds the others fixed in the runs that record"
            " them all."
            " Runs of one setting are not independent, so p over runs is smaller than it should be, and"
            " so few runs that the clearest order could not bring an exact p to 5 % have none. Alone and"
            " beside another training, coefficients are compared by Fisher's z (variance by Bonett and"
            " Wright), corrected by Holm over the pair of studies."
        ),
    )
    return Section(key="methods", title="Methods", paragraphs=paragraphs)
