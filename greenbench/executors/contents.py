"""What is in an image, asked of a container that ends at once: packages, Python, the worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from greenbench import protocol
from greenbench.errors import ExecutorError
from greenbench.executors.engine import Engine
from greenbench.executors.images import Image
from greenbench.executors.once import run_once

LOOK: Final = """
import json, platform
from importlib.metadata import distributions
packages = {}
for found in distributions():
    packages.setdefault(found.metadata["Name"], found.version)
try:
    from greenbench.protocol import VERSION
except ImportError:
    VERSION = None
print(json.dumps({"packages": packages, "python": platform.python_version(), "protocol": VERSION}))
"""
SHOWN_CHARS: Final = 2000
REBUILD_REMEDY: Final = (
    "Build it anew: remove it with `docker image rm IMAGE`, then `greenbench images build`."
)


@dataclass(frozen=True, slots=True)
class Contents:
    """Packages are distributions by name with their version, as `pip list` shows them."""

    python: str
    packages: Mapping[str, str]


def look_into(engine: Engine, image: Image) -> Contents:
    """What `image` holds. Raises if its worker speaks another protocol than this greenbench, or
    if it has no Python that can tell."""
    code, output = run_once(engine, image.id, LOOK, f"image {image.tag} can't be looked into")
    try:
        told: dict[str, Any] = json.loads(output)
    except ValueError:
        told = {}
    if code != 0 or not told:
        raise ExecutorError(
            f"no worker can run in image {image.tag}: its Python ended with code {code}\n"
            f"{output[-SHOWN_CHARS:].strip()}",
            "An image needs Python 3.11 or later as `python` on its PATH.",
        )
    if told["protocol"] != protocol.VERSION:
        found = "none that is known" if told["protocol"] is None else told["protocol"]
        raise ExecutorError(
            f"the worker in image {image.tag} speaks protocol {found}, this greenbench speaks "
            f"{protocol.VERSION}: the image was built by another version",
            REBUILD_REMEDY,
        )
    return Contents(python=told["python"], packages=dict(sorted(told["packages"].items())))
