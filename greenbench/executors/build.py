"""Builds one image on the engine: streams the context, shows progress, leaves nothing on failure."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tarfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from greenbench.errors import ExecutorError
from greenbench.executors.container import remove_container
from greenbench.executors.engine import Engine, engine_errors
from greenbench.executors.foundation import context_files

if TYPE_CHECKING:
    from docker import APIClient

BUILD_LABEL: Final = "greenbench.build"
DOCKERFILE: Final = "Dockerfile"
SHOWN_LINES: Final = 20
CLEAN_UP_LIMIT_S: Final = 20.0
NOISE: Final = (
    "--->",
    "Removing intermediate container",
    "Removed intermediate container",
    "Requirement already satisfied",
)
_FROM: Final = re.compile(r"^[ \t]*FROM[ \t].*$", re.MULTILINE | re.IGNORECASE)
BUILD_REMEDY: Final = (
    "Without a registry or a package index in reach, build from a base image and a folder of "
    "wheels: `greenbench images build --base IMAGE --wheelhouse DIR`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One image to build: its Dockerfile, the files beside it, its arguments and labels."""

    tag: str
    dockerfile: str
    folders: Mapping[str, Iterable[Path]]
    """Files by the folder of the context they go to; a folder is there even if it is empty."""
    tree: Path | None = None
    """A folder whose files lie in the context as they lie in it."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    """Whether the build gets no network and no index: everything is in the context."""


def build(engine: Engine, recipe: Recipe, progress: Callable[[str], None]) -> str:
    """Builds and tags an image; returns its id. Raises with the last lines if it fails.

    What had the tag before is removed. The classic builder keeps the layers of a failed build,
    and of stages that only serve others, as untagged images; they carry the build's own label
    and are removed here.
    """
    build_id = uuid.uuid4().hex
    before = inspect_image(engine, recipe.tag)
    last_lines: deque[str] = deque(maxlen=SHOWN_LINES)
    try:
        with (
            engine_errors(f"image {recipe.tag} can't be built", BUILD_REMEDY),
            contextlib.closing(_events(engine.client, recipe, build_id)) as events,
        ):
            for event in events:
                _take(event, recipe.tag, last_lines, progress)
        built_id = _built_id(engine, recipe.tag)
    finally:
        with contextlib.suppress(ExecutorError):
            _clean_up(engine.client, build_id)
    if before is not None and before["Id"] != built_id:
        # Refused while another image stands on it; it goes with the last of those.
        with contextlib.suppress(ExecutorError), engine_errors("an image can't be replaced"):
            engine.client.remove_image(before["Id"])
    return built_id


def inspect_image(engine: Engine, tag: str) -> Mapping[str, Any] | None:
    """What the engine knows of an image; None if it has none of that name."""
    import docker

    with engine_errors(f"image {tag} can't be inspected"):
        try:
            found: Mapping[str, Any] = engine.client.inspect_image(tag)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            return None
        return found


def bare_tag(tag: str) -> str:
    """A tag as it is given here; Podman writes the registry before it that it thinks of."""
    for registry in ("docker.io/library/", "docker.io/", "localhost/"):
        tag = tag.removeprefix(registry)
    return tag


def _built_id(engine: Engine, tag: str) -> str:
    built = inspect_image(engine, tag)
    if built is None:
        raise ExecutorError(f"image {tag} vanished right after it was built", BUILD_REMEDY)
    return str(built["Id"])


def _events(
    client: APIClient, recipe: Recipe, build_id: str
) -> Generator[dict[str, Any], None, None]:
    """The engine's report of the build, while a thread streams the context to it.

    Whoever stops reading closes the connection: that is how a build is cancelled.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as context, _closing_responses(client):
        sender = threading.Thread(target=_send, args=(write_end, recipe), daemon=True)
        sender.start()
        yield from client.build(
            fileobj=context,
            custom_context=True,
            tag=recipe.tag,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=None,
            buildargs={
                **recipe.arguments,
                "BUILD_ID": build_id,
                "OFFLINE": "1" if recipe.offline else "",
            },
            labels=dict(recipe.labels),
            network_mode="none" if recipe.offline else None,
        )
    sender.join()


@contextlib.contextmanager
def _closing_responses(client: APIClient) -> Iterator[None]:
    """Closes the connections of answers that were not read to their end."""
    responses: list[Any] = []

    def keep(response: Any, **_: Any) -> None:
        responses.append(response)

    client.hooks["response"].append(keep)
    try:
        yield
    finally:
        client.hooks["response"].remove(keep)
        for response in responses:
            response.close()


def _send(write_end: int, recipe: Recipe) -> None:
    """Writes the build context as a tar stream; no copy of a large wheelhouse is made."""
    with (
        contextlib.suppress(BrokenPipeError),
        os.fdopen(write_end, "wb") as sink,
        tarfile.open(fileobj=sink, mode="w|") as archive,
    ):
        _add(archive, DOCKERFILE, io.BytesIO(_labelled(recipe.dockerfile).encode()))
        if recipe.tree is not None:
            _add_tree(archive, recipe.tree)
        for folder, paths in recipe.folders.items():
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
            for path in sorted(paths):
                with path.open("rb") as content:
                    _add(archive, f"{folder}/{path.name}", content)


def _labelled(text: str) -> str:
    """A Dockerfile whose stages carry the build's label: what is left of one is found by it."""
    if BUILD_LABEL in text:
        return text
    label = f"\nARG BUILD_ID=none\nLABEL {BUILD_LABEL}=${{BUILD_ID}}"
    return _FROM.sub(lambda found: found[0] + label, text)


def _add_tree(archive: tarfile.TarFile, tree: Path) -> None:
    for path in context_files(tree):
        name = path.relative_to(tree).as_posix()
        if name != DOCKERFILE:
            with path.open("rb") as content:
                _add(archive, name, content)


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    member.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    archive.addfile(member, content)


def _take(
    event: Mapping[str, Any], tag: str, last_lines: deque[str], progress: Callable[[str], None]
) -> None:
    """One event of the build: lines to show, or the error that ends it."""
    if "error" in event:
        shown = "\n".join(f"    {line}" for line in last_lines)
        raise ExecutorError(
            f"image {tag} can't be built: {str(event['error']).strip()}\n"
            + (f"the last lines of the build:\n{shown}" if shown else ""),
            BUILD_REMEDY,
        )
    text = event.get("stream") or ("" if event.get("progress") else event.get("status", ""))
    for line in str(text).splitlines():
        if line.strip() and not line.strip().startswith(NOISE):
            last_lines.append(line.rstrip())
            progress(line.rstrip())


def _clean_up(client: APIClient, build_id: str) -> None:
    """Removes the containers and untagged images of one build.

    An engine ends a cancelled build in its own time, so this looks again until nothing is left.
    """
    label = f"{BUILD_LABEL}={build_id}"
    deadline_s = time.monotonic() + CLEAN_UP_LIMIT_S
    while time.monotonic() < deadline_s:
        with engine_errors("cleaning up after a build"):
            containers = client.containers(all=True, quiet=True, filters={"label": label})
            images = client.images(quiet=True, filters={"dangling": True, "label": label})
        if not containers and not images:
            return
        for container in containers:
            remove_container(client, container["Id"])
        for image in images:  # with its untagged parents; refused while one is in use
            with contextlib.suppress(ExecutorError), engine_errors("an image can't be removed"):
                client.remove_image(image)
