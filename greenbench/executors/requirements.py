"""What a plugin distribution asks for beyond the core, read from its installed metadata.

A plugin names its framework as an extra: `torch = ["torch>=2.4", …]`. Where the CPU's and the
GPU's build are different distributions, `tensorflow-cpu` and `tensorflow-gpu` are extras too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Final

from greenbench.errors import ExecutorError
from greenbench.executors.wheels import came_from_elsewhere, is_pure

if TYPE_CHECKING:
    from packaging.requirements import Requirement

CORE: Final = "greenbench"
ALWAYS: Final = 'python_version >= "3"'
"""Stands for the chosen extra in a marker: outside of a distribution there are no extras."""

_EXTRA: Final = re.compile(r'extra == "(?P<extra>[^"]+)"')


@dataclass(frozen=True, slots=True)
class Needs:
    """What a plugin needs in its image beside itself and the core.

    `lines` are for pip; `from_host` names the distributions that are packed as they are installed
    here, since no index has them.
    """

    lines: tuple[str, ...]
    from_host: tuple[str, ...]


def plugin_needs(
    name: str, framework: str, variant: str, not_on_index: Collection[str] = ()
) -> Needs:
    """The needs of distribution `name`, its extra for `framework` and all it takes from the host.

    From the host comes what did not come from an index itself (a local folder, an editable
    install, a wheel file, a repository), and what `not_on_index` names; both only if they hold no
    compiled code, which is for this host's Python. The core is left out: it is there, without
    what only the host needs.
    """
    lines: list[str] = []
    from_host: list[str] = []
    waiting = [(name, frozenset({"", _extra(name, framework, variant)}))]
    seen = set(waiting)
    while waiting:
        owner, extras = waiting.pop(0)
        for requirement in _requirements(owner, extras):
            needed = normal_name(requirement.name)
            if needed in {CORE, normal_name(name)}:
                continue
            if not _taken_from_host(requirement, not_on_index):
                lines.append(str(requirement))
                continue
            _check_version(owner, requirement)
            if needed not in from_host:
                from_host.append(needed)
            following = (needed, frozenset({"", *map(normal_name, requirement.extras)}))
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return Needs(tuple(dict.fromkeys(lines)), tuple(from_host))


def missing_requirements(name: str, framework: str) -> list[str]:
    """Names that the plugin's extra for `framework` demands and that are not installed here."""
    needed = (normal_name(found.name) for found in _by_extra(name).get(framework, []))
    return [distribution_name for distribution_name in needed if not installed(distribution_name)]


def versions(name: str, framework: str) -> str:
    """`greenbench-torch 0.1.0, torch 2.13.0, …`: the plugin, and what trains it, as installed."""
    extras = _by_extra(name)
    named = [
        normal_name(requirement.name)
        for extra in (framework, f"{framework}-cpu", f"{framework}-gpu")
        for requirement in extras.get(extra, [])
    ]
    taken = plugin_needs(name, framework, "cpu").from_host
    found = {each: there.version for each in [name, *taken, *named] if (there := installed(each))}
    return ", ".join(f"{found} {version}" for found, version in found.items())


def normal_name(name: str) -> str:
    """A distribution's name as indexes compare it: `Greenbench_Torch` is `greenbench-torch`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(name: str) -> Distribution | None:
    """The distribution of that name in this environment, if there is one."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _extra(name: str, framework: str, variant: str) -> str:
    """The plugin's extra for a framework: the one of the variant goes before the general one."""
    of_variant = f"{framework}-{variant}"
    return of_variant if of_variant in _by_extra(name) else framework


def _requirements(name: str, extras: Collection[str]) -> list[Requirement]:
    """Requirements of a distribution that hold always, then those of its `extras`."""
    return [
        requirement
        for extra, requirements in _by_extra(name).items()
        if extra in extras
        for requirement in requirements
    ]


def _by_extra(name: str) -> dict[str, list[Requirement]]:
    """Requirements by extra, those of no extra first and under the empty name; the marker's
    extra is taken out, so that the rest of it can be judged where there are none."""
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    there = installed(name)
    found: dict[str, list[Requirement]] = {"": []}
    for line in (there.requires or []) if there else []:
        requirement = Requirement(line)
        extra = _EXTRA.search(str(requirement.marker or ""))
        if extra is not None:
            requirement.marker = Marker(_EXTRA.sub(ALWAYS, str(requirement.marker)))
        found.setdefault(normal_name(extra["extra"]) if extra else "", []).append(requirement)
    return found


def _taken_from_host(requirement: Requirement, not_on_index: Collection[str]) -> bool:
    there = installed(requirement.name)
    if there is None or (requirement.marker is not None and not requirement.marker.evaluate()):
        return False
    named = normal_name(requirement.name) in not_on_index
    return (named or came_from_elsewhere(there)) and is_pure(there)


def _check_version(owner: str, requirement: Requirement) -> None:
    there = installed(requirement.name)
    if there is not None and not requirement.specifier.contains(there.version, prereleases=True):
        raise ExecutorError(
            f"{owner} needs {requirement}, but {there.version} is installed here, and what is "
            "installed here goes into the image",
            f"Install a version that fits, or put one on an index: `pip install '{requirement}'`.",
        )
