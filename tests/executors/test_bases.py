"""The images that greenbench's own Dockerfiles start from: the same bytes for everybody."""

import re
from pathlib import Path

import pytest

from greenbench.executors.dockerfiles import PLUGINS, default_base, dockerfile

FOLDER = Path(__file__).parents[2] / "dockerfiles"
FRAMEWORKS = sorted({path.stem for path in FOLDER.glob("*.Dockerfile")} - {PLUGINS})
PINNED = re.compile(r"[a-z][\w./-]*:[\w.-]+@sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_default_base_is_pinned_by_digest(framework):
    text = dockerfile(framework)
    base = default_base(text)
    assert base is not None
    assert PINNED.fullmatch(base), base
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, re.MULTILINE))
    begun = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages
    assert begun == {"${BASE}"}, "nothing comes in beside the pinned base"


def test_all_frameworks_stand_on_one_base():
    """Their differences are the frameworks', and a site without a network carries one image."""
    assert len({default_base(dockerfile(framework)) for framework in FRAMEWORKS}) == 1
