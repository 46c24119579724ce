"""From a suite to a run that can start: executor chosen, images there, meters open, results found."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from greenbench import __version__, datasets
from greenbench.api import EnergyBackend, Environment, Executor, Placement, Provided
from greenbench.cohort import remove_run_folder
from greenbench.energy.select import open_channels
from greenbench.errors import ExecutorError, PluginError, ResultsError
from greenbench.executors.gpus import gpu_request
from greenbench.host.cores import usable_cores
from greenbench.host.fingerprint import fingerprint
from greenbench.host.gpu import Gpus, open_gpus
from greenbench.host.gpu_request import asked_for, check_gpus, occupied
from greenbench.host.lock import HostLock
from greenbench.host.placement import Seat, seats
from greenbench.notice import Notice, Notify
from greenbench.plan import Plan, plan_facts
from greenbench.plugins import Plugins, installed_versions
from greenbench.recovery import Recovery
from greenbench.runner import Setting
from greenbench.store import Store, abandoned, result_sets
from greenbench.suite import Suite

AUTO_ORDER = ("docker", "process")


@dataclass(frozen=True, slots=True)
class Choice:
    """The executor of a run, why it was taken, and what is given up with it."""

    executor: Provided[Executor]
    reason: str
    gives_up: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for beyond the suite."""

    executor: str | None = None
    results: Path | None = None
    new: bool = False
    fail_fast: bool = False
    share_host: bool = False


def choose_executor(plugins: Plugins, wanted: str) -> Choice:
    """The executor that the suite or the user names; `auto`: containers if an engine answers."""
    if wanted != "auto":
        if wanted not in plugins.executors:
            raise PluginError(
                f"no executor is called {wanted!r}",
                f"there are: auto, {', '.join(plugins.executors.names())}",
            )
        executor = plugins.executors[wanted]
        availability = executor.value.availability()
        if not availability.usable:
            raise ExecutorError(f"{wanted}: {availability.detail}", availability.remedy)
        return Choice(executor, f"asked for; {availability.detail}", executor.value.gives_up)
    refusals: list[str] = []
    for name in AUTO_ORDER:
        if name not in plugins.executors:
            continue
        executor = plugins.executors[name]
        availability = executor.value.availability()
        if availability.usable:
            reason = "; ".join([*refusals, availability.detail])
            return Choice(executor, reason, executor.value.gives_up)
        refusals.append(f"{name} can't be used: {availability.detail}")
    raise ExecutorError("no executor can be used here: " + "; ".join(refusals))


def find_results(
    plan: Plan, suite: Suite, plugins: Plugins, root: Path, wish: Wish
) -> tuple[Store, bool]:
    """The result set to go on with, or a new one; and whether it existed before.

    Without `--results` that is the latest one below `root` with the same plan. A folder that
    was named and holds another plan is refused: nothing is ever mixed.
    """
    keys = [trial.key for cohort in plan.cohorts for trial in cohort.trials]
    if wish.results is not None:
        if (wish.results / "results.sqlite").is_file() and not wish.new:
            store = Store.open(wish.results)
            if [trial.key for trial in store.trials()] != keys:
                store.close()
                raise ResultsError(
                    f"{wish.results} holds the results of another plan",
                    "choose another folder with --results, or leave it out for a new one",
                )
            return store, True
        return _create(wish.results, plan, suite, plugins), False
    if not wish.new:
        for folder in reversed(result_sets(root)):
            try:
                store = Store.open(folder)
            except ResultsError:
                continue
            if [trial.key for trial in store.trials()] == keys:
                return store, True
            store.close()
    return _create(_fresh_folder(root, suite.name), plan, suite, plugins), False


def _create(folder: Path, plan: Plan, suite: Suite, plugins: Plugins) -> Store:
    facts = {
        "result_set": uuid.uuid4().hex,
        "greenbench_version": __version__,
        "suite_name": suite.name,
        "suite_path": str(suite.path or ""),
        "suite_text": suite.text,
        "suite_description": suite.description,
        "plan_seed": suite.seed,
        **plan_facts(plan, suite, plugins),
    }
    return Store.create(folder, facts, (t for c in plan.cohorts for t in c.trials))


def _fresh_folder(root: Path, name: str) -> Path:
    """`root/NAME-DATE-TIME`, with a number behind it when that is taken."""
    stem = f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    folder = root / stem
    number = 2
    while folder.exists():
        folder = root / f"{stem}-{number}"
        number += 1
    return folder


def finished(store: Store) -> bool:
    """Whether nothing of the plan is left to run."""
    return store.settled() == set(store.statuses())


def prepare(
    suite: Suite,
    plan: Plan,
    plugins: Plugins,
    store: Store,
    host: HostLock,
    *,
    wish: Wish,
    notify: Notify,
    stop: Callable[[], bool],
) -> Setting:
    """Everything that must stand before the first trial, in the order in which it can fail
    cheapest; result set and host are locked already. Raises GreenbenchError; nothing of the
    result set has changed then."""
    data = verified_data(plan, plugins)
    gpus = open_gpus()
    neighbours = check_gpus(gpus, suite.limits.gpus, share=wish.share_host)
    for text in neighbours:
        notify(Notice("problem", f"used by others: {text}"))
    apart = _apart(store, gpus, suite, notify)
    choice = choose_executor(plugins, wish.executor or suite.executor)
    name = choice.executor.name
    notify(Notice("executor", _executor_text(name, choice), {"executor": name}))
    places = _places(plan, choice, gpus)
    executor = choice.executor.value
    if removed := _remove_leftovers(executor, str(store.facts()["result_set"])):
        notify(Notice("prepare", f"removed {removed} left-over workers of earlier runs"))
    models = [plugins.models[model] for model in suite.models()]

    def make_images() -> Mapping[str, str]:
        return executor.prepare(
            models, suite.limits, lambda line: notify(Notice("prepare", line, {"line": line}))
        )

    images = make_images()
    opened = open_channels(_backends(plugins), suite.measure.backends or "auto", apart)
    notify(Notice("meters", "; ".join(opened.why), {"channels": [c.name for c in opened.channels]}))
    facts = {
        "executor": name,
        "executor_reason": choice.reason,
        "gives_up": choice.gives_up,
        "images": dict(images),
        "environments": [asdict(each) for each in _environments(executor)],
        "data": data,
        "versions": _versions(plugins, suite, choice),
        "backends": sorted(opened.backends),
        "channels": [asdict(channel) for channel in opened.channels],
        "missing": [asdict(missing) for missing in opened.missing],
        "measure": asdict(suite.measure),
        "cooldown": asdict(suite.cooldown),
        "limits": asdict(suite.limits),
        "retry": asdict(suite.retry),
        "host": fingerprint(gpus),
        "gpu_neighbours": neighbours,
        "gpus_apart": apart,
    }
    _refuse_another_world(store, facts)
    return Setting(
        suite=suite,
        plan=plan,
        plugins=plugins,
        executor=choice.executor,
        opened=opened,
        store=store,
        session_facts=facts,
        notify=notify,
        stop=stop,
        host=host,
        recovery=Recovery(
            executor=executor,
            prepare=make_images,
            holder=str(store.facts()["result_set"]),
            wait_s=suite.retry.wait_s,
        ),
        fail_fast=wish.fail_fast,
        gpus=None if gpus is None else replace(gpus, apart=frozenset(apart)),
        anywhere=_with_gpus(Seat(limits=suite.limits, placement=Placement()), gpus),
        seats=places,
        data=datasets.cache_folder() if data else None,
    )


def verified_data(plan: Plan, plugins: Plugins) -> dict[str, str]:
    """The digest of each prepared data set that a trial of the plan reads, after a look at every
    byte. Raises DataError if one is not there or not what was prepared."""
    names = {str(trial.hyperparameters.get("data", "")) for trial in plan.trials()}
    wanted = [plugins.data_sets[name].value for name in sorted(names) if name in plugins.data_sets]
    return {each.name: datasets.verify(each).digest for each in wanted if each.source}


def _apart(store: Store, gpus: Gpus | None, suite: Suite, notify: Notify) -> dict[str, str]:
    """GPUs that are left out of all totals, by UUID, with the reason: the suite does not ask for
    them, and others were on them when the result set began. Decided once, so that every trial of
    it adds the same channels; who comes to another GPU later is told here, and fails a check."""
    found = occupied(gpus, suite.limits.gpus)
    sessions = store.sessions()
    if sessions:
        decided: dict[str, str] = sessions[0].get("gpus_apart") or {}
        for text in (who for uuid, who in found.items() if uuid not in decided):
            came = "used by others, and its energy is in the totals of this result set"
            notify(Notice("problem", f"{came}: {text}"))
        return decided
    for text in found.values():
        notify(Notice("problem", f"left out of all totals, as others use it: {text}"))
    return {uuid: f"others use it, and the suite does not: {who}" for uuid, who in found.items()}


def _places(plan: Plan, choice: Choice, gpus: Gpus | None) -> Mapping[str, list[Seat]]:
    """The seats of each study's members; refused where the executor can't hold them there."""
    holds = getattr(choice.executor.value, "holds", ())
    for study in plan.studies:
        placement = study.scenario.placement
        wanted = ["cpus"] if placement.cores == "pinned" else []
        wanted += ["cpu_quota"] if placement.cpu_quota is not None else []
        missing = [part for part in wanted if part not in holds]
        if missing:
            text = {"cpus": "pin a trial to processors", "cpu_quota": "hold a trial to a CPU quota"}
            raise ExecutorError(
                f"{study.study}: the executor {choice.executor.name} can't {text[missing[0]]}",
                "use --executor docker, or leave that out of the scenario",
            )
    cores = usable_cores()
    limits = plan.suite.limits
    uuids = None if gpus is None else list(gpus.handles)
    return {
        study.study: [_with_gpus(s, gpus) for s in seats(study.scenario, limits, cores, uuids)]
        for study in plan.studies
    }


def _with_gpus(seat: Seat, gpus: Gpus | None) -> Seat:
    """The seat with the UUIDs of its GPUs."""
    if gpus is None:
        return seat
    uuids = asked_for(gpus, gpu_request(seat.limits.gpus))
    return replace(seat, gpu_uuids=frozenset(uuids))


def _remove_leftovers(executor: Executor, own: str) -> int:
    """Removes what dead runs left: of this result set, and of others whose lock nobody holds."""
    removed = len(executor.remove_leftovers(own))
    holders: Mapping[str, str] = getattr(executor, "holders", dict)()
    for holder, folder in holders.items():
        if folder and holder != own and abandoned(Path(folder)):
            removed += len(executor.remove_leftovers(holder))
            remove_run_folder(holder)
    return removed


def _executor_text(name: str, choice: Choice) -> str:
    text = f"executor {name}: {choice.reason}"
    return f"{text}\n  given up: {choice.gives_up}" if choice.gives_up else text


def _environments(executor: Executor) -> Sequence[Environment]:
    """What the executor tells of where trials run; not every executor does."""
    tell = getattr(executor, "environments", None)
    return tell() if callable(tell) else ()


def _backends(plugins: Plugins) -> Sequence[Provided[EnergyBackend]]:
    return [plugins.energy[name] for name in plugins.energy.offered]


def _versions(plugins: Plugins, suite: Suite, choice: Choice) -> Mapping[str, str]:
    """Distributions that decide what a trial is: the core, its plugins, the executor's."""
    names = {"greenbench", choice.executor.distribution}
    names |= {plugins.models[model].distribution for model in suite.models()}
    return installed_versions(sorted(names))


def _refuse_another_world(store: Store, facts: Mapping[str, Any]) -> None:
    """A result set is one world: other versions, images or hardware would be another factor."""
    sessions = store.sessions()
    if not sessions:
        return
    found = resume_difference(sessions[-1], facts)
    if found:
        raise ResultsError(
            f"{store.folder} was begun under other conditions:\n  " + "\n  ".join(found),
            "start another result set with --new, or restore the conditions",
        )


def resume_difference(
    before: Mapping[str, Any], now: Mapping[str, Any], *, ignore: Sequence[str] = ()
) -> list[str]:
    """What would make a resumed trial another trial: versions, images, executor, host."""
    found = []
    for key in ("executor", "versions", "images", "data", "host", "backends"):
        if key in ignore or (key not in before and not now.get(key)):
            continue
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += [
                f"{key}.{name}: was {old.get(name)!r}, is {new.get(name)!r}"
                for name in sorted({*old, *new})
                if old.get(name) != new.get(name)
            ]
        elif old != new:
            found.append(f"{key}: was {old!r}, is {new!r}")
    return found
