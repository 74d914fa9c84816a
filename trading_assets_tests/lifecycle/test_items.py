"""What is to be done, as rows."""

from __future__ import annotations

from pathlib import Path

from trading_assets.lifecycle.items import SCHEMA, Item, age_of, as_rows, size_of
from trading_assets_tests.lifecycle.homes import NOW, put


def test_rows_have_every_column_also_where_there_are_none() -> None:
    item = Item("remove", "a log", "a key", 3.14159, 10, lambda: "removed")
    assert as_rows([(item, item.act())]).rows() == [("remove", "a log", 3.1, 10, "a key", "removed")]
    assert as_rows([]).schema == SCHEMA


def test_a_folder_is_as_large_as_its_files_and_as_old_as_its_last_change(tmp_path: Path) -> None:
    first = put(tmp_path / "deep" / "one", 2.5, "12345")
    put(tmp_path / "two", 1.0, "123")
    (tmp_path / "link").symlink_to(first)
    assert (size_of(tmp_path), size_of(first)) == (8, 5)
    assert age_of(first, NOW) == 2.5
