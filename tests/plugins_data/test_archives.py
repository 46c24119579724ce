"""CIFAR-10 and Market-1501 from their archives: in a folder, by name, and from a server; damaged,
cut short, malicious, onto a full disk, and without a network."""

import hashlib
import http.server
import io
import os
import subprocess
import tarfile
import threading
import zipfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from greenbench_data import catalog

from greenbench import datasets
from greenbench.api import DataSet, Provided
from greenbench.errors import DataError

pytest.importorskip("numpy")
pytest.importorskip("PIL")


@dataclass
class Archive:
    """An archive as it is published, made small, and the source that takes it for the real one."""

    data_set: DataSet
    module: ModuleType
    path: Path
    unpacked: Path
    patch: pytest.MonkeyPatch

    def believed(self, **changes):
        """Its source takes the file as it is now for the published one."""
        md5 = hashlib.md5(self.path.read_bytes()).hexdigest()
        published = replace(self.module.ARCHIVE, **({"md5": md5} | changes))
        self.patch.setattr(self.module, "ARCHIVE", published)

    def fetch(self, files, *, again=False):
        offered = Provided(self.data_set.name, self.data_set, "greenbench-data", "1.0")
        datasets.prepare(offered, files, lambda _: None, again=again)
        return datasets.verify(self.data_set).digest


def packed(folder, path):
    """The folder as a tar or a zip, as its publisher packs it."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder.parent))
        return
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)


@pytest.fixture(params=["cifar10", "market1501"])
def archive(request, tmp_path, monkeypatch):
    from greenbench_data.sources import cifar10, market1501

    published = request.getfixturevalue(f"published_{request.param}")
    module = {"cifar10": cifar10, "market1501": market1501}[request.param]
    (folder,) = published.iterdir()
    (tmp_path / "archives").mkdir()
    path = tmp_path / "archives" / module.ARCHIVE.name
    packed(folder, path)
    made = Archive(catalog.BY_NAME[request.param], module, path, published, monkeypatch)
    made.believed()
    return made


@pytest.fixture
def server(archive):
    """Serves the archive in the publisher's place, `cut` bytes of it."""
    cut = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def copyfile(self, source, outputfile):
            outputfile.write(source.read(*cut))

    handler = partial(Handler, directory=str(archive.path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/{archive.path.name}"
        archive.believed(urls=(url,))
        yield cut
        running.shutdown()


def leftovers(cache):
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def both_ways(error, name):
    return all(
        f"greenbench data fetch {name}{way}`" in error.remedy for way in ("", " --from FOLDER")
    )


def test_the_archive_gives_what_the_unpacked_folder_gives(cache, archive, server):
    unpacked = archive.fetch(archive.unpacked)
    for files in (archive.path, archive.path.parent, None):
        assert archive.fetch(files, again=True) == unpacked
    assert leftovers(cache) == [archive.data_set.name]


def test_a_flipped_byte_in_an_archive_is_found(cache, archive):
    content = bytearray(archive.path.read_bytes())
    content[len(content) // 2] ^= 1
    archive.path.write_bytes(content)
    with pytest.raises(DataError, match=f"{archive.path.name} is not the published file"):
        archive.fetch(archive.path.parent)
    assert leftovers(cache) == []


def test_an_archive_cut_short_is_refused_whoever_vouches_for_it(cache, archive):
    content = archive.path.read_bytes()
    archive.path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DataError, match="is not the published file"):
        archive.fetch(archive.path)
    archive.believed()
    with pytest.raises(DataError, match=f"{archive.path.name} can't be unpacked"):
        archive.fetch(archive.path)
    assert leftovers(cache) == []


def test_an_archive_with_a_broken_stream_is_refused_whoever_vouches_for_it(cache, archive):
    content = bytearray(archive.path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    archive.path.write_bytes(content)
    archive.believed()
    with pytest.raises(DataError, match=r"can't be unpacked|is not the published file|decoded"):
        archive.fetch(archive.path)
    assert leftovers(cache) == []


def test_a_download_that_ends_early_is_no_data_set(cache, archive, server):
    server.append(2000)
    with pytest.raises(DataError, match="can't be downloaded") as raised:
        archive.fetch(None)
    assert both_ways(raised.value, archive.data_set.name)
    assert leftovers(cache) == []


def test_without_a_network_the_message_says_both_ways(cache, archive):
    archive.believed(urls=("http://127.0.0.1:9/archive",))
    with pytest.raises(DataError, match="can't be downloaded") as raised:
        archive.fetch(None)
    assert "refused" in raised.value.message
    assert both_ways(raised.value, archive.data_set.name)
    assert "http://127.0.0.1:9/archive" in raised.value.remedy
    assert leftovers(cache) == []


def added(path, names):
    """More members, with names that lead elsewhere."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "a") as archive:
            for name in names:
                archive.writestr(name, b"evil")
        return
    with tarfile.open(path) as before:
        members = [(m, before.extractfile(m)) for m in before.getmembers() if m.isfile()]
        contents = [(member, file.read()) for member, file in members]
    with tarfile.open(path, "w:gz") as archive:
        for member, content in [*contents, *((tarfile.TarInfo(name), b"evil") for name in names)]:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_names_that_lead_out_of_the_cache_lead_nowhere(cache, archive, tmp_path):
    unpacked = archive.fetch(archive.unpacked)
    folder = getattr(archive.module, "FOLDER", "bounding_box_train")
    outside = tmp_path / "outside.jpg"
    names = ["../../evil.jpg", f"{folder}/../../../evil.jpg", str(outside), f"{folder}/../evil.jpg"]
    added(archive.path, names)
    archive.believed()
    before = sorted(tmp_path.rglob("*"))
    assert archive.fetch(archive.path, again=True) == unpacked
    assert sorted(tmp_path.rglob("*")) == before
    assert not outside.exists()


def test_a_link_in_an_archive_is_not_followed_out_of_it(cache, published_cifar10, tmp_path):
    """A batch that is a link to a file of this host."""
    from greenbench_data.sources import cifar10

    secret = tmp_path / "secret"
    secret.write_bytes(b"of this host")
    path = tmp_path / cifar10.ARCHIVE.name
    with tarfile.open(path, "w:gz") as made:
        for name in cifar10.BATCHES:
            link = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, str(secret)
            made.addfile(link)
    with pytest.MonkeyPatch.context() as patch:
        archive = Archive(catalog.CIFAR10, cifar10, path, published_cifar10, patch)
        archive.believed()
        with pytest.raises(DataError, match="can't be unpacked"):
            archive.fetch(path)
    assert leftovers(cache) == []


@pytest.fixture
def small_disk(cache):
    """A file system of 32 KB in memory where prepared data goes."""
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(cache)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root: it mounts a small file system")
    yield cache
    subprocess.run(["umount", str(cache)], check=True)


@pytest.mark.parametrize("way", ["folder", "archive", "network"])
def test_a_full_disk_keeps_nothing_and_says_what_to_do(small_disk, archive, server, way):
    files = {"folder": archive.unpacked, "archive": archive.path, "network": None}[way]
    with pytest.raises(DataError, match="the disk is full; nothing was kept") as raised:
        archive.fetch(files)
    assert "GREENBENCH_DATA" in raised.value.remedy
    assert leftovers(small_disk) == []
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert archive.fetch(files)
