"""Finds the Docker Engine of this host, and says in words why it can't be used."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from greenbench.errors import ExecutorError

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT_URL: Final = "unix:///var/run/docker.sock"
ANSWER_LIMIT_S: Final = 10.0
REQUEST_LIMIT_S: Final = 120.0
START_REMEDY: Final = "Start it with `sudo systemctl start docker`, or use `--executor process`."
INSTALL_REMEDY: Final = (
    "Install Docker Engine (https://docs.docker.com/engine/install/), start it, "
    "or use `--executor process`."
)
REMOTE_REMEDY: Final = (
    "Run greenbench on the machine of that engine; for many machines, on each of them, and compare "
    "with `greenbench report --compare`. To use an engine of this host: unset DOCKER_HOST, "
    "`docker context use default`."
)
PERMISSION_REMEDY: Final = (
    "Run `sudo usermod -aG docker $USER` and log in again (members of that group "
    "are root in all but name), or use `--executor process`."
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the engine listens, and which setting says so."""

    url: str
    source: str

    def __str__(self) -> str:
        return f"{self.url} (from {self.source})"


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine on this host that answers; `name` is what it calls itself."""

    client: APIClient
    endpoint: Endpoint
    version: str
    info: Mapping[str, Any]
    name: str = "Docker Engine"

    @property
    def podman(self) -> bool:
        """Whether it is Podman behind its Docker-compatible socket."""
        return self.name.startswith("Podman")

    def __str__(self) -> str:
        cgroups = f"cgroup v{self.info.get('CgroupVersion', '1')}"
        return f"{self.name} {self.version} at {self.endpoint}, {cgroups}"


def find_endpoint(environment: Mapping[str, str] = os.environ) -> Endpoint:
    """What the `docker` command would talk to: DOCKER_HOST, else its context, else the default."""
    if url := environment.get("DOCKER_HOST"):
        return Endpoint(url, "DOCKER_HOST")
    folder = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    name = environment.get("DOCKER_CONTEXT") or _current_context(folder)
    if name and name != "default":
        return Endpoint(_context_url(folder, name), f"context {name!r}")
    return Endpoint(DEFAULT_URL, "the default")


def connect(endpoint: Endpoint) -> Engine:
    """The engine at `endpoint`; an `ExecutorError` says why there is none, and what to do."""
    path = _local_socket(endpoint)
    _try_socket(path, endpoint)
    import docker
    import requests

    try:
        client = docker.APIClient(
            base_url=f"unix://{path}", version="auto", timeout=int(ANSWER_LIMIT_S)
        )
        info = client.info()
        told = client.version()
        client.timeout = int(REQUEST_LIMIT_S)
    except docker.errors.DockerException as error:
        raise ExecutorError(
            f"the engine at {endpoint} refuses: {_one_line(error)}",
            "Check it with `docker info`, or use `--executor process`.",
        ) from error
    except requests.RequestException as error:
        raise ExecutorError(
            f"the engine at {endpoint} does not answer within {ANSWER_LIMIT_S:.0f} s: "
            f"{_one_line(error)}",
            "Restart it with `sudo systemctl restart docker`, or use `--executor process`.",
        ) from error
    _check_here(endpoint, info)
    named = [str(part.get("Name", "")) for part in told.get("Components") or ()]
    name = next((name for name in named if name.startswith("Podman")), "Docker Engine")
    return Engine(client, endpoint, str(told["Version"]), info, name)


@contextmanager
def engine_errors(what: str, remedy: str = "") -> Iterator[None]:
    """Turns whatever the engine or the way to it raises into an `ExecutorError`: `what` failed."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise ExecutorError(f"{what}: {error.explanation or error}", remedy) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise ExecutorError(
            f"{what}: the engine does not answer: {_one_line(error)}", START_REMEDY
        ) from error


def _current_context(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_text()).get("currentContext", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _context_url(folder: Path, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = folder / "contexts" / "meta" / digest / "meta.json"
    try:
        return str(json.loads(path.read_text())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExecutorError(
            f"the Docker context {name!r} can't be read from {path}: {_one_line(error)}",
            "List contexts with `docker context ls`; choose one with `docker context use NAME`.",
        ) from error


def _local_socket(endpoint: Endpoint) -> Path:
    if endpoint.url.startswith("unix://"):
        return Path(endpoint.url.removeprefix("unix://"))
    raise ExecutorError(
        f"the engine at {endpoint} is not on this host: trials would run there, "
        "but the meters read the power of this machine",
        REMOTE_REMEDY,
    )


def _try_socket(path: Path, endpoint: Endpoint) -> None:
    """Connects once without any library: the errors of the socket are the clearest."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_LIMIT_S)
        try:
            probe.connect(str(path))
        except FileNotFoundError as error:
            raise ExecutorError(
                f"no Docker Engine here: {path} does not exist (endpoint from {endpoint.source})",
                INSTALL_REMEDY,
            ) from error
        except PermissionError as error:
            raise ExecutorError(
                f"no permission on the Docker Engine's socket {path}", PERMISSION_REMEDY
            ) from error
        except ConnectionRefusedError as error:
            raise ExecutorError(
                f"the Docker Engine is down: nothing listens on {path}", START_REMEDY
            ) from error
        except OSError as error:
            raise ExecutorError(
                f"the Docker Engine's socket {path} can't be used: {error}", START_REMEDY
            ) from error


def _check_here(endpoint: Endpoint, info: Mapping[str, Any]) -> None:
    """A forwarded socket looks local; its kernel doesn't."""
    here, there = os.uname().release, str(info.get("KernelVersion", ""))
    if there and here != there:
        raise ExecutorError(
            f"the engine at {endpoint} runs on another kernel ({there}; this host has {here}): "
            "a virtual machine or a forwarded socket, where the meters would read "
            "the wrong machine",
            REMOTE_REMEDY,
        )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
