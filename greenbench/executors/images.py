"""The images that trials run in: a foundation, and on it a layer with one plugin distribution.

Both are tagged by what they are made of, so an unchanged one is never built again. Where the
base image and the wheels came from is a label, not part of the tag: what was built once with
`greenbench images build --base … --wheelhouse …` is what a plain `suite run` finds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from greenbench.errors import ExecutorError
from greenbench.executors.build import Recipe, build, inspect_image
from greenbench.executors.dockerfiles import PLUGINS, default_base, dockerfile
from greenbench.executors.engine import Engine
from greenbench.executors.foundation import Foundation, of_framework, of_model, short_digest
from greenbench.executors.layer import LayerWheels, make_wheels, not_found, still_as
from greenbench.executors.pull import ensure_there

if TYPE_CHECKING:
    from greenbench.api import Model, Provided

Variant = Literal["cpu", "gpu"]

KIND_LABEL: Final = "greenbench.kind"
"""`framework`, `own` (of a plugin's Dockerfile) or `plugins` (a layer): on all that is ours."""
BASE_LABEL: Final = "greenbench.base"
BASE_ID_LABEL: Final = "greenbench.base_id"
BASE_DIGEST_LABEL: Final = "greenbench.base_digest"
"""What a registry calls the base: `name@sha256:…`; empty for one that came from none."""
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
        """The image that `model` trains in; what it stands on is built first if it is missing."""
        below = self._ensure_foundation(of_model(model, self.variant), model.value.framework)
        with tempfile.TemporaryDirectory(prefix="greenbench-wheels-") as folder:
            return self._ensure_layer(model, below, Path(folder))

    def ensure_framework(self, framework: str) -> Image:
        """The image of a framework; kept if it is there, unless another base is asked for."""
        return self._ensure_foundation(of_framework(framework, self.variant), framework)

    def tags(self, model: Provided[Model]) -> tuple[str, str]:
        """The tags of the images that `model` needs, built or not: foundation and layer."""
        below = of_model(model, self.variant).tag
        with tempfile.TemporaryDirectory(prefix="greenbench-wheels-") as folder:
            wheels = make_wheels(model, self.variant, Path(folder) / "first")
            return below, _layer_tag(model, below, wheels)

    def _ensure_foundation(self, foundation: Foundation, framework: str) -> Image:
        text, tag = foundation.dockerfile, foundation.tag
        if not text:
            return Image(tag, ensure_there(self.engine, tag, self.progress)["Id"])
        there = inspect_image(self.engine, tag)
        if there is not None and not self._other_base(there):
            return Image(tag, there["Id"])
        based = default_base(text) is not None
        base = (self.base or default_base(text) or "") if based else ""
        origin = ensure_there(self.engine, base, self.progress) if based else {}
        wheels = self._wheelhouse()
        self.progress(f"building {tag} ({self.variant})" + (f" from {base}" if based else ""))
        return self._build(
            Recipe(
                tag=tag,
                dockerfile=text,
                folders={"wheelhouse": wheels},
                tree=foundation.folder,
                arguments={"VARIANT": self.variant, **({"BASE": base} if based else {})},
                labels={
                    KIND_LABEL: "framework" if foundation.folder is None else "own",
                    FRAMEWORK_LABEL: framework,
                    VARIANT_LABEL: self.variant,
                    BASE_LABEL: base,
                    BASE_ID_LABEL: origin.get("Id", ""),
                    BASE_DIGEST_LABEL: _registry_digest(origin, base),
                    WHEELHOUSE_LABEL: str(self.wheelhouse or ""),
                },
                offline=bool(wheels),
            )
        )

    def _ensure_layer(self, model: Provided[Model], below: Image, folder: Path) -> Image:
        """The layer with the model's distribution on its foundation."""
        wheels = make_wheels(model, self.variant, folder / "first")
        tag = _layer_tag(model, below.tag, wheels)
        there = inspect_image(self.engine, tag)
        if there is not None and _serves(there, below):
            return Image(tag, there["Id"])
        self.progress(f"building {tag}: {model.distribution} {model.version} on {below.tag}")
        recipe = Recipe(
            tag=tag,
            dockerfile=dockerfile(PLUGINS),
            folders={},
            arguments={"FRAMEWORK_IMAGE": below.tag},
            labels={
                KIND_LABEL: "plugins",
                FRAMEWORK_LABEL: model.value.framework,
                FRAMEWORK_ID_LABEL: below.id,
                VARIANT_LABEL: self.variant,
                DISTRIBUTION_LABEL: f"{model.distribution} {model.version}",
            },
            offline=self.wheelhouse is not None,
        )
        return self._build_layer(recipe, wheels, model, folder)

    def _build(self, recipe: Recipe) -> Image:
        return Image(recipe.tag, build(self.engine, recipe, self.progress))

    def _build_layer(
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
        known = labels(there)
        if self.base is None or not known.get(BASE_LABEL):
            return False
        current = inspect_image(self.engine, self.base)
        return known[BASE_LABEL] != self.base or (
            current is not None and known.get(BASE_ID_LABEL) != current["Id"]
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


def labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an inspected image."""
    return image["Config"].get("Labels") or {}


def _registry_digest(origin: Mapping[str, Any], base: str) -> str:
    """What the registry that `base` came from calls it; an image may be known to several."""
    found: list[str] = origin.get("RepoDigests") or []
    name = base.partition("@")[0]
    same = [digest for digest in found if name.startswith(digest.partition("@")[0])]
    return next(iter([*same, *found]), "")


def _serves(there: Mapping[str, Any], below: Image) -> bool:
    """Whether a layer stands on this foundation, and what it took from this host in place of an
    index has not changed since."""
    with tempfile.TemporaryDirectory(prefix="greenbench-wheels-") as folder:
        known = labels(there)
        taken = known.get(TAKEN_LABEL, "")
        return known.get(FRAMEWORK_ID_LABEL) == below.id and still_as(taken, Path(folder))


def _layer_tag(model: Provided[Model], below: str, wheels: LayerWheels) -> str:
    digest = short_digest(below, dockerfile(PLUGINS), *wheels.contents())
    return f"greenbench/{model.value.framework}-plugins:{digest}"
