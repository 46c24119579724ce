"""Wheels of what is installed: the same bytes each time, complete, and understood by pip."""

import email
import json
import subprocess
import sys
import zipfile

import pytest

from greenbench.errors import ExecutorError
from greenbench.executors.wheels import make_wheel


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture
def folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path / "one", tmp_path / "two"


def test_the_same_install_gives_the_same_bytes(probe, folders):
    one, two = (make_wheel("greenbench-probe", folder) for folder in folders)
    assert one.name == "greenbench_probe-1.0-py3-none-any.whl"
    assert one.read_bytes() == two.read_bytes()


def test_an_install_elsewhere_with_bytecode_and_another_installer_gives_the_same_bytes(
    probe, folders, tmp_path, monkeypatch
):
    one = make_wheel("greenbench-probe", folders[0])
    installed = tmp_path / "elsewhere"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", installed, one],
        check=True, capture_output=True,
    )  # fmt: skip
    assert list(installed.glob("greenbench_probe/__pycache__/*.pyc"))
    monkeypatch.syspath_prepend(installed)
    two = make_wheel("greenbench-probe", folders[1])
    assert {n: _read(two, n) for n in names(two) if "WHEEL" not in n and "RECORD" not in n} == {
        n: _read(one, n) for n in names(one) if "WHEEL" not in n and "RECORD" not in n
    }


def test_a_changed_line_changes_the_wheel(probe, folders, tmp_path):
    one = make_wheel("greenbench-probe", folders[0])
    (tmp_path / "installed" / "greenbench_probe" / "__init__.py").write_text("VERSION = 2\n")
    assert make_wheel("greenbench-probe", folders[1]).read_bytes() != one.read_bytes()


def test_an_editable_install_is_packed_from_the_packages_it_names(
    folders, tmp_path, monkeypatch, write_distribution
):
    source = tmp_path / "source"
    for path, text in {
        "ed_plugin/__init__.py": "", "ed_plugin/hooks.py": "x = 1\n", "ed_plugin/table.json": "{}",
        "ed_plugin/deep/__init__.py": "", "ed_plugin/__pycache__/hooks.cpython-311.pyc": "junk",
        "ed_models/__init__.py": "", "unrelated/__init__.py": "", "setup.py": "",
    }.items():  # fmt: skip
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    installed = write_distribution(
        tmp_path / "installed",
        "ed-plugin",
        {"__editable__.ed.pth": str(source)},
        metadata="Requires-Dist: greenbench\n",
        entry_points="[greenbench]\ned = ed_plugin.hooks\n",
    )
    (installed / "ed_plugin-1.0.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": f"file://{source}", "dir_info": {"editable": True}})
    )
    monkeypatch.syspath_prepend(installed)
    monkeypatch.syspath_prepend(source)
    wheel = make_wheel("ed-plugin", folders[0], ["ed_models.trainer"])
    assert names(wheel) == [
        "ed_models/__init__.py",
        "ed_plugin-1.0.dist-info/METADATA",
        "ed_plugin-1.0.dist-info/RECORD",
        "ed_plugin-1.0.dist-info/WHEEL",
        "ed_plugin-1.0.dist-info/entry_points.txt",
        "ed_plugin/__init__.py",
        "ed_plugin/deep/__init__.py",
        "ed_plugin/hooks.py",
        "ed_plugin/table.json",
    ]
    metadata = email.message_from_bytes(_read(wheel, "ed_plugin-1.0.dist-info/METADATA"))
    assert metadata["Requires-Dist"] == "greenbench"


def test_the_core_packs_itself_with_all_that_the_worker_imports(folders):
    packed = names(make_wheel("greenbench", folders[0]))
    assert {"greenbench/errors.py", "greenbench/worker/__main__.py"} <= set(packed)
    assert not [name for name in packed if name.endswith(".pyc")]


def test_what_cannot_be_packed_says_why(folders, tmp_path, monkeypatch, write_distribution):
    with pytest.raises(ExecutorError, match="nowhere-to-be-found is not installed"):
        make_wheel("nowhere-to-be-found", folders[0])
    installed = write_distribution(tmp_path / "installed", "half", {"half.py": ""})
    (installed / "half.py").unlink()
    monkeypatch.syspath_prepend(installed)
    with pytest.raises(ExecutorError, match=r"half\.py is recorded but can't be read"):
        make_wheel("half", folders[0])


def _read(wheel, name):
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)
