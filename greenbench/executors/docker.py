"""The container executor: one hardened container per trial through the Docker Engine API."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from greenbench.api import (
    HOLDER_LABEL,
    RESULTS_LABEL,
    Availability,
    Environment,
    Launch,
    Limits,
    Missing,
    Model,
    Placing,
    Provided,
    Running,
)
from greenbench.errors import ExecutorError
from greenbench.executors import engine as engines
from greenbench.executors import gpus
from greenbench.executors.container import RunningContainer, remove_container
from greenbench.executors.gpu_access import (
    TOOLKIT_REMEDY,
    TRY_CUDA,
    DriverFiles,
    GpuGrant,
    GpuWay,
    toolkit_offered,
    ways,
)
from greenbench.executors.hardening import create_container

if TYPE_CHECKING:
    from greenbench.executors.contents import Contents
    from greenbench.executors.images import Image

GPU_REMEDY: Final = (
    "Install NVIDIA's container toolkit and restart the engine "
    "(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/), check with "
    "`docker run --rm --gpus all IMAGE nvidia-smi`, or use `--executor process`. Ids are listed by "
    "`nvidia-smi -L`."
)
START_FAILED_REMEDY: Final = "Run the suite again; `docker info` and the engine's log say more."


class DockerExecutor:
    """Runs each trial in a container of its own, on this host's engine."""

    name = "docker"
    description = "one hardened container per trial, through the Docker Engine API"
    gives_up = ""
    holds: tuple[Placing, ...] = ("cpus", "cpu_quota")

    def __init__(
        self, endpoint: engines.Endpoint | None = None, driver: DriverFiles | None = None
    ) -> None:
        self._endpoint = endpoint
        self._driver = driver
        self._gpu_way: GpuWay | None = None
        self._engine: engines.Engine | None = None
        self._images: dict[str, Image] = {}
        self._contents: dict[Image, Contents] = {}

    def availability(self) -> Availability:
        """Whether an engine of this host answers now; if not, which of the reasons it is."""
        self._engine = None  # one that answered before may have gone, or be another
        try:
            return Availability(True, str(self.engine()))
        except ExecutorError as error:
            return Availability(False, error.message, error.remedy)

    def lacks(self) -> Sequence[Missing]:
        """What this host has and trials of this executor can't be given as usual: GPUs, where a
        driver is loaded and an engine answers, but nothing of NVIDIA's container toolkit is there.
        """
        if not gpus.driver_present():
            return []
        try:
            info = self.engine().info
        except ExecutorError:
            return []
        if toolkit_offered(info):
            return []
        reason = (
            "the engine has neither NVIDIA's container toolkit nor a CDI device: whole GPUs are "
            "tried by device nodes and libraries, MIG instances can't be given"
        )
        return [Missing("docker", "GPUs in containers", reason, TOOLKIT_REMEDY)]

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
            image = self._images[models[0].name]
            self._gpu_way = self.choose_gpu_way(image, wanted, progress)
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

    def choose_gpu_way(
        self, image: Image, wanted: gpus.GpuRequest, progress: Callable[[str], None]
    ) -> GpuWay:
        """The first way in which a container that ends at once gets its GPUs and CUDA answers.

        Raises what the engine said to each if there is none.
        """
        refusals: list[str] = []
        for way in ways(self.engine().info, self._driver):
            try:
                self._try_gpus(image, way.grant(wanted))
            except ExecutorError as error:
                refusals.append(f"by {way.name}: {error.message}")
                continue
            refused = f" ({'; '.join(refusals)})" if refusals else ""
            progress(f"GPUs are given by {way.name}{refused}")
            return way
        raise ExecutorError(
            "the engine can't give the GPUs asked for: " + "; ".join(refusals), GPU_REMEDY
        )

    def _try_gpus(self, image: Image, grant: GpuGrant) -> None:
        from greenbench.executors.once import run_once

        code, said = run_once(self.engine(), image.id, TRY_CUDA, "refused", grant)
        if code != 0:
            last_line = said.strip().splitlines()[-1] if said.strip() else f"exit code {code}"
            raise ExecutorError(f"a container starts, but {last_line}")

    def start(self, launch: Launch) -> Running:
        """Creates and starts the trial's container; leaves none behind if that fails."""
        engine = self.engine()
        image = self._image(launch)
        remedy = GPU_REMEDY if launch.limits.gpus else START_FAILED_REMEDY
        with engines.engine_errors("the trial's container can't be created", remedy):
            container_id = create_container(engine, launch, image.id, self._grant(launch.limits))
        try:
            with engines.engine_errors("the trial's container can't be started", remedy):
                engine.client.start(container_id)
            facts = self._facts(engine, image, launch.limits)
            return RunningContainer(engine, container_id, facts)
        except BaseException:
            with contextlib.suppress(ExecutorError):  # the engine may be away
                remove_container(engine.client, container_id)
            raise

    def holders(self) -> Mapping[str, str]:
        """Result set and folder of every container here that is a trial of greenbench's."""
        with engines.engine_errors("containers can't be listed"):
            found = self.engine().client.containers(all=True, filters={"label": HOLDER_LABEL})
        labels = [container["Labels"] for container in found]
        return {of[HOLDER_LABEL]: of.get(RESULTS_LABEL, "") for of in labels}

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

    def _grant(self, limits: Limits) -> GpuGrant:
        wanted = gpus.gpu_request(limits.gpus)
        if not wanted:
            return GpuGrant()
        way = self._gpu_way or next(iter(ways({}, self._driver)))
        return way.grant(wanted)

    def _facts(self, engine: engines.Engine, image: Image, limits: Limits) -> Mapping[str, str]:
        way = self._gpu_way if limits.gpus else None
        return {
            **({"gpus": f"{', '.join(limits.gpus)} by {way.name}"} if way else {}),
            "image": image.tag,
            "image_id": image.id,
            "engine": engine.version,
            "endpoint": str(engine.endpoint),
        }
