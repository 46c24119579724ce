"""greenbench's images on an engine: what they are for, and which nothing needs any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from greenbench.errors import ExecutorError
from greenbench.executors.build import bare_tag, inspect_image
from greenbench.executors.engine import Engine, engine_errors
from greenbench.executors.foundation import TAG_DIGITS
from greenbench.executors.images import (
    BASE_DIGEST_LABEL,
    BASE_ID_LABEL,
    BASE_LABEL,
    DISTRIBUTION_LABEL,
    FRAMEWORK_LABEL,
    KIND_LABEL,
    VARIANT_LABEL,
    Image,
    ImageBuilder,
    Variant,
    labels,
)

if TYPE_CHECKING:
    from greenbench.api import Model, Provided

VARIANTS: Final[tuple[Variant, ...]] = ("cpu", "gpu")
OWN_TAG: Final = re.compile(rf"greenbench/[^:]+:[0-9a-f]{{{TAG_DIGITS}}}")
"""The tags that are given here. An image that somebody built on one of ours has our labels too."""


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
class Removal:
    """What came of removing an image: empty `kept_because`, or why it is still there."""

    image: ListedImage
    kept_because: str = ""


def list_images(engine: Engine) -> list[ListedImage]:
    """Every image that greenbench built on this engine, newest first."""
    with engine_errors("images can't be listed"):
        found = engine.client.images(filters={"label": KIND_LABEL})
    listed = [_listed(image, tag) for image in found for tag in _own_tags(image)]
    return sorted(listed, key=lambda image: (-image.created_s, image.tag))


def unneeded(engine: Engine, models: Iterable[Provided[Model]]) -> list[ListedImage]:
    """Images of greenbench that none of `models` needs, for the CPU or with a GPU, layers first.

    A framework's image is kept if one of `models` stands on it as its Dockerfile is now. Images
    that greenbench did not build are never among them.
    """
    needed = needed_tags(engine, list(models), VARIANTS)
    found = [image for image in list_images(engine) if image.tag not in needed]
    return sorted(found, key=lambda image: image.kind != "plugins")


def needed_tags(
    engine: Engine, models: Sequence[Provided[Model]], variants: Sequence[Variant]
) -> tuple[str, ...]:
    """Tags of the images that `models` train in and of what those stand on, built or not."""
    builders = [ImageBuilder(engine, _silent, variant) for variant in variants]
    found = [tag for builder in builders for model in models for tag in builder.tags(model)]
    return tuple(dict.fromkeys(found))


def base_of(engine: Engine, image: Image) -> str:
    """What an image was built from: the registry's digest, else name and id; empty if unknown.

    A layer has the labels of the image it stands on.
    """
    there = inspect_image(engine, image.tag)
    known = labels(there) if there else {}
    named = " ".join(part for part in (known.get(BASE_LABEL), known.get(BASE_ID_LABEL)) if part)
    return known.get(BASE_DIGEST_LABEL) or named


def remove_images(engine: Engine, images: Iterable[ListedImage]) -> list[Removal]:
    """Removes images one by one; what a container or another image stands on is kept."""
    done = []
    for image in images:
        try:
            with engine_errors(f"image {image.tag} can't be removed"):
                engine.client.remove_image(image.tag)
            done.append(Removal(image))
        except ExecutorError as error:
            done.append(Removal(image, error.message.partition(": ")[2]))
    return done


def _silent(_: str) -> None:
    """Nothing is built here, so there is nothing to tell."""


def _own_tags(image: Any) -> list[str]:
    tags = [bare_tag(tag) for tag in image["RepoTags"] or ()]
    return [tag for tag in tags if OWN_TAG.fullmatch(tag)]


def _listed(image: Any, tag: str) -> ListedImage:
    known = image["Labels"]
    return ListedImage(
        tag=tag,
        id=image["Id"],
        kind=known[KIND_LABEL],
        framework=known.get(FRAMEWORK_LABEL, ""),
        variant=known.get(VARIANT_LABEL, ""),
        distribution=known.get(DISTRIBUTION_LABEL, ""),
        base=known.get(BASE_LABEL, ""),
        created_s=image["Created"],
        size_bytes=image["Size"],
    )
