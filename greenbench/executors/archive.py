"""Carries images between engines: one file, whole or refused, with the same tags and ids after.

The file is what `docker save` writes, with one more member in front that names tags and ids, so
`docker load` takes it too. Everything in it is named by its own SHA-256 (image ids are those of
their configurations, which name their layers), so damage shows before the engine gets any of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from greenbench import __version__
from greenbench.errors import ExecutorError
from greenbench.executors.build import bare_tag, inspect_image
from greenbench.executors.engine import Engine, engine_errors
from greenbench.executors.images import Image

CONTENTS: Final = "greenbench.json"
MANIFEST: Final = "manifest.json"
CHUNK_BYTES: Final = 1 << 20
MOST_CONTENTS_BYTES: Final = 1 << 20
AGAIN_REMEDY: Final = "Copy the file again, or export it again: `greenbench images export FILE`."
SPACE_REMEDY: Final = (
    "Look for space on the engine's disk (`docker system df`, `greenbench images prune`) and into "
    "its log."
)

Progress = Callable[[int, int], None]
"""Takes bytes done and bytes in all (0: not known)."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive says it holds."""

    greenbench: str
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that was read to its end: `ids` by tag are those of the configurations in it,
    which is what most engines call their images."""

    archive: Archive
    ids: Mapping[str, str]


def export_images(engine: Engine, tags: Sequence[str], path: Path, progress: Progress) -> Archive:
    """Writes the images `tags` of this engine into `path`; nothing is left of it if that fails."""
    found = {tag: inspect_image(engine, tag) for tag in tags}
    missing = [tag for tag, there in found.items() if there is None]
    if missing:
        raise ExecutorError(
            f"not on this engine: {', '.join(missing)}",
            "Build them first: `greenbench images build`; `greenbench images list` shows all.",
        )
    archive = Archive(
        __version__, tuple(Image(tag, there["Id"]) for tag, there in found.items() if there)
    )
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as sink:
            done = sink.write(_head(archive))
            for chunk in _saved(engine, tags):
                done += sink.write(chunk)
                progress(done, 0)
            os.fsync(sink.fileno())
        part.replace(path)
    except OSError as error:
        raise ExecutorError(
            f"{path} can't be written: {error.strerror or error}",
            "Choose another place with `greenbench images export FILE`; the images of one "
            "framework (`--framework`) take less.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return archive


def import_images(engine: Engine, path: Path, checked: Checked, progress: Progress) -> Archive:
    """Loads what `check_archive` has seen, and sees that every image has its id and its tag."""
    archive = checked.archive
    total_bytes = path.stat().st_size
    what = f"{path} can't be loaded"
    with path.open("rb") as source, engine_errors(what, SPACE_REMEDY):
        for event in engine.client.load_image(  # type: ignore[no-untyped-call]
            _read(source, total_bytes, progress)
        ):
            if "error" in event:
                raise ExecutorError(f"{what}: {event['error']}", SPACE_REMEDY)
    for image in archive.images:
        there = inspect_image(engine, image.tag)
        if there is None or there["Id"] not in {image.id, checked.ids[image.tag]}:
            raise ExecutorError(
                f"{image.tag} is {there['Id'] if there else 'missing'} after the import, "
                f"not {image.id}",
                "Import it into an engine of the same kind, or build it here.",
            )
    return archive


def check_archive(path: Path, progress: Progress) -> Checked:
    """Reads `path` once, to its end, and compares everything in it with its digest.

    Raises where it was not made by `export_images`, ends too early, or has been damaged.
    """
    total_bytes = path.stat().st_size
    digests: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    links: dict[str, str] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if member.issym() or member.islnk():
                    links[name] = _target(member)
                elif member.isfile():
                    digests[name], texts[name] = _digest(tar, member)
                    progress(file.tell(), total_bytes)
            _see_the_end(file, tar)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if not digests:
            raise _not_ours(path) from error
        raise _damaged(path, f"it can't be read to its end ({error})") from error
    archive = _contents(path, texts.get(CONTENTS))
    digests |= {name: digests[target] for name, target in links.items() if target in digests}
    configurations = _check_digests(path, digests, texts)
    lost = [image.tag for image in archive.images if image.tag not in configurations]
    if lost:
        raise _damaged(path, f"{', '.join(lost)} is not in it")
    return Checked(archive, configurations)


def _check_digests(
    path: Path, digests: Mapping[str, str], texts: Mapping[str, bytes]
) -> dict[str, str]:
    """Compares everything with its name; returns the id of the configuration by tag."""
    found: dict[str, str] = {}
    try:
        for entry in json.loads(texts[MANIFEST]):
            name = entry["Config"]
            wanted = PurePosixPath(name).name.removesuffix(".json")
            _must_be(path, name, digests[name], {wanted})
            layers = json.loads(texts[name])["rootfs"]["diff_ids"]
            for layer, diff_id in zip(entry["Layers"], layers, strict=True):
                named = {diff_id.removeprefix("sha256:"), PurePosixPath(layer).name}
                _must_be(path, layer, digests[layer], named)
            found |= {bare_tag(tag): f"sha256:{wanted}" for tag in entry["RepoTags"] or ()}
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"its {MANIFEST} does not fit the rest ({error})") from error
    return found


def _must_be(path: Path, name: str, digest: str, wanted: set[str]) -> None:
    if digest not in wanted:
        raise _damaged(path, f"{name} has not the content that its digest says")


def _saved(engine: Engine, tags: Sequence[str]) -> Iterator[bytes]:
    """What the engine saves: all images in one stream, so that shared layers are in it once."""
    client = engine.client
    with engine_errors("images can't be exported"):
        answer = client.get(
            f"{client.base_url}/v{client.api_version}/images/get",
            params={"names": list(tags)},
            stream=True,
            timeout=None,
        )
        with answer:
            if not answer.ok:
                raise ExecutorError(f"images can't be exported: {answer.text.strip()}")
            yield from answer.iter_content(CHUNK_BYTES)


def _head(archive: Archive) -> bytes:
    """The member in front: a tar without its end, so that the engine's can follow."""
    images = [{"tag": image.tag, "id": image.id} for image in archive.images]
    text = json.dumps({"greenbench": archive.greenbench, "images": images}, indent=1).encode()
    member = tarfile.TarInfo(CONTENTS)
    member.size = len(text)
    padding = -len(text) % tarfile.BLOCKSIZE
    return member.tobuf(tarfile.PAX_FORMAT) + text + bytes(padding)


def _contents(path: Path, text: bytes | None) -> Archive:
    try:
        data: dict[str, Any] = json.loads(text or b"")
        images = tuple(Image(str(each["tag"]), str(each["id"])) for each in data["images"])
        return Archive(str(data["greenbench"]), images)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_ours(path) from error


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, bytes]:
    """The SHA-256 of a member, and its content if it is small enough to be JSON."""
    source = tar.extractfile(member)
    if source is None:
        raise EOFError(f"{member.name} is no file")
    digest, kept, left = hashlib.sha256(), io.BytesIO(), member.size
    while left:
        chunk = source.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise EOFError(f"{member.name} is cut off")
        left -= len(chunk)
        digest.update(chunk)
        if member.size <= MOST_CONTENTS_BYTES:
            kept.write(chunk)
    return digest.hexdigest(), kept.getvalue()


def _target(member: tarfile.TarInfo) -> str:
    """What a link points to: a layer that two images share is saved once."""
    folder = PurePosixPath(member.name).parent if member.issym() else PurePosixPath()
    return os.path.normpath(folder / member.linkname)


def _see_the_end(file: IO[bytes], tar: tarfile.TarFile) -> None:
    """A tar ends in blocks of zeros; one that was cut between two members has none."""
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    plain = file.read(tarfile.BLOCKSIZE)[257:262] == b"ustar"
    if plain and tar.offset + tarfile.BLOCKSIZE > size_bytes:
        raise EOFError("the end is missing")


def _read(source: IO[bytes], total_bytes: int, progress: Progress) -> Iterable[bytes]:
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        yield chunk
        done += len(chunk)
        progress(done, total_bytes)


def _damaged(path: Path, why: str) -> ExecutorError:
    return ExecutorError(f"the archive {path} is damaged or cut off: {why}", AGAIN_REMEDY)


def _not_ours(path: Path) -> ExecutorError:
    return ExecutorError(
        f"{path} was not written by `greenbench images export`",
        "Load another archive with `docker load --input FILE`.",
    )
