"""`greenbench images`: build, list, prune and carry the images that trials run in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click


@click.group()
def images() -> None:
    """Build, list, prune and carry the images that trials run in."""


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
    from greenbench.executors.inventory import list_images

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
                "made of": image.distribution or image.base,
                "built": f"{datetime.fromtimestamp(image.created_s, UTC):%Y-%m-%d %H:%M}",
                "GB": image.size_bytes / 1e9,
            }
            for image in found
        ]
    )


@images.command()
@click.option("--yes", is_flag=True, help="Remove them; without it they are only shown.")
def prune(yes: bool) -> None:  # noqa: FBT001
    """Remove images of greenbench that no plugin installed here needs.

    Shows them first. Images that greenbench did not build are never touched.
    """
    from greenbench.executors.engine import connect, find_endpoint
    from greenbench.executors.inventory import remove_images, unneeded
    from greenbench.plugins import load_plugins

    engine = connect(find_endpoint())
    found = unneeded(engine, load_plugins().models.offered.values())
    if not found:
        click.echo("nothing to remove: every image is needed by a plugin that is installed here")
        return
    if not yes:
        for image in found:
            click.echo(f"would remove {image.tag} ({image.distribution or image.base})")
        click.echo(
            f"{len(found)} images that no plugin in {sys.prefix} needs (another environment of "
            "this machine may); `greenbench images prune --yes` removes them"
        )
        return
    for done in remove_images(engine, found):
        kept = f"kept {done.image.tag}: {done.kept_because}"
        click.echo(kept if done.kept_because else f"removed {done.image.tag}")


@images.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("tags", nargs=-1, metavar="[IMAGE]...")
@click.option("--framework", help="Only the images of this framework's models.")
@click.option("--gpu", is_flag=True, help="The variant with GPU support.")
def export(file: Path, tags: tuple[str, ...], framework: str | None, gpu: bool) -> None:  # noqa: FBT001
    """Write the images that installed models need (or IMAGEs) into FILE, to carry them.

    `greenbench images import FILE` takes them in elsewhere; no registry is needed.
    """
    from greenbench.executors.archive import export_images
    from greenbench.executors.engine import connect, find_endpoint
    from greenbench.executors.inventory import needed_tags
    from greenbench.plugins import load_plugins

    engine = connect(find_endpoint())
    if not tags:
        models = load_plugins().models.offered.values()
        wanted = [model for model in models if framework in {None, model.value.framework}]
        tags = needed_tags(engine, wanted, ("gpu" if gpu else "cpu",))
    if not tags:
        raise click.UsageError("no installed model asks for an image; name IMAGEs to export")
    with _bytes_shown("exporting") as show:
        archive = export_images(engine, tags, file, show)
    for image in archive.images:
        click.echo(image)
    click.echo(f"{file}: {file.stat().st_size / 1e9:.2f} GB")


@images.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(file: Path) -> None:
    """Take in the images of FILE, which `greenbench images export` wrote.

    The whole of it is checked before the engine gets any of it; tags and ids stay the same.
    """
    from greenbench.executors.archive import check_archive, import_images
    from greenbench.executors.engine import connect, find_endpoint

    engine = connect(find_endpoint())
    with _bytes_shown("checking") as show:
        checked = check_archive(file, show)
    with _bytes_shown("importing") as show:
        archive = import_images(engine, file, checked, show)
    for image in archive.images:
        click.echo(image)


@contextmanager
def _bytes_shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar in gigabytes; a line a gigabyte where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        told = 0

        def show(done: int, total: int) -> None:
            nonlocal told
            if console.is_terminal:
                bar.update(task, completed=done, total=total or None)
            elif done // 1_000_000_000 > told:
                told = done // 1_000_000_000
                click.echo(f"{what}: {told} GB", err=True)

        yield show
