"""`greenbench suite`: schema, plan and run."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greenbench.cli.options import share_option

if TYPE_CHECKING:
    from greenbench.plan import Plan
    from greenbench.plugins import Plugins
    from greenbench.runner import Outcome
    from greenbench.session import Wish
    from greenbench.store import Store
    from greenbench.suite import Suite

REPORTS = Path("reports")
EXIT_FAILED_TRIALS = 3
EXIT_STOPPED = 130


@click.group()
def suite() -> None:
    """Check, plan and run suites."""


@suite.command()
def schema() -> None:
    """Print the JSON Schema of suite files, so that editors complete them."""
    from greenbench.suite import suite_schema

    click.echo(json.dumps(suite_schema(), indent=2, ensure_ascii=False))


@suite.command()
@click.argument("path", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--results-root", type=click.Path(path_type=Path), default=REPORTS, hidden=True)
@click.option(
    "--to-detect",
    callback=share_option,
    metavar="PERCENT",
    help="How many blocks it takes to find a saving of so much (noise: earlier results, or --cv).",
)
@click.option(
    "--cv",
    callback=share_option,
    metavar="PERCENT",
    help="Coefficient of variation of a run's energy, for --to-detect.",
)
def plan(
    path: Path,
    as_json: bool,  # noqa: FBT001
    results_root: Path,
    to_detect: float | None,
    cv: float | None,
) -> None:
    """Show what would run: every trial in order, what it can settle, and how long it takes."""
    loaded, plan, _ = _planned(path)
    if to_detect is not None:
        from greenbench.cli.detect_view import show_needs

        show_needs(plan, to_detect, cv, results_root)
        return
    from greenbench.plan import plan_json

    durations_s = _durations_s(results_root)
    if as_json:
        click.echo(json.dumps(plan_json(plan), indent=2, ensure_ascii=False))
        return
    from greenbench.cli.plan_view import show_plan

    show_plan(loaded, plan, durations_s)


@suite.command()
@click.argument("path", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--executor", help="auto, docker, process, or a plugin's; overrides the suite.")
@click.option("--results", type=click.Path(path_type=Path), help="Folder of the result set.")
@click.option("--new", is_flag=True, help="Start another result set instead of going on.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first trial that fails.")
@click.option("--share-host", is_flag=True, help="Measure though another suite does (recorded).")
@click.option("--quiet", is_flag=True, help="Print problems and the end only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def run(path: Path, quiet: bool, as_json: bool, **wishes: Any) -> None:  # noqa: FBT001
    """Run SUITE, or go on where it stopped.

    \b
    Exit codes: 0 all trials completed, 2 the suite is wrong, 3 trials failed,
    4 a plugin is missing, 5 no executor, 6 no meter, 7 results,
    10 another suite measures on this host, 130 stopped.
    """
    from greenbench.cli.choose_view import choose_view
    from greenbench.session import Wish, find_results, finished

    loaded, planned, plugins = _planned(path)
    wish = Wish(**wishes)
    store, existed = find_results(planned, loaded, plugins, REPORTS, wish)
    view = choose_view(quiet=quiet, as_json=as_json)
    try:
        if existed and finished(store):
            view.already_finished(store.folder)
            sys.exit(_exit_code(store))
        with _stop_on_signals() as stop, view:
            outcome = _run(loaded, planned, plugins, store, wish=wish, show=view.show, stop=stop)
        view.finished(outcome, store.folder)
        sys.exit(EXIT_STOPPED if outcome.stopped else _exit_code(store))
    finally:
        store.close()


def _run(
    loaded: Suite,
    planned: Plan,
    plugins: Plugins,
    store: Store,
    *,
    wish: Wish,
    show: Callable[[Any], None],
    stop: Callable[[], bool],
) -> Outcome:
    from greenbench.host.lock import hold
    from greenbench.runner import SuiteRun
    from greenbench.session import prepare

    store.lock()
    with hold(loaded.name, store.folder, share=wish.share_host) as host:
        setting = prepare(loaded, planned, plugins, store, host, wish=wish, notify=show, stop=stop)
        return SuiteRun(setting).run()


def _exit_code(store: Store) -> int:
    statuses = store.statuses()
    done = all(s == "completed" for s in statuses.values()) and store.settled() == set(statuses)
    return 0 if done else EXIT_FAILED_TRIALS


def _planned(path: Path) -> tuple[Suite, Plan, Plugins]:
    from greenbench.plan import build_plan
    from greenbench.plugins import load_plugins
    from greenbench.suite import load_suite

    plugins = load_plugins()
    for problem in plugins.problems:
        click.echo(
            f"greenbench: plugin {problem.distribution} {problem.version}: {problem.error}",
            err=True,
        )
    loaded = load_suite(path, plugins)
    return loaded, build_plan(loaded, plugins), plugins


def _durations_s(root: Path) -> dict[str, float]:
    """Mean seconds of a study's cohorts, from all result sets below `root`, later ones first."""
    from greenbench.errors import ResultsError
    from greenbench.store import Store, result_sets

    found: dict[str, float] = {}
    for folder in result_sets(root):
        try:
            store = Store.open(folder, read_only=True)
        except ResultsError:
            continue
        found |= store.durations_s()
        store.close()
    return found


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM asks to stop; a second Ctrl-C stops at once."""
    wanted = threading.Event()

    def ask(number: int, _frame: object) -> None:
        if wanted.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        wanted.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wanted.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
