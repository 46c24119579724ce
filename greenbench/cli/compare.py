"""`greenbench report --compare`: two result sets, and the gate that fails on what they show."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from greenbench.report import Report
    from greenbench.report.compare import Gate

OVER = 9
"""Exit code of a gate that found an arm over its limit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate found, to be said once the report is out."""

    gate: Gate

    def announce(self) -> None:
        """Says it on stderr; exits with 9 if an arm is over, raises if nothing could be judged."""
        from greenbench.errors import ResultsError
        from greenbench.report.compare import gate_words

        if self.gate.refused:
            raise ResultsError(
                f"the gate can't judge these result sets: {self.gate.refused}",
                "measure both on one host, with the same suite and at least two blocks",
            )
        for line in gate_words(self.gate):
            click.echo(line, err=True)
        if self.gate.over:
            sys.exit(OVER)


def compared(
    before: Path, after: Path, *, include_invalid: bool, fail_over: float | None
) -> tuple[Report, Verdict | None]:
    """The report of the comparison, and the gate's verdict if a limit was given."""
    from greenbench.report.compare import compare
    from greenbench.store import Store

    with (
        closing(Store.open(before, read_only=True)) as one,
        closing(Store.open(after, read_only=True)) as two,
    ):
        names = (
            (before.name, after.name) if before.name != after.name else (str(before), str(after))
        )
        found = compare(one, two, names=names, include_invalid=include_invalid)
    return found.report, None if fail_over is None else Verdict(found.gate(fail_over))
