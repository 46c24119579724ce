"""What of a plugin's needs pip gets, and what is packed from this host, by its metadata alone."""

import json
import zipfile

import pytest

from greenbench.errors import ExecutorError
from greenbench.executors.requirements import missing_requirements, plugin_needs, versions
from greenbench.executors.wheels import make_wheel


@pytest.fixture
def install(tmp_path, monkeypatch, write_distribution):
    """Installs a distribution for this test: its requirements, and where it came from."""

    def write(name, *requirements, files=None, url=None, tag="py3-none-any"):
        metadata = "".join(f"Requires-Dist: {line}\n" for line in requirements)
        site = write_distribution(tmp_path / name, name, files or {}, metadata=metadata)
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
        if url is not None:
            (info / "direct_url.json").write_text(json.dumps({"url": url, "archive_info": {}}))
        monkeypatch.syspath_prepend(site)

    return write


def test_an_extra_named_after_the_variant_goes_before_the_frameworks(install):
    install(
        "needy", "greenbench>=0.1", "tidy", 'tf>=2 ; extra == "tf"',
        "tf-cpu>=2 ; extra == 'tf-cpu' and python_version < '4'",
    )  # fmt: skip
    assert plugin_needs("needy", "tf", "gpu").lines == ("tidy", 'tf>=2; python_version >= "3"')
    assert plugin_needs("needy", "tf", "cpu").lines == (
        "tidy", 'tf-cpu>=2; python_version >= "3" and python_version < "4"',
    )  # fmt: skip
    assert plugin_needs("needy", "plain", "cpu").lines == ("tidy",)
    assert missing_requirements("needy", "tf") == ["tf"]


def test_what_came_from_a_folder_is_packed_with_all_that_it_needs_in_turn(install):
    install("gb-deep", "tidy>=2", url="file:///somewhere/gb_deep-1.0-py3-none-any.whl")
    install(
        "gb-data", "greenbench", "numpy", 'images ; extra == "images"', "gb_deep",
        'unused ; extra == "other"', url="git+https://example.org/gb-data",
    )  # fmt: skip
    install("needy", "greenbench", "gb_data[images]>=1", 'tf ; extra == "tf"')
    needs = plugin_needs("needy", "tf", "cpu")
    assert needs.from_host == ("gb-data", "gb-deep")
    assert needs.lines == (
        'tf; python_version >= "3"', "numpy", 'images; python_version >= "3"', "tidy>=2",
    )  # fmt: skip
    assert versions("needy", "tf") == "needy 1.0, gb-data 1.0, gb-deep 1.0"


def test_what_an_index_has_or_what_is_compiled_is_left_to_pip(install):
    install("gb-index")
    install("gb-fast", url="file:///gb_fast.whl", tag="cp311-cp311-manylinux_2_17_x86_64")
    install("gb-old", url="file:///gb-old")
    install("needy", "gb-index", "gb-fast", 'gb-old ; python_version < "3"', "gb-nowhere")
    needs = plugin_needs("needy", "plain", "cpu")
    assert needs.from_host == ()
    assert needs.lines == ("gb-index", "gb-fast", 'gb-old; python_version < "3"', "gb-nowhere")
    again = plugin_needs("needy", "plain", "cpu", ["gb-index", "gb-fast", "gb-nowhere"])
    assert again.from_host == ("gb-index",)


def test_two_that_need_each_other_come_to_an_end(install):
    install("gb-one", "gb-two", "needy", url="file:///gb-one")
    install("gb-two", "gb-one", url="file:///gb-two")
    install("needy", "gb-one")
    assert plugin_needs("needy", "plain", "cpu").from_host == ("gb-one", "gb-two")


def test_a_version_that_does_not_fit_is_refused(install):
    install("gb-data", url="file:///gb-data")
    install("needy", "gb-data>=2")
    with pytest.raises(ExecutorError, match=r"needy needs gb-data>=2, but 1\.0 is installed here"):
        plugin_needs("needy", "plain", "cpu")


def test_an_editable_dependency_without_entry_points_is_packed_whole(tmp_path, write_editable):
    source = write_editable(
        "gb-local", {"gb_local/__init__.py": "", "gb_local/set.json": "{}", "gb_more.py": ""}
    )
    with zipfile.ZipFile(make_wheel("gb-local", tmp_path)) as wheel:
        packed = {name for name in wheel.namelist() if "dist-info" not in name}
    assert packed == {"gb_local/__init__.py", "gb_local/set.json", "gb_more.py"}
    for path in source.rglob("*.py"):
        path.unlink()
    with pytest.raises(ExecutorError, match="nothing tells which modules belong to it"):
        make_wheel("gb-local", tmp_path)
