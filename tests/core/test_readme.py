"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenbench.plan import build_plan
from greenbench.plugins import load_plugins
from greenbench.suite.load import parse_suite

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_its_suite_can_be_planned() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    plugins = load_plugins()
    if "digits-cnn" not in plugins.models:
        pytest.skip("greenbench-torch is not installed")
    plan = build_plan(parse_suite(text, plugins), plugins)
    shown = {str(trial.mutation) for trial in plan.trials() if trial.mutation}
    assert "batch_size: 32 → 64" in shown


def test_every_page_that_the_docs_link_to_exists() -> None:
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").rglob("*.md"),
    ]
    missing = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_every_hook_has_a_page_with_its_exact_signature() -> None:
    """Signatures as the docs print them, against the hook specifications."""
    import inspect

    from greenbench import hookspecs

    pages = "\n".join(page.read_text() for page in (ROOT / "docs" / "hooks").glob("*.md"))
    hooks = [name for name in vars(hookspecs) if name.startswith("greenbench_")]
    assert {"greenbench_models", "greenbench_data_sets", "greenbench_trial_end"} <= set(hooks)
    for name in hooks:
        signature = str(inspect.signature(getattr(hookspecs, name)))
        assert f"{name}{signature.replace(chr(39), '')}" in pages, name
