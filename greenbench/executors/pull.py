"""Gets an image that is not made here: it is there, or a registry has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from greenbench.errors import ExecutorError
from greenbench.executors.build import inspect_image
from greenbench.executors.engine import Engine, engine_errors

PULL_REMEDY: Final = (
    "Check its name and the network. Without a registry in reach, bring it with `greenbench images "
    "import` or `docker load`, or replace the base by one that you have: `greenbench images build "
    "--base IMAGE --wheelhouse DIR`."
)
SHOWN: Final = ("Pulling from", "Digest:", "Status:")


def ensure_there(
    engine: Engine, reference: str, progress: Callable[[str], None]
) -> Mapping[str, Any]:
    """What the engine knows of the image `reference`, which is pulled if it is missing.

    A reference with a digest (`name@sha256:…`) is checked against it by the engine.
    """
    there = inspect_image(engine, reference)
    if there is not None:
        return there
    progress(f"pulling {reference}")
    what = f"image {reference} is not on this engine and can't be pulled"
    with engine_errors(what, PULL_REMEDY):
        for event in engine.client.pull(_with_tag(reference), stream=True, decode=True):
            if "error" in event:
                raise ExecutorError(f"{what}: {event['error']}", PULL_REMEDY)
            if str(event.get("status", "")).startswith(SHOWN):
                progress(event["status"])
    there = inspect_image(engine, reference)
    if there is None:
        raise ExecutorError(f"{what}: the registry gave another one", PULL_REMEDY)
    return there


def _with_tag(reference: str) -> str:
    """Without a tag an engine would pull every tag there is."""
    named = "@" in reference or ":" in reference.rpartition("/")[2]
    return reference if named else f"{reference}:latest"
