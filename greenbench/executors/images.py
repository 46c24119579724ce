"""The images that trials run in: a framework's, and on it a layer with one plugin distribution.

Both are tagged by what they are made of, so an unchanged one is never built again. Where the
base image and the wheels came from is a label, not part of the tag: what was built once with
`greenbench images build --base … --wheelhouse …` is what a plain `suite run` finds.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from greenbench.errors import ExecutorError
from greenbench.executors.build import Recipe, build, inspect_image
from greenbench.executors.dockerfiles import PLUGINS, default_base, dockerfile
from greenbench.executors.engine import Engine, engine_errors
from greenbench.executors.layer import LayerWheels, make_wheels, not_found, still_as

if TYPE_CHECKING:
    from greenbench.api import Model, Provided

Variant = Literal["cpu", "gpu"]

TAG_DIGITS: Final = 16
KIND_LABEL: Final = "greenbench.kind"
BASE_LABEL: Final = "greenbench.base"
BASE_ID_LABEL: Final = "greenbench.base_id"
FRAMEWORK_LABEL: Final = "greenbench.framework"
FRAMEWORK_ID_LABEL: Final = "greenbench.framework_id"
VARIANT_LABEL: Final = "greenbench.variant"
DISTRIBUTION_LABEL: Final = "greenbench.distribution"
WHEELHOUSE_LABEL: Final = "greenbench.wheelhouse"
TAKEN_LABEL: Final = "greenbench.taken_from_host"
"""JSON: what no index had, by name, with the SHA-256 of the wheel that was made of it here."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine: the tag says what it is made of, the id is its content."""

    tag: str
    id: str

    def __str__(self) -> str:
        return f"{self.tag} {self.id}"


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One of greenbench's images, for `greenbench images list`."""

    tag: str
    id: str
    kind: str
    framework: str
    variant: str
    distribution: str
    base: str
    created_s: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """Finds images, and builds those that are missing.

    `base` and `wheelhouse` are where a build takes things from; None: the Dockerfile's default
    base, and the package index.
    """

    engine: Engine
    progress: Callable[[str], None]
    variant: Variant = "cpu"
    base: str | None = None
    wheelhouse: Path | None = None

    def ensure(self, model: Provided[Model]) -> Image:
        """The image that `model` trains in; the framework's is built first if it is missing."""
        framework = self.ensure_framework(model.value.framework)
        with tempfile.TemporaryDirectory(prefix="greenbench-wheels-") as folder:
            return self._ensure_plugin(model, framework, Path(folder))

    def ensure_framework(self, framework: str) -> Image:
        """The image of a framework; kept if it is there, unless another base is asked for."""
        text = dockerfile(framework)
        tag = f"greenbench/{framework}:{_digest(text, self.variant)}"
        there = inspect_image(self.engine, tag)
        if there is not None and not self._other_base(there):
            return Image(tag, there["Id"])
        base = self.base or default_base(text)
        wheels = self._wheelhouse()
        self.progress(f"building {tag} ({self.variant}) from {base}")
        return self._build(
            Recipe(
                tag=tag,
                dockerfile=text,
                folders={"wheelhouse": wheels},
                arguments={"VARIANT": self.variant, "BASE": base},
                labels={
                    KIND_LABEL: "framework",
                    FRAMEWORK_LABEL: framework,
                    VARIANT_LABEL: self.variant,
                    BASE_LABEL: base,
                    BASE_ID_LABEL: (inspect_image(self.engine, base) or {}).get("Id", ""),
                    WHEELHOUSE_LABEL: str(self.wheelhouse or ""),
                },
                offline=bool(wheels),
            )
        )

    def _ensure_plugin(self, model: Provided[Model], framework: Image, folder: Path) -> Image:
        """The layer with the model's distribution on the framework's image."""
        text = dockerfile(PLUGINS)
        name = model.value.framework
        wheels = make_wheels(model, self.variant, folder / "first")
        tag = f"greenbench/{name}-plugins:{_digest(framework.tag, text, *wheels.contents())}"
        there = inspect_image(self.engine, tag)
        if there is not None and self._serves(there, framework):
            return Image(tag, there["Id"])
        self.progress(f"building {tag}: {model.distribution} {model.version} on {framework.tag}")
        recipe = Recipe(
            tag=tag,
            dockerfile=text,
            folders={},
            arguments={"FRAMEWORK_IMAGE": framework.tag},
            labels={
                KIND_LABEL: "plugins",
                FRAMEWORK_LABEL: name,
                FRAMEWORK_ID_LABEL: framework.id,
                VARIANT_LABEL: self.variant,
                DISTRIBUTION_LABEL: f"{model.distribution} {model.version}",
            },
            offline=self.wheelhouse is not None,
        )
        return self._build_plugin(recipe, wheels, model, folder)

    def _serves(self, there: Mapping[str, Any], framework: Image) -> bool:
        """Whether a layer stands on this framework image, and what it took from this host in
        place of an index has not changed since."""
        labels = _labels(there)
        with tempfile.TemporaryDirectory(prefix="greenbench-wheels-") as folder:
            taken = labels.get(TAKEN_LABEL, "")
            return labels.get(FRAMEWORK_ID_LABEL) == framework.id and still_as(taken, Path(folder))

    def _build(self, recipe: Recipe) -> Image:
        return Image(recipe.tag, build(self.engine, recipe, self.progress))

    def _build_plugin(
        self, recipe: Recipe, wheels: LayerWheels, model: Provided[Model], folder: Path
    ) -> Image:
        """Builds with as little as will do, then with more.

        Most plugins need nothing beyond the framework: the wheelhouse, which may have many
        gigabytes, is sent to the engine only where that fails. What pip finds nowhere is packed
        as it is installed here.
        """
        wheelhouse: list[Path] = []
        taken: dict[str, str] = {}
        while True:
            folders = {"wheels": wheels.files, "wheelhouse": wheelhouse}
            labels = {**recipe.labels, TAKEN_LABEL: json.dumps(taken)}
            try:
                return self._build(replace(recipe, folders=folders, labels=labels))
            except ExecutorError as error:
                if self.wheelhouse is not None and not wheelhouse:
                    self.progress("the framework's image has not all of it: with the wheelhouse")
                    wheelhouse = self._wheelhouse()
                    continue
                name = not_found(error.message)
                if name is None or name in taken:
                    raise
                wheels = make_wheels(model, self.variant, folder / name, (*taken, name))
                if name not in wheels.from_host:
                    raise
                taken[name] = wheels.from_host[name]
                self.progress(f"{name} is to be had nowhere: taken as it is installed here")

    def _wheelhouse(self) -> list[Path]:
        if self.wheelhouse is None:
            return []
        found = sorted(self.wheelhouse.glob("*.whl"))
        if not found:
            raise ExecutorError(
                f"the wheelhouse {self.wheelhouse} has no wheels",
                "Fill it where there is a network, for the image's Python: "
                f"`pip download -d {self.wheelhouse} REQUIREMENTS`.",
            )
        return found

    def _other_base(self, there: Mapping[str, Any]) -> bool:
        """Whether a base is asked for that differs, by name or content, from the image's own."""
        if self.base is None:
            return False
        labels, current = _labels(there), inspect_image(self.engine, self.base)
        return labels.get(BASE_LABEL) != self.base or (
            current is not None and labels.get(BASE_ID_LABEL) != current["Id"]
        )


def build_images(
    engine: Engine,
    models: Iterable[Provided[Model]],
    progress: Callable[[str], None],
    *,
    framework: str | None = None,
    base: str | None = None,
    wheelhouse: Path | None = None,
    gpu: bool = False,
) -> list[Image]:
    """Builds what is missing for `models` (or those of one framework); returns all their images.

    A framework that is named is built even if no installed model needs it.
    """
    builder = ImageBuilder(engine, progress, "gpu" if gpu else "cpu", base, wheelhouse)
    wanted = [model for model in models if framework in {None, model.value.framework}]
    images = [builder.ensure(model) for model in wanted]
    if framework is not None and not wanted:
        images = [builder.ensure_framework(framework)]
    return list(dict.fromkeys(images))


def list_images(engine: Engine) -> list[ListedImage]:
    """Every image that greenbench built on this engine, newest first."""
    with engine_errors("images can't be listed"):
        found = engine.client.images(filters={"label": KIND_LABEL})
    listed = [_listed(image, tag) for image in found for tag in image["RepoTags"] or ["<none>"]]
    return sorted(listed, key=lambda image: (-image.created_s, image.tag))


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image["Config"].get("Labels") or {}


def _listed(image: Mapping[str, Any], tag: str) -> ListedImage:
    labels = image["Labels"]
    return ListedImage(
        tag=tag,
        id=image["Id"],
        kind=labels[KIND_LABEL],
        framework=labels.get(FRAMEWORK_LABEL, ""),
        variant=labels.get(VARIANT_LABEL, ""),
        distribution=labels.get(DISTRIBUTION_LABEL, ""),
        base=labels.get(BASE_LABEL, ""),
        created_s=image["Created"],
        size_bytes=image["Size"],
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:TAG_DIGITS]
