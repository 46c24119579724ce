"""What a plugin distribution asks for beyond the core, read from its installed metadata.

A plugin names its framework as an extra: `torch = ["torch>=2.4", …]`. Where the CPU's and the
GPU's build are different distributions, `tensorflow-cpu` and `tensorflow-gpu` are extras too.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

CORE: Final = "greenbench"
ALWAYS: Final = 'python_version >= "3"'
"""Stands for the chosen extra in a marker: outside of a distribution there are no extras."""

_REQUIREMENT: Final = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["'](?P<extra>[^"']+)["']""")


def requirement_lines(name: str, framework: str, variant: str) -> list[str]:
    """What `name` and its extra for `framework` need, as lines of a requirements file.

    The core is left out: it is there, without what only the host needs.
    """
    if normal_name(name) == CORE:
        return []
    extras = _extras(name)
    extra = f"{framework}-{variant}" if f"{framework}-{variant}" in extras else framework
    return [line for line in extras.get("", []) if _name(line) != CORE] + extras.get(extra, [])


def missing_requirements(name: str, framework: str) -> list[str]:
    """Names that the plugin's extra for `framework` demands and that are not installed here."""
    needed = (_name(line) for line in _extras(name).get(framework, []))
    return [distribution_name for distribution_name in needed if not _version(distribution_name)]


def versions(name: str, framework: str) -> str:
    """`greenbench-torch 0.1.0, torch 2.13.0, …`: the plugin, and what trains it, as installed."""
    extras = _extras(name)
    named = [
        _name(line)
        for extra in (framework, f"{framework}-cpu", f"{framework}-gpu")
        for line in extras.get(extra, [])
    ]
    found = {found: version for found in [name, *named] if (version := _version(found))}
    return ", ".join(f"{found} {version}" for found, version in found.items())


def normal_name(name: str) -> str:
    """A distribution's name as indexes compare it: `Greenbench_Torch` is `greenbench-torch`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _extras(name: str) -> dict[str, list[str]]:
    """Requirement lines by extra; those of no extra under the empty name."""
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        needed, _, marker = requirement.partition(";")
        extra = _EXTRA.search(marker)
        if extra is None:
            found.setdefault("", []).append(requirement)
        else:
            line = f"{needed.strip()} ; {_EXTRA.sub(ALWAYS, marker).strip()}"
            found.setdefault(normal_name(extra["extra"]), []).append(line)
    return found


def _name(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    return normal_name(match["name"]) if match else requirement


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None
