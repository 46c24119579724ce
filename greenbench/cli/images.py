"""`greenbench images`: build and list the images that trials run in."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click


@click.group()
def images() -> None:
    """Build and list the images that trials run in."""


@images.command()
@click.option("--framework", help="Only this framework's (default: all that models need).")
@click.option("--base", help="Base image with Python and pip, instead of the official one.")
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of wheels for the image's Python; nothing is downloaded then.",
)
@click.option("--gpu", is_flag=True, help="The variant with GPU support.")
def build(framework: str | None, base: str | None, wheelhouse: Path | None, gpu: bool) -> None:  # noqa: FBT001
    """Build what is missing. An unchanged image is never built again."""
    from greenbench.executors.engine import connect, find_endpoint
    from greenbench.executors.images import build_images
    from greenbench.plugins import load_plugins

    models = load_plugins().models.offered.values()
    built = build_images(
        connect(find_endpoint()),
        models,
        click.echo,
        framework=framework,
        base=base,
        wheelhouse=wheelhouse,
        gpu=gpu,
    )
    for image in built:
        click.echo(image)


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_(as_json: bool) -> None:  # noqa: FBT001
    """List greenbench's images on this engine, newest first."""
    from greenbench.cli.tables import print_rows
    from greenbench.executors.engine import connect, find_endpoint
    from greenbench.executors.images import list_images

    found = list_images(connect(find_endpoint()))
    if as_json:
        rows = [asdict(image) for image in found]
        click.echo(json.dumps({"images": rows}, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("no images yet; `greenbench images build` makes them")
        return
    print_rows(
        [
            {
                "image": image.tag,
                "kind": image.kind,
                "variant": image.variant,
                "base": image.base,
                "built": f"{datetime.fromtimestamp(image.created_s, UTC):%Y-%m-%d %H:%M}",
                "GB": image.size_bytes / 1e9,
            }
            for image in found
        ]
    )
