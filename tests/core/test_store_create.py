"""A result set is begun by one alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenbench.store import FILE, ResultsError, Store


def test_who_begins_at_the_same_moment_keeps_their_result_set(tmp_path, monkeypatch):
    Store.create(tmp_path, {"name": "theirs"}, []).close()
    monkeypatch.setattr(Path, "exists", lambda _path, **_how: False)  # looked just before
    with pytest.raises(ResultsError, match="can't create a result set"):
        Store.create(tmp_path, {"name": "ours"}, [])
    monkeypatch.undo()
    assert (tmp_path / FILE).stat().st_size > 0
    store = Store.open(tmp_path, read_only=True)
    assert store.facts()["name"] == "theirs"
    store.close()
