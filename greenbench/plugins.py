"""The one place that finds plugins and checks what they offer."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, distribution, distributions
from pathlib import PurePosixPath
from typing import Any, Generic, Literal, TypeVar

import pluggy

from greenbench import hookspecs
from greenbench.api import (
    DataSet,
    EnergyBackend,
    Executor,
    Hyperparameter,
    Metric,
    Model,
    MutationOperator,
    Provided,
)

GROUP = "greenbench"
DISABLE = "GREENBENCH_DISABLE_PLUGINS"
"""Environment variable: distributions whose plugins are not loaded, separated by commas."""

BUILTINS = (
    "greenbench.mutation.plugin",
    "greenbench.energy.plugin",
    "greenbench.executors.plugin",
)
"""Modules that go through the same door as third parties."""

Kind = Literal["model", "operator", "energy", "executor", "data set"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """A plugin that can't be used: who provides it, what failed, and the whole error."""

    distribution: str
    version: str
    entry_point: str
    error: str
    detail: str = ""
    names: tuple[str, ...] = ()
    """The model, operator, … names that are missing because of it, where they are known."""


@dataclass(slots=True)
class Registry(Generic[T]):
    """What plugins offer of one kind, by name, in the order of discovery."""

    kind: Kind
    offered: dict[str, Provided[T]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.offered

    def __getitem__(self, name: str) -> Provided[T]:
        return self.offered[name]

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.offered)


@dataclass(slots=True)
class Plugins:
    """Everything that was found, and everything that went wrong while finding it."""

    manager: pluggy.PluginManager
    models: Registry[Model]
    operators: Registry[MutationOperator]
    energy: Registry[EnergyBackend]
    executors: Registry[Executor]
    problems: list[PluginProblem]
    data_sets: Registry[DataSet] = field(default_factory=lambda: Registry("data set"))

    def registries(self) -> list[Registry[Any]]:
        """The kinds in the order in which they are listed."""
        return [self.models, self.data_sets, self.operators, self.energy, self.executors]

    def implementing(self, hook: str) -> list[Provided[object]]:
        """The plugins that implement a hook, by entry point: what they offer through it is known
        only when it is called."""
        plugins = [found.plugin for found in getattr(self.manager.hook, hook).get_hookimpls()]
        sources = [(_source_of(self.manager, plugin), plugin) for plugin in plugins]
        found = [Provided(s.entry_point, p, s.distribution, s.version) for s, p in sources]
        return sorted(found, key=lambda plugin: (plugin.name, plugin.distribution))

    def notify(self, hook: str, **arguments: Any) -> list[PluginProblem]:
        """Calls a lifecycle hook on every plugin; a failing one is returned, not raised."""
        failed = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            names = implementation.argnames
            try:
                implementation.function(*(arguments[name] for name in names))
            except Exception as error:  # noqa: BLE001 (a plugin's error is not ours)
                source = _source_of(self.manager, implementation.plugin)
                failed.append(_problem(source, error, f"{hook} failed"))
        return failed

    def offers(self, hook: str, **arguments: Any) -> tuple[list[tuple[str, object]], list[str]]:
        """What plugins yield for a hook, as (distribution and version, value), and what failed:
        a text for each that raised, which takes nothing from the others."""
        found: list[tuple[str, object]] = []
        failed = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            source = _source_of(self.manager, implementation.plugin)
            who = f"{source.distribution} {source.version}"
            try:
                values = implementation.function(*(arguments[n] for n in implementation.argnames))
                found += [(who, value) for value in values or ()]
            except Exception as error:  # noqa: BLE001 (a plugin's error is not ours)
                failed.append(f"{who}: {hook} failed: {type(error).__name__}: {error}")
        return found, failed


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a plugin module comes from."""

    distribution: str
    version: str
    entry_point: str


def load_plugins() -> Plugins:
    """Finds all plugins: built-ins first, then every entry point of the group `greenbench`.

    Nothing a plugin does raises here: failures become `PluginProblem`s and the rest goes on.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    problems: list[PluginProblem] = []
    disabled = {_normal(name) for name in os.environ.get(DISABLE, "").split(",") if name.strip()}
    for source, load in _entry_points():
        if _normal(source.distribution) in disabled:
            continue
        _register(manager, source, load, problems)
    plugins = Plugins(
        manager=manager,
        models=Registry("model"),
        operators=Registry("operator"),
        energy=Registry("energy"),
        executors=Registry("executor"),
        problems=problems,
    )
    _collect(plugins, "greenbench_models", plugins.models, _model_problem)
    _collect(plugins, "greenbench_data_sets", plugins.data_sets, _data_set_problem)
    _collect(plugins, "greenbench_operators", plugins.operators, _needs("mutate"))
    _collect(plugins, "greenbench_energy_backends", plugins.energy, _needs("open"))
    _collect(
        plugins,
        "greenbench_executors",
        plugins.executors,
        _needs("availability", "prepare", "start", "remove_leftovers"),
    )
    return plugins


def _entry_points() -> Iterable[tuple[_Source, Callable[[], object]]]:
    core = _core_version()
    for module in BUILTINS:
        yield _Source("greenbench", core, module), partial(import_module, module)
    for found in sorted(distributions(), key=_distribution_name):
        for entry_point in found.entry_points:
            if entry_point.group == GROUP:
                yield _entry_source(found, entry_point), entry_point.load


def _entry_source(found: Distribution, entry_point: EntryPoint) -> _Source:
    return _Source(_distribution_name(found), found.version, entry_point.name)


def _distribution_name(found: Distribution) -> str:
    return str(found.metadata["Name"] or "?")


def _core_version() -> str:
    from greenbench import __version__

    return __version__


def _normal(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _register(
    manager: pluggy.PluginManager,
    source: _Source,
    load: Callable[[], object],
    problems: list[PluginProblem],
) -> None:
    name = f"{source.distribution}:{source.entry_point}"
    if manager.has_plugin(name):  # the same distribution found twice on the path
        return
    try:
        plugin = load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 (any import error is the plugin's)
        problems.append(_problem(source, error, "can't be imported"))
        return
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except (ValueError, TypeError, pluggy.PluginValidationError) as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        problems.append(_problem(source, error, "breaks the hook contract"))
        return
    _sources(manager)[name] = source


def _sources(manager: pluggy.PluginManager) -> dict[str, _Source]:
    sources: dict[str, _Source] = manager.__dict__.setdefault("greenbench_sources", {})
    return sources


def _source_of(manager: pluggy.PluginManager, plugin: object) -> _Source:
    return _sources(manager)[manager.get_name(plugin) or ""]


def _problem(source: _Source, error: BaseException, what: str) -> PluginProblem:
    text = f"{what}: {type(error).__name__}: {error}"
    detail = "".join(traceback.format_exception(error))
    return PluginProblem(source.distribution, source.version, source.entry_point, text, detail)


def _collect(
    plugins: Plugins,
    hook: str,
    registry: Registry[Any],
    check: Callable[[object], str | None],
) -> None:
    claims: dict[str, list[tuple[_Source, object]]] = {}
    for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
        source = _source_of(plugins.manager, implementation.plugin)
        try:
            offered = list(implementation.function())
        except Exception as error:  # noqa: BLE001 (a plugin's error is not ours)
            plugins.problems.append(_problem(source, error, f"{hook} failed"))
            continue
        for value in offered:
            problem = check(value)
            name = getattr(value, "name", None)
            if problem is None and not (isinstance(name, str) and name):
                problem = "has no name"
            if problem is not None:
                plugins.problems.append(
                    PluginProblem(
                        source.distribution,
                        source.version,
                        source.entry_point,
                        f"{hook} yielded {name or value!r}, which {problem}",
                        names=(name,) if isinstance(name, str) else (),
                    )
                )
                continue
            claims.setdefault(str(name), []).append((source, value))
    for name, claimants in claims.items():
        if len(claimants) == 1:
            source, value = claimants[0]
            registry.offered[name] = Provided(name, value, source.distribution, source.version)
        else:
            _conflict(plugins, registry, name, claimants)


def _conflict(
    plugins: Plugins,
    registry: Registry[Any],
    name: str,
    claimants: list[tuple[_Source, object]],
) -> None:
    """The first claimant that is greenbench itself keeps the name; else nobody does."""
    everyone = ", ".join(f"{s.distribution} {s.version}" for s, _ in claimants)
    keeper = next((c for c in claimants if c[0].distribution == "greenbench"), None)
    if keeper is not None:
        source, value = keeper
        registry.offered[name] = Provided(name, value, source.distribution, source.version)
    for source, _ in claimants:
        if keeper is not None and source is keeper[0]:
            continue
        plugins.problems.append(
            PluginProblem(
                source.distribution,
                source.version,
                source.entry_point,
                f"{registry.kind} {name!r} is claimed by more than one distribution: {everyone}; "
                "uninstall or disable all but one",
                names=(name,),
            )
        )


def _model_problem(value: object) -> str | None:
    if not isinstance(value, Model):
        return f"is a {type(value).__name__}, not a greenbench.api.Model"
    if value.trainer.count(":") != 1:
        return f'names its trainer as {value.trainer!r}, not "package.module:Class"'
    if value.image and value.dockerfile:
        return "brings both an image and a Dockerfile"
    if value.dockerfile and not _names_package_file(value.dockerfile):
        return f'names its Dockerfile as {value.dockerfile!r}, not "package:path/in/it/Dockerfile"'
    if not value.metrics or not all(isinstance(m, Metric) for m in value.metrics):
        return "declares no Metric"
    return _hyperparameters_problem(value.hyperparameters)


def _hyperparameters_problem(found: Sequence[object]) -> str | None:
    declared = [one for one in found if isinstance(one, Hyperparameter)]
    if len(declared) < len(found):
        return "declares hyperparameters that are not greenbench.api.Hyperparameter"
    names = [one.name for one in declared]
    if len(set(names)) != len(names):
        return "declares a hyperparameter twice"
    joined = next((name for name in names if "," in name), None)
    if joined is not None:
        return f"names a hyperparameter {joined!r}: a comma stands between names"
    for hyperparameter in declared:
        problem = hyperparameter.problem(hyperparameter.default)
        if problem:
            return f"has a default of {hyperparameter.name} that {problem}"
    return None


def _names_package_file(reference: str) -> bool:
    package, colon, inside = reference.partition(":")
    path = PurePosixPath(inside)
    plain = all(part.isidentifier() for part in package.split("."))
    return bool(colon and inside) and plain and not path.is_absolute() and ".." not in path.parts


def _data_set_problem(value: object) -> str | None:
    if not isinstance(value, DataSet):
        return f"is a {type(value).__name__}, not a greenbench.api.DataSet"
    if value.source and value.source.count(":") != 1:
        return f'names its source as {value.source!r}, not "package.module:Class"'
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value.name):
        return "has a name that can't be a folder's: letters, digits, '.', '_' and '-' only"
    return None


def _needs(*methods: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if isinstance(value, type):
            return f"is the class {value.__name__}, not an instance of it"
        missing = [m for m in methods if not callable(getattr(value, m, None))]
        return f"lacks {', '.join(missing)}()" if missing else None

    return check


def installed_versions(names: Iterable[str]) -> Mapping[str, str]:
    """Version by distribution name, for those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = distribution(name).version
        except ModuleNotFoundError:
            continue
    return found
