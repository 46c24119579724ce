"""Which processor package, and which die of it, each logical CPU belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

CPUS: Final = Path("/sys/devices/system/cpu")


def domains(root: Path = CPUS) -> Mapping[int, tuple[str, ...]]:
    """By number of the logical CPU the names that RAPL zones have: `package-0`, and where the
    kernel tells dies `package-0-die-1`. Empty where the topology is not told.

    Files: https://docs.kernel.org/admin-guide/cputopology.html.
    """
    found: dict[int, tuple[str, ...]] = {}
    for folder in root.glob("cpu[0-9]*"):
        package = _number(folder / "topology" / "physical_package_id")
        if package is None or package < 0:  # −1: a virtual machine that does not say
            continue
        names = [f"package-{package}"]
        die = _number(folder / "topology" / "die_id")
        if die is not None and die >= 0:
            names.append(f"package-{package}-die-{die}")
        found[int(folder.name.removeprefix("cpu"))] = tuple(names)
    return found


def by_domain(
    per_cpu_s: Mapping[int, float], of: Mapping[int, tuple[str, ...]]
) -> dict[str, float]:
    """Sums of a time per logical CPU over packages and dies."""
    sums: dict[str, float] = {name: 0.0 for names in of.values() for name in names}
    for cpu, seconds in per_cpu_s.items():
        for name in of.get(cpu, ()):
            sums[name] += seconds
    return sums


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
