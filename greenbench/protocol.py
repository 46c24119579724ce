"""The words between host and worker: one JSON object a line over a Unix socket, with limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any, Final

from greenbench.api import Share, Unused

VERSION: Final = 1
"""Both sides refuse another version before training starts."""

MAX_LINE_BYTES: Final = 65_536
MAX_EVENTS: Final = 1_048_576
"""Per trial: a quarter of a million epochs with their validations. More is a flood, and ends the
trial."""

MAX_BYTES: Final = 134_217_728
"""Per trial, all messages together: `MAX_EVENTS` of some 128 bytes. All of them are kept."""

READ_BYTES: Final = 16_384
"""Taken from a worker at once; what else it has said waits, and makes it wait."""

FROM_OUTSIDE: Final = 125
"""Exit codes from here on are the executor's to give: a signal from outside is 128 and more. A
training process that ends with one of them ended by itself, so its supervisor exits with 1."""

LOG_PART_BYTES: Final = 8_192
"""Output travels in parts that stay below `MAX_LINE_BYTES` however they are escaped."""

TO_WORKER: Final = ("trial", "go", "bye")
FROM_WORKER: Final = (
    "hello",
    "prepare_begin",
    "prepare_end",
    "ready",
    "train_begin",
    "epoch_begin",
    "epoch_end",
    "validation_begin",
    "validation_end",
    "train_end",
    "test_begin",
    "test_end",
    "result",
    "error",
    "log",
    "exit",
)


def encode(kind: str, payload: Mapping[str, Any]) -> bytes:
    """One message as a line of JSON; non-finite floats become the strings `float()` reads."""
    message = {"kind": kind, **{key: _plain(value) for key, value in payload.items()}}
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> tuple[str, dict[str, Any]]:
    """The kind and the payload of one line; ValueError if it is not a message."""
    message = json.loads(line)
    if b"\\ud" in line.lower():  # half a character can't be stored: an error here, not there
        json.dumps(message, ensure_ascii=False).encode()
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise ValueError("not an object with a kind")
    kind = message.pop("kind")
    return kind, message


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # names of files may be no text
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Share | Unused):
        return _plain(asdict(value))
    return value
