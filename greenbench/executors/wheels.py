"""Makes the wheel of a distribution as it is installed here, the same bytes every time.

No network and no build backend: a regular install is packed again from its RECORD; of an
editable one, the metadata and the packages that its metadata and its source folder name.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from greenbench.errors import ExecutorError

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The one timestamp in every wheel made here: content alone decides its bytes."""

FILE_MODE: Final = 0o644 << 16
INSTALLER_FILES: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
PURE_WHEEL: Final = (
    "Wheel-Version: 1.0\nGenerator: greenbench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)
PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")
COMPILED: Final = (".so", ".pyd", ".dylib")


def make_wheel(name: str, folder: Path, modules: Iterable[str] = ()) -> Path:
    """Writes the wheel of the installed distribution `name` into `folder`.

    `modules` are imported by what the wheel is for; of an editable install, their packages are
    packed beside those that the metadata and the source folder name.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise ExecutorError(
            f"distribution {name} is not installed, so it can't be put into an image",
            f"Install it: `pip install {name}`.",
        ) from error
    contents = _editable(found, modules) if _is_editable(found) else _regular(found)
    info = f"{_escaped(found.metadata['Name'])}-{found.version}.dist-info"
    tags = _tags(contents[f"{info}/WHEEL"].decode())
    wheel = folder / f"{_escaped(found.metadata['Name'])}-{found.version}-{tags}.whl"
    contents[f"{info}/RECORD"] = _record(contents, info)
    _write(wheel, contents)
    return wheel


def came_from_elsewhere(found: Distribution) -> bool:
    """Whether it was installed from a folder, a file or a repository instead of from an index.

    The installer notes it: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    return found.read_text("direct_url.json") is not None


def is_pure(found: Distribution) -> bool:
    """Whether it runs on any Python: no compiled code. Of an editable install that shows when it
    is packed."""
    if _is_editable(found):
        return True
    wheel = found.read_text("WHEEL")
    return wheel is not None and _tags(wheel).endswith("-none-any")


def _is_editable(found: Distribution) -> bool:
    url = found.read_text("direct_url.json")
    return bool(url and json.loads(url).get("dir_info", {}).get("editable"))


def _regular(found: Distribution) -> dict[str, bytes]:
    """Every file in RECORD but what the installer made: scripts, bytecode, its own notes."""
    record = found.read_text("RECORD")
    if record is None or found.read_text("WHEEL") is None:
        raise _unpackable(found, "its installation keeps no RECORD of its files")
    contents = {}
    for name, *_ in csv.reader(record.splitlines()):
        file = PurePosixPath(name)
        installer = file.parent.name.endswith(".dist-info") and file.name in INSTALLER_FILES
        outside = file.is_absolute() or ".." in file.parts
        if installer or outside or "__pycache__" in file.parts:
            continue
        try:
            contents[_canonical(found, file)] = Path(str(found.locate_file(name))).read_bytes()
        except OSError as error:
            raise _unpackable(found, f"{file} is recorded but can't be read: {error}") from error
    return contents


def _canonical(found: Distribution, file: PurePosixPath) -> str:
    """The file's name in a wheel; installers may spell the metadata folder in their own way."""
    if file.parts[0].endswith(".dist-info"):
        info = f"{_escaped(found.metadata['Name'])}-{found.version}.dist-info"
        return str(PurePosixPath(info, *file.parts[1:]))
    return str(file)


def _editable(found: Distribution, modules: Iterable[str]) -> dict[str, bytes]:
    """The metadata, and all packages of the source, as far as metadata and folder tell them."""
    info = f"{_escaped(found.metadata['Name'])}-{found.version}.dist-info"
    contents = {f"{info}/WHEEL": PURE_WHEEL.encode()}
    for name in ("METADATA", "entry_points.txt"):
        text = found.read_text(name)
        if text is not None:
            contents[f"{info}/{name}"] = text.encode()
    named = {entry_point.module for entry_point in found.entry_points} | set(modules)
    named |= set((found.read_text("top_level.txt") or "").split()) | _source_modules(found)
    named |= _own_module(found)
    if not named:
        raise _unpackable(found, "nothing tells which modules belong to it")
    for module in sorted(named):
        contents.update(_package_files(found, module))
    return contents


def _own_module(found: Distribution) -> set[str]:
    """The module called as the distribution, if it lies in the folder that was installed."""
    name = _escaped(found.metadata["Name"])
    spec = find_spec(name)
    url = json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
    source = unquote(urlsplit(url).path)
    inside = spec is not None and spec.origin and Path(spec.origin).is_relative_to(source)
    return {name} if inside else set()


def _source_modules(found: Distribution) -> set[str]:
    """Modules and packages in the folders that the install added to the path.

    Not in the project's own folder: what stands beside `pyproject.toml` is not all of the product.
    """
    site = Path(str(found.locate_file("")))
    paths = [site / str(file) for file in found.files or () if file.suffix == ".pth"]
    lines = [line for path in paths if path.is_file() for line in path.read_text().splitlines()]
    names: set[str] = set()
    for folder in map(Path, filter(os.path.isabs, lines)):
        if not folder.is_dir() or any((folder / name).exists() for name in PROJECT_FILES):
            continue
        names |= {path.parent.name for path in folder.glob("*/__init__.py")}
        names |= {path.stem for path in folder.glob("*.py")}
    return names


def _package_files(found: Distribution, module: str) -> Mapping[str, bytes]:
    """All files of the outermost regular package (or the module) that `module` lies in."""
    dotted, spec = _outermost(module)
    if spec is None or spec.origin is None:
        raise _unpackable(found, f"its module {module} can't be found")
    origin = Path(spec.origin)
    parent = PurePosixPath(*dotted.split(".")[:-1])
    if spec.submodule_search_locations is None:
        return {str(parent / origin.name): origin.read_bytes()}
    root = origin.parent
    contents = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if hidden or not path.is_file():
            continue
        if path.suffix in COMPILED:
            raise _unpackable(found, f"{path} is compiled for this host's Python")
        contents[str(parent / root.name / inside.as_posix())] = path.read_bytes()
    return contents


def _outermost(module: str) -> tuple[str, ModuleSpec | None]:
    """The first part of a dotted name that is a regular package or a module."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        dotted = ".".join(parts[:end])
        spec = find_spec(dotted)
        if spec is None or spec.origin is not None:
            return dotted, spec
    return module, None


def _unpackable(found: Distribution, why: str) -> ExecutorError:
    name = found.metadata["Name"]
    return ExecutorError(
        f"distribution {name} {found.version} can't be put into an image: {why}",
        f"Install it from a wheel: `pip wheel --no-deps SOURCE && pip install {name}-*.whl`.",
    )


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _tags(wheel: str) -> str:
    """The compressed tag set of a file name, from the lines `Tag:` of WHEEL."""
    tags = [line.partition(":")[2].strip() for line in wheel.splitlines() if line[:4] == "Tag:"]
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(column)) for column in columns)


def _record(contents: Mapping[str, bytes], info: str) -> bytes:
    lines = []
    for name in sorted(contents):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest())
        lines.append(f"{name},sha256={digest.rstrip(b'=').decode()},{len(contents[name])}")
    return "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()


def _write(path: Path, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            member = zipfile.ZipInfo(name, EPOCH)
            member.external_attr = FILE_MODE
            archive.writestr(member, contents[name])
