"""Python's own standard library as a corpus: real text that is there wherever Python is.

Its files differ between versions of Python, so the label names the version.
"""

from __future__ import annotations

import ast
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data import catalog
from greenbench_data.parts import Array, Labelled, Part, Tokens, stratified

MODULES: Final = (
    "argparse",
    "asyncio",
    "concurrent",
    "difflib",
    "email",
    "http",
    "inspect",
    "logging",
    "multiprocessing",
    "pydoc",
    "statistics",
    "tarfile",
    "turtle",
    "typing",
    "unittest",
    "xml",
)
"""Modules and packages with at least 40 functions in Python 3.11 to 3.13; each is a class."""

LENGTH: Final = 512
"""Bytes of a function that are kept."""
VOCABULARY: Final = 256
HELD_OUT: Final = 131_072
"""Bytes that validate and test: enough that a trial's time is its training's."""
SPLIT_SEED: Final = 0
FOLDERS_LEFT_OUT: Final = frozenset(
    ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip",
     "turtledemo", "tkinter", "distutils", "__pycache__", "config", "pydoc_data", "encodings")
)  # fmt: skip
"""Not there everywhere (distributions split them off), or tables rather than programs."""


def text() -> Tokens:
    """One stream of bytes a part; whole files go to one part, the same for every seed."""
    root = _root()
    files = [path for path in _files(root) if _module(path, root) not in MODULES]
    shuffled = [files[i] for i in np.random.default_rng(SPLIT_SEED).permutation(len(files))]
    tenth = len(files) // 10
    return Tokens(
        name=catalog.STDLIB_TEXT.name,
        label=_versioned(catalog.STDLIB_TEXT.label),
        synthetic=False,
        vocabulary=VOCABULARY,
        train=_stream(shuffled[2 * tenth :]),
        validation=_stream(shuffled[tenth : 2 * tenth])[:HELD_OUT],
        test=_stream(shuffled[:tenth])[:HELD_OUT],
    )


def functions(share: float) -> Labelled:
    """Functions and methods, their first 512 bytes; the module that they are from is the class."""
    sources, labels = [], []
    for label, module in enumerate(MODULES):
        for path in _files(_root(), module):
            for source in _functions(path):
                sources.append(source)
                labels.append(label)
    inputs = np.zeros((len(sources), LENGTH), np.uint8)
    for row, source in zip(inputs, sources, strict=True):
        row[: min(len(source), LENGTH)] = np.frombuffer(source[:LENGTH], np.uint8)
    return _three_parts(inputs, np.array(labels, np.int64), share)


def _three_parts(inputs: Array, labels: Array, share: float) -> Labelled:
    random = np.random.default_rng(SPLIT_SEED)
    everything = np.arange(len(labels))
    test = stratified(labels, everything, len(labels) // 5, random)
    rest = np.setdiff1d(everything, test)
    validation = stratified(labels, rest, len(labels) // 10, random)
    train = random.permutation(np.setdiff1d(rest, validation))
    return Labelled(
        name=catalog.STDLIB_FUNCTIONS.name,
        label=_versioned(catalog.STDLIB_FUNCTIONS.label),
        synthetic=False,
        classes=len(MODULES),
        train=Part(inputs[train], labels[train]).first(share),
        validation=Part(inputs[validation], labels[validation]),
        test=Part(inputs[test], labels[test]),
        total=len(train),
    )


def _root() -> Path:
    root = Path(sysconfig.get_path("stdlib"))
    if not (root / "argparse.py").is_file():
        raise DataError(
            f"the source of Python's standard library is not at {root}",
            "Use a Python that comes with its library as source files, as most do.",
        )
    return root


def _files(root: Path, module: str = "") -> list[Path]:
    """Source files below the root, or those of one module, in an order that is always the same."""
    single = root / f"{module}.py"
    if module and single.is_file():
        return [single]
    start = root / module if module else root
    found = [
        path
        for path in start.rglob("*.py")
        if not FOLDERS_LEFT_OUT.intersection(path.relative_to(root).parts)
        and not any(part.startswith("config-") for part in path.relative_to(root).parts)
    ]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _module(path: Path, root: Path) -> str:
    first = path.relative_to(root).parts[0]
    return first.removesuffix(".py")


def _stream(files: list[Path]) -> Array:
    return np.frombuffer(b"".join(path.read_bytes() for path in files), np.uint8)


def _functions(path: Path) -> Iterator[bytes]:
    """The source of each function in the file, nested ones within their own."""
    source = path.read_bytes()
    lines = source.splitlines(keepends=True)
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop(0)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                assert child.end_lineno is not None
                yield b"".join(lines[child.lineno - 1 : child.end_lineno]).strip()
            else:
                waiting.append(child)


def _versioned(label: str) -> str:
    return f"{label} {platform.python_version()}"
