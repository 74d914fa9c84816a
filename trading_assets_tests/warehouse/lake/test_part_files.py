"""Files that are written once, whole, and whose absence or edit is told by name."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import polars as pl
import pytest

from trading_assets.warehouse import WarehouseError
from trading_assets.warehouse.lake.part_files import (
    assert_as_written,
    folder_of,
    is_as_written,
    remove,
    unnamed,
    write_part,
)
from trading_assets_tests.warehouse.warehouse_fixtures import outcome_of

TABLE = "features.daily"
COLUMNS = [("level", "DOUBLE")]


def _rows(*values: float) -> pl.DataFrame:
    return pl.DataFrame({"level": values}, schema={"level": pl.Float64})


def test_the_name_is_that_of_the_bytes_and_of_the_partition(tmp_path: Path) -> None:
    first, same, other = (write_part(tmp_path, TABLE, "2016-01", _rows(each), COLUMNS) for each in (1.0, 1.0, 2.0))
    assert first.path(tmp_path).parent == tmp_path / "features" / "daily"
    assert first.name == same.name != other.name
    assert first.name.startswith("2016-01-")
    assert (first.rows, first.columns) == (1, (("level", "DOUBLE"),))
    assert pl.read_parquet(first.path(tmp_path)).equals(_rows(1.0))


@pytest.mark.parametrize("key", ["BRK/B", "../../etc", 'say "no"', "it's", "a" * 300, "%2F", "*[x]?", "naïve"])
def test_a_key_of_any_text_is_a_file_in_the_folder_of_the_table(tmp_path: Path, key: str) -> None:
    file = write_part(tmp_path, TABLE, key, _rows(1.0), COLUMNS)
    assert [path.parent for path in tmp_path.rglob("*.parquet")] == [folder_of(tmp_path, TABLE)]
    assert file.partition == key


def test_known_bytes_are_not_written_again_unless_they_were_edited(tmp_path: Path) -> None:
    file = write_part(tmp_path, TABLE, "2016-01", _rows(1.0), COLUMNS)
    assert write_part(tmp_path, TABLE, "2016-01", _rows(1.0), COLUMNS, [file]) == file
    file.path(tmp_path).write_bytes(b"edited")
    again = write_part(tmp_path, TABLE, "2016-01", _rows(1.0), COLUMNS, [file])
    assert is_as_written(tmp_path, again)


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    file = write_part(tmp_path, TABLE, "2016-01", _rows(1.0), COLUMNS)
    file.path(tmp_path).unlink()
    with pytest.raises(WarehouseError, match=f"is missing(.|\n)*{file.name}(.|\n)*features.daily, partition 2016-01"):
        assert_as_written(tmp_path, [file])


@pytest.mark.parametrize("keeps_size", [True, False])
def test_an_edit_is_told_whatever_its_size(tmp_path: Path, keeps_size: bool) -> None:
    file = write_part(tmp_path, TABLE, "2016-01", _rows(1.0), COLUMNS)
    content = bytearray(file.path(tmp_path).read_bytes())
    content[len(content) // 2] ^= 1
    file.path(tmp_path).write_bytes(content if keeps_size else content[:-1])
    with pytest.raises(WarehouseError, match="is not as it was written"):
        assert_as_written(tmp_path, [file])


def test_a_copy_has_another_time_and_is_the_same_file(tmp_path: Path) -> None:
    file = write_part(tmp_path / "here", TABLE, "2016-01", _rows(1.0), COLUMNS)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    os.utime(file.path(tmp_path / "there"), (1, 1))
    assert_as_written(tmp_path / "there", [file])


def test_only_files_of_the_store_are_removed(tmp_path: Path) -> None:
    live, old = (write_part(tmp_path, TABLE, "2016-01", _rows(each), COLUMNS) for each in (1.0, 2.0))
    folder = folder_of(tmp_path, TABLE)
    (folder / "0123.unfinished").touch()
    (folder / "notes.txt").touch()
    found = unnamed(tmp_path, TABLE, [live.name])
    assert {path.name for path in found} == {old.name, "0123.unfinished"}
    remove(tmp_path, TABLE, found)
    assert {path.name for path in folder.iterdir()} == {live.name, "notes.txt"}


def test_folders_go_with_their_last_file(tmp_path: Path) -> None:
    file = write_part(tmp_path / "lake", TABLE, "2016-01", _rows(1.0), COLUMNS)
    remove(tmp_path / "lake", TABLE, [file.path(tmp_path / "lake")])
    assert list(tmp_path.iterdir()) == []
    assert unnamed(tmp_path / "lake", TABLE, []) == []


def _write_where_no_file_may_grow(folder: Path) -> str:
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
    try:
        write_part(folder, TABLE, "2016-01", _rows(*range(10_000)), COLUMNS)
    except OSError:
        return f"{len([path for path in folder.rglob('*') if path.is_file()])} files"
    return "written"


def test_what_does_not_fit_on_the_disk_leaves_no_file(tmp_path: Path) -> None:
    assert outcome_of(_write_where_no_file_may_grow, tmp_path) == "0 files"
