"""What goes into a plugin's layer: wheels made here, and the requirements that pip gets elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from greenbench.executors.requirements import installed, normal_name, plugin_needs
from greenbench.executors.wheels import make_wheel

if TYPE_CHECKING:
    from greenbench.api import Model, Provided

CORE: Final = ("greenbench", "pluggy")
"""What the worker needs beside the plugin; the rest of the core's own needs stays outside."""

_NOT_FOUND: Final = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True)
class LayerWheels:
    """The files of one layer; `from_host` are those of other distributions than core and plugin,
    by name with the SHA-256 of their wheels."""

    files: tuple[Path, ...]
    from_host: Mapping[str, str]

    def contents(self) -> list[str]:
        """Names and digests of all files: what the layer is made of."""
        return [f"{path.name} {_digest(path)}" for path in self.files]


def make_wheels(
    model: Provided[Model], variant: str, folder: Path, not_on_index: Collection[str] = ()
) -> LayerWheels:
    """Writes what `model` needs in its layer into a new `folder`."""
    folder.mkdir()
    needs = plugin_needs(model.distribution, model.value.framework, variant, not_on_index)
    made = [make_wheel(name, folder) for name in CORE]
    if model.distribution not in CORE:
        trainer = model.value.trainer.partition(":")[0]
        made.append(make_wheel(model.distribution, folder, [trainer]))
    from_host = {name: make_wheel(name, folder) for name in needs.from_host if name not in CORE}
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in needs.lines), encoding="utf-8")
    return LayerWheels(
        files=(*made, *from_host.values(), requirements),
        from_host={name: _digest(wheel) for name, wheel in from_host.items()},
    )


def not_found(message: str) -> str | None:
    """The distribution that pip found nowhere, from the last lines of a build; None if it failed
    for another reason."""
    found = _NOT_FOUND.search(message)
    return normal_name(found[1]) if found else None


def still_as(taken: str, folder: Path) -> bool:
    """Whether what a layer took from this host (JSON: digest by name) is the same today."""
    known: dict[str, str] = json.loads(taken or "{}")
    return all(
        installed(name) is not None and _digest(make_wheel(name, folder)) == digest
        for name, digest in known.items()
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
