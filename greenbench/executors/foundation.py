"""What a model's layer stands on: a framework's image, or what its plugin brings instead."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from greenbench.errors import PluginError
from greenbench.executors.dockerfiles import dockerfile

if TYPE_CHECKING:
    from greenbench.api import Model, Provided

TAG_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Foundation:
    """An image under a plugin's layer.

    With a `dockerfile` (its text) it is built, from the files in `folder` if there is one; without
    it is an image that exists somewhere and is pulled when this engine lacks it.
    """

    tag: str
    dockerfile: str = ""
    folder: Path | None = None


def of_framework(framework: str, variant: str) -> Foundation:
    """The image of a framework, tagged by its Dockerfile and the variant."""
    text = dockerfile(framework)
    return Foundation(f"greenbench/{framework}:{short_digest(text, variant)}", text)


def of_model(provided: Provided[Model], variant: str) -> Foundation:
    """What `provided` trains on: the image or the Dockerfile that it names, else its framework's.

    A Dockerfile comes out of an installed distribution, so it is trusted as its code is. Nothing
    in a suite can name one.
    """
    model = provided.value
    if model.image:
        return Foundation(model.image)
    if model.dockerfile:
        return _of_plugin(provided, variant)
    return of_framework(model.framework, variant)


def short_digest(*parts: str) -> str:
    """The part of a tag that says what an image is made of."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:TAG_DIGITS]


def _of_plugin(provided: Provided[Model], variant: str) -> Foundation:
    """The plugin's own Dockerfile; its folder is the build context and belongs to the tag."""
    package, _, inside = provided.value.dockerfile.partition(":")
    spec = find_spec(package)
    root = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    path = root / PurePosixPath(inside) if root is not None else None
    if path is None or not path.is_file():
        raise PluginError(
            f"model {provided.name} ({provided.distribution} {provided.version}) brings the "
            f"Dockerfile {provided.value.dockerfile!r}, but there is none",
            "It is named as `package:path/in/the/package/Dockerfile`; the file must be installed "
            "with the package.",
        )
    text = path.read_text(encoding="utf-8")
    files = [
        f"{file.relative_to(path.parent)} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in context_files(path.parent)
    ]
    name = package.replace("_", "-").lower()
    tag = f"greenbench/own-{name}:{short_digest(text, variant, *files)}"
    return Foundation(tag, text, path.parent)


def context_files(folder: Path) -> list[Path]:
    """The files of a plugin's build context, in a stable order; no bytecode, nothing hidden."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(
            part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts
        )
    ]
