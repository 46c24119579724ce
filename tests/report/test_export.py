"""Exports read back as what the store holds."""

from array import array

import pandas as pd
import pytest
from simulated import GPU, Study, Truth, change, null, simulate

from greenbench.api import Change, Mutation
from greenbench.energy.samples import SampleChunk
from greenbench.errors import ResultsError
from greenbench.export import TABLES, export_tables


@pytest.fixture
def store(tmp_path):
    formula = Mutation("optimizer", (Change("optimizer", "sgd", "=1+1"),))
    channels = [GPU | {"unit_j": 0.001}]
    truths = [(change("epochs", 5), Truth()), (formula, Truth()), (null(), Truth())]
    store = simulate(
        tmp_path / "set",
        [Study(truths, blocks=1, model="=cmd()")],
        channels=channels,
        outcomes={1: {"energy_j": None}},
        run=4,
    )
    chunk = SampleChunk(
        "gpu/0",
        array("d", [1.0, 1.1]),
        array("f", [0.0, 0.0]),
        array("q", [0, 20_000]),
        array("B", [0, 1]),
    )
    store.add_samples(1, [("gpu/0", 1.0, 1.1, 2, chunk.to_bytes())])
    return store


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_tables_come_out_whole(store, tmp_path, file_format):
    written = export_tables(store, tmp_path / "out", file_format)
    assert [path.name for path in written] == [f"{name}.{file_format}" for name in TABLES]
    read = pd.read_csv if file_format == "csv" else pd.read_parquet
    tables = {path.stem: read(path) for path in written}
    keys = tables["trials"]["key"].str.removeprefix("'")
    assert list(keys) == list(store.statuses())
    assert len(tables["cohorts"]) == 4
    assert len(tables["energies"]) == 12
    assert len(tables["windows"]) == 12 + 4  # a trial's own window has no energy of its own
    assert tables["energies"]["energy_j"].isna().sum() == 1
    assert set(tables["shares"]["kind"]) == {"idle", "trial", "own", "other"}
    assert tables["samples"]["energy_j"].tolist() == [0.0, 20.0]
    assert tables["samples"]["power_w"].isna().all()
    assert tables["samples"]["flags"].tolist() == [0, 1]


def test_no_cell_of_a_csv_is_a_formula(store, tmp_path):
    for path in export_tables(store, tmp_path / "out", "csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in frame:
            cells = frame[column][~frame[column].str.fullmatch(r"-?[\d.e+-]+")]
            assert not cells.str.match(r"[=+@\t\r-]").any(), (path.name, column)


def test_a_folder_that_cant_be_written_is_an_error_for_people(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="can't export"):
        export_tables(store, tmp_path / "file")
