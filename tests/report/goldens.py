"""The reports that are kept byte for byte. As a script: FOLDER, which gets them all in FOLDER/out."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from simulated import Study, Truth, change, null, simulate

from greenbench.api import Scenario
from greenbench.imports import import_file
from greenbench.report import (
    build_report,
    render_csv,
    render_html,
    render_json,
    render_latex,
    render_markdown,
    render_svg,
    render_terminal,
)
from greenbench.report.compare import compare
from greenbench.store import Store

SMALL = [(change("epochs", 5), Truth(energy=0.5)), (null(), Truth())]
TRUTHS = [
    (change("epochs", 5), Truth(energy=0.5)),
    (change("epochs", 8), Truth(energy=0.8)),
    (change("epochs", 12), Truth(energy=1.2)),
    (change("learning_rate", 0.01), Truth(accuracy=-0.05)),
    (null(), Truth()),
]
PAIR = Scenario(kind="homogeneous", copies=2)


def now_utc():
    """What the store is to take for now."""
    return "2026-01-02T03:04:05+00:00"


def made(folder):
    """The text of every golden file; the store's clock has to stand still."""
    report = build_report(small(folder / "small"))
    broken = build_report(large(folder / "large"))
    moved = simulate(folder / "after", [Study(TRUTHS, blocks=6, power_w=224.0)], seed=2)
    before = Store.open(folder / "large", read_only=True)
    runs = build_report(recorded(folder), also=["paper"])
    keys = [section.key for section in runs.sections if section.key != "paper"]
    return {
        "golden.md": render_markdown(broken),
        "golden.json": render_json(report),
        "golden.tex": render_latex(report),
        "golden.csv": render_csv(report),
        "golden.html": without_code(render_html(report)),
        "golden.txt": terminal(report),
        "golden.svg": render_svg(broken.section("effects").figures[0]),
        "golden-compared.md": render_markdown(compare(before, moved).report),
        "golden-imported.md": render_markdown(runs.only(keys)),
        "golden-paper.md": render_markdown(runs.only(["paper"])),
        "golden-blocks-paper.md": render_markdown(
            build_report(before, also=["paper"]).only(["paper"])
        ),
    }


def small(folder):
    """Two arms, alone and in pairs."""
    studies = [Study(SMALL, blocks=3, originals=1), Study(SMALL, blocks=3, scenario=PAIR)]
    return simulate(folder, studies)


def large(folder):
    """Mutants of two hyperparameters, alone and in pairs; one trial failed."""
    outcomes = {
        3: {"status": "failed", "error_kind": "exception", "error": "CUDA | out of\nmemory"}
    }
    studies = [Study(TRUTHS, blocks=6), Study(TRUTHS, blocks=6, scenario=PAIR)]
    return simulate(folder, studies, outcomes=outcomes)


def recorded(folder):
    """Imported runs, alone and beside another training."""
    from shapes import PAPER_COLUMNS, paper_rows, write

    beside = {"scenario": "parallel", "background": "other"}
    rows = [*paper_rows(drift=0.1), *paper_rows(seed=2, **beside)]
    runs = write(folder / "runs.csv", PAPER_COLUMNS, rows)
    import_file(runs, "paper-runs", folder / "imported")
    return Store.open(folder / "imported", read_only=True)


def terminal(report, width=80):
    """What a terminal without colours shows."""
    console = Console(width=width, force_terminal=False, record=True, file=io.StringIO())
    render_terminal(report, console)
    return console.export_text()


def without_code(page: str) -> str:
    """The page without its style and script, which are files of their own, and their hashes."""
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-", page)


def main(folder: Path) -> None:
    """Writes every golden file into FOLDER/out."""
    import greenbench.store

    greenbench.store.now_utc = now_utc
    sys.path.append(str(Path(__file__).parents[1] / "imports"))
    (folder / "out").mkdir()
    for name, text in made(folder).items():
        (folder / "out" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
