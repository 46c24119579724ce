"""How many blocks a plan needs to find an effect, on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from greenbench.analysis.power import POWER, Size, plan_needs
from greenbench.plan import Plan


def show_needs(plan: Plan, effect: float, cv: float | None, results_root: Path) -> None:
    """Prints, study by study, what its blocks detect and how many `effect` would take."""
    noise = {} if cv is not None else _earlier_noise(results_root)
    table = Table(box=None, pad_edge=False)
    table.add_column("study", overflow="fold")
    for heading in ("blocks", "noise", "detects", f"blocks for {100 * effect:g} %"):
        table.add_column(heading, justify="right")
    sizes = [
        Size(
            study=study.study,
            blocks=study.spec.blocks,
            originals=study.originals,
            mutants=study.mutants,
            nulls=study.nulls,
        )
        for study in plan.studies
    ]
    needs = plan_needs(sizes, effect, noise, cv)
    for need in needs:
        unknown = need.noise is None
        table.add_row(
            Text(need.study),
            str(need.blocks),
            _percent(need.noise),
            _percent(need.detectable),
            "–" if unknown else str(need.blocks_needed or "over 1000"),
        )
    console = Console()
    console.print(table)
    if not needs:
        console.print(Text("no study has a mutant"))
        return
    source = "stated" if cv is not None else "from earlier results"
    console.print(
        Text(
            f"detects: the smallest saving called greener with a chance of {POWER:.0%};"
            f" noise: of one run inside a block, {source}"
        )
    )
    if any(need.noise is None for need in needs):
        console.print(Text("–: no earlier results of this study; state the noise: --cv 3%"))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2g} %"


def _earlier_noise(root: Path) -> dict[str, float]:
    """By study, from the measured result sets below `root`, later ones first."""
    from greenbench.analysis import frames
    from greenbench.analysis.cohorts import cohorts
    from greenbench.analysis.deltas import deltas
    from greenbench.analysis.power import run_noise
    from greenbench.errors import ResultsError
    from greenbench.store import Store, result_sets

    found: dict[str, float] = {}
    for folder in result_sets(root):
        try:
            store = Store.open(folder, read_only=True)
        except ResultsError:
            continue
        try:
            table = cohorts(frames.read(store))
        finally:
            store.close()
        found |= run_noise(deltas(table[table["failed_checks"] == ""], "energy_j", "ratio"))
    return found
