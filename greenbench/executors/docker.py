"""The container executor: one hardened container per trial through the Docker Engine API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from greenbench.api import (
    HOLDER_LABEL,
    Availability,
    Environment,
    Launch,
    Limits,
    Model,
    Provided,
    Running,
)
from greenbench.errors import ExecutorError
from greenbench.executors import engine as engines
from greenbench.executors import gpus
from greenbench.executors.container import RunningContainer, remove_container
from greenbench.executors.hardening import create_container, device_requests

if TYPE_CHECKING:
    from greenbench.executors.contents import Contents
    from greenbench.executors.images import Image

GPU_REMEDY: Final = (
    "Install NVIDIA's container toolkit and restart the engine "
    "(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/), check with "
    "`docker run --rm --gpus all IMAGE nvidia-smi`, or use `--executor process`."
)
START_FAILED_REMEDY: Final = "Run the suite again; `docker info` and the engine's log say more."


class DockerExecutor:
    """Runs each trial in a container of its own, on this host's engine."""

    name = "docker"
    description = "one hardened container per trial, through the Docker Engine API"
    gives_up = ""

    def __init__(self, endpoint: engines.Endpoint | None = None) -> None:
        self._endpoint = endpoint
        self._engine: engines.Engine | None = None
        self._images: dict[str, Image] = {}
        self._contents: dict[Image, Contents] = {}

    def availability(self) -> Availability:
        """Whether an engine of this host answers; if not, which of the reasons it is."""
        try:
            return Availability(True, str(self.engine()))
        except ExecutorError as error:
            return Availability(False, error.message, error.remedy)

    def engine(self) -> engines.Engine:
        """The engine, connected once."""
        if self._engine is None:
            self._engine = engines.connect(self._endpoint or engines.find_endpoint())
        return self._engine

    def prepare(
        self,
        models: Sequence[Provided[Model]],
        limits: Limits,
        progress: Callable[[str], None],
    ) -> Mapping[str, str]:
        """Builds the images that are missing, looks into each, and tries the GPUs that the suite
        asks for."""
        from greenbench.executors.contents import look_into
        from greenbench.executors.images import ImageBuilder

        wanted = gpus.gpu_request(limits.gpus)
        if wanted and not gpus.driver_present():
            raise ExecutorError(gpus.NO_DRIVER, gpus.NO_DRIVER_REMEDY)
        builder = ImageBuilder(self.engine(), progress, "gpu" if wanted else "cpu")
        for model in models:
            image = self._images[model.name] = builder.ensure(model)
            if image not in self._contents:
                self._contents[image] = look_into(self.engine(), image)
        if wanted and models:
            self.try_gpus(self._images[models[0].name].tag, wanted)
        return {model.name: str(self._images[model.name]) for model in models}

    def environments(self) -> Sequence[Environment]:
        """The images of the prepared models, each with all that is in it."""
        from greenbench.executors.inventory import base_of

        return [
            Environment(
                models=tuple(name for name, used in self._images.items() if used == image),
                name=image.tag,
                id=image.id,
                base=base_of(self.engine(), image),
                python=contents.python,
                packages=contents.packages,
            )
            for image, contents in self._contents.items()
            if image in self._images.values()
        ]

    def try_gpus(self, image: str, wanted: gpus.GpuRequest) -> None:
        """Asks the engine for the GPUs with a container that ends at once."""
        client = self.engine().client
        with engines.engine_errors("no container to try the GPUs with"):
            container_id = client.create_container(
                image,
                entrypoint=["python", "-c", ""],
                host_config=client.create_host_config(
                    network_mode="none", device_requests=device_requests(wanted)
                ),
            )["Id"]
        try:
            with engines.engine_errors("the engine can't give the GPUs asked for", GPU_REMEDY):
                client.start(container_id)
        finally:
            remove_container(client, container_id)

    def start(self, launch: Launch) -> Running:
        """Creates and starts the trial's container; leaves none behind if that fails."""
        engine = self.engine()
        image = self._image(launch)
        remedy = GPU_REMEDY if launch.limits.gpus else START_FAILED_REMEDY
        with engines.engine_errors("the trial's container can't be created", remedy):
            container_id = create_container(engine.client, launch, image.id)
        try:
            with engines.engine_errors("the trial's container can't be started", remedy):
                engine.client.start(container_id)
            return RunningContainer(engine, container_id, self._facts(engine, image))
        except BaseException:
            remove_container(engine.client, container_id)
            raise

    def remove_leftovers(self, holder: str) -> Sequence[str]:
        """Removes containers of the result set `holder`, running or not, and no others."""
        client = self.engine().client
        with engines.engine_errors("leftover containers can't be listed"):
            found = client.containers(
                all=True, filters={"label": f"{HOLDER_LABEL}={holder}"}, quiet=True
            )
        for container in found:
            remove_container(client, container["Id"])
        return [f"container {container['Id'][:12]}" for container in found]

    def _image(self, launch: Launch) -> Image:
        known = self._images.get(launch.model.name)
        if known is None:
            self.prepare([launch.model], launch.limits, lambda _: None)
            known = self._images[launch.model.name]
        return known

    def _facts(self, engine: engines.Engine, image: Image) -> Mapping[str, str]:
        return {
            "image": image.tag,
            "image_id": image.id,
            "engine": engine.version,
            "endpoint": str(engine.endpoint),
        }
