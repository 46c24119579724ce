"""Which solo runs a co-located study is compared with: the same model from the same base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from greenbench.analysis.records import records

Place = tuple[str, str]
"""A study, and an arm of it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A co-located study beside the solo study of the same model whose original has the same
    hyperparameters, so that a mutation means the same in both.

    `solo` is None where the plan has no such study; where it has several it is the first of them,
    and `also` names the others.
    """

    study: str
    model: str
    scenario: str
    kind: str
    solo: str | None
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Every co-located study of a plan with its solo study, in the plan's order."""

    pairs: tuple[Pair, ...]
    _alone: Mapping[tuple[str, str], Place]

    @classmethod
    def of(cls, trials: pd.DataFrame) -> Pairs:
        """From the planned trials (`frames.trials`), warm-ups left out."""
        solo = trials["kind"] == "solo"
        if solo.all():
            return cls((), {})
        measured = trials[trials["counted"].astype(bool) & (trials["role"] == "measured")]
        originals = measured[measured["arm"] == "original"].drop_duplicates("study")
        rows = records(originals[["study", "model", "scenario", "kind", "hyperparameters"]])
        of_base: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            suits = of_base.setdefault((row["model"], row["hyperparameters"]), [])
            suits += [row["study"]] if row["kind"] == "solo" else []
        pairs = []
        for row in rows:
            base = (row["model"], row.pop("hyperparameters"))
            if row["kind"] != "solo":
                suits = of_base[base]
                pairs.append(Pair(**row, solo=next(iter(suits), None), also=tuple(suits[1:])))
        return cls(tuple(pairs), _alone(measured[solo.loc[measured.index]]))

    def solo(self, study: str) -> str | None:
        """The solo study that a co-located one is compared with."""
        return next((pair.solo for pair in self.pairs if pair.study == study), None)

    def sides(self, table: pd.DataFrame) -> Iterator[tuple[Pair, pd.DataFrame, pd.DataFrame]]:
        """Each pair with the rows of its solo study and its own, where both have some."""
        wanted = {study for pair in self.pairs for study in (pair.solo, pair.study)}
        of_study = dict(iter(table[table["study"].isin(wanted)].groupby("study", sort=False)))
        for pair in self.pairs:
            if pair.solo is not None and {pair.solo, pair.study} <= of_study.keys():
                yield pair, of_study[pair.solo], of_study[pair.study]

    def alone(self, member: Mapping[str, Any]) -> Place | None:
        """Where a member of a co-located cohort (a row of `trials`) was trained solo.

        The study's own model: the same arm of its solo study. A companion: the first solo study in
        the plan with its model and configuration.
        """
        if member["role"] == "measured":
            found = self.solo(member["study"])
            return None if found is None else (found, str(member["arm"]))
        return self._alone.get((member["model"], member["hyperparameters"]))


def _alone(solo: pd.DataFrame) -> dict[tuple[str, str], Place]:
    """The first place of each configuration of each model; originals go before mutants."""
    first = solo.drop_duplicates(["study", "arm"])
    first = pd.concat([first[first["arm"] == "original"], first[first["arm"] != "original"]])
    names = ["model", "hyperparameters", "study", "arm"]
    found: dict[tuple[str, str], Place] = {}
    for model, hyperparameters, study, arm in first[names].itertuples(index=False, name=None):
        found.setdefault((model, hyperparameters), (str(study), str(arm)))
    return found
