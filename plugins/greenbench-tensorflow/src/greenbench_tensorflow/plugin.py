"""What this distribution offers to greenbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenbench.hookspecs import hookimpl
from greenbench_tensorflow import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenbench.api import Model


@hookimpl
def greenbench_models() -> Iterable[Model]:
    """The models in TensorFlow."""
    yield from catalog.MODELS
