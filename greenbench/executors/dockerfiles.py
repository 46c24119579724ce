"""Finds the Dockerfiles: beside the sources, or inside the installed package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import greenbench
from greenbench.errors import ExecutorError

SUFFIX: Final = ".Dockerfile"
PLUGINS: Final = "plugins"
"""The Dockerfile of the layer on every framework's image; no framework may be called so."""


def dockerfile(name: str) -> str:
    """The text of `dockerfiles/NAME.Dockerfile`; an error names those that are there."""
    path = _known().get(name)
    if path is None:
        frameworks = sorted(set(_known()) - {PLUGINS})
        raise ExecutorError(
            f"there is no image for the framework {name!r}; known: {', '.join(frameworks)}",
            "Correct `framework` in the plugin's Model, or use `--executor process`.",
        )
    return path.read_text(encoding="utf-8")


def default_base(text: str) -> str | None:
    """The base image that a Dockerfile starts from if none is given; None: it takes none."""
    found = re.search(r"^ARG BASE=(\S+)", text, re.MULTILINE)
    return found[1] if found else None


def _known() -> dict[str, Path]:
    package = Path(greenbench.__file__).parent
    folders = (package.parent / "dockerfiles", package / "_dockerfiles")
    return {
        path.name.removesuffix(SUFFIX): path
        for folder in folders
        for path in folder.glob(f"*{SUFFIX}")
    }
