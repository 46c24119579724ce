"""The pages about data say what is there."""

import inspect
from pathlib import Path

from greenbench_data import catalog

from greenbench import hookspecs

DOCS = Path(__file__).parents[2] / "docs"


def test_the_hook_page_has_the_hooks_signature():
    signature = str(inspect.signature(hookspecs.greenbench_data_sets)).replace("'", "")
    assert f"def greenbench_data_sets{signature}" in (DOCS / "hooks" / "data.md").read_text()


def test_the_page_lists_every_data_set_and_calls_the_generated_ones_synthetic():
    rows = [line for line in (DOCS / "data.md").read_text().splitlines() if line.startswith("| `")]
    named = {line.split("`")[1]: line for line in rows}
    assert set(named) == set(catalog.BY_NAME)
    for name, line in named.items():
        assert ("**synthetic**" in line) == catalog.BY_NAME[name].synthetic
