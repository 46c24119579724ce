"""Runs a container to its end: what has to be known of an image or an engine before the trials."""

from __future__ import annotations

from typing import Final

from greenbench.api import Limits
from greenbench.executors.container import remove_container
from greenbench.executors.engine import Engine, engine_errors
from greenbench.executors.gpu_access import GpuGrant
from greenbench.executors.hardening import NOBODY_ID, ulimits

NO_GPUS: Final = GpuGrant()


def run_once(
    engine: Engine, image: str, code: str, what: str, gpus: GpuGrant = NO_GPUS
) -> tuple[int, str]:
    """Runs Python `code` in `image` as a trial would run; returns its exit code and its output.

    Raises an ExecutorError that says `what` failed if the engine can't do it; leaves nothing behind.
    """
    client = engine.client
    with engine_errors(what):
        container_id = client.create_container(
            image,
            entrypoint=["python", "-P", "-c", code],
            user=f"{NOBODY_ID}:{NOBODY_ID}",
            environment=dict(gpus.environment),
            healthcheck={"test": ["NONE"]},
            host_config=client.create_host_config(
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                ulimits=ulimits(Limits()),
                device_requests=list(gpus.device_requests),
                devices=list(gpus.devices),
                mounts=list(gpus.mounts),
            ),
        )["Id"]
    try:
        with engine_errors(what):
            client.start(container_id)
            exit_code = int(client.wait(container_id)["StatusCode"])
            output = bytes(client.logs(container_id)).decode("utf-8", "replace")
    finally:
        remove_container(client, container_id)
    return exit_code, output
