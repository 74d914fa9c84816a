"""Tables that only grow, as a unit of work and a warehouse share them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.warehouse import Warehouse, WarehouseError, Whole
from trading_assets_tests.warehouse.warehouse_fixtures import LEDGER, next_look


def test_rows_that_are_there_are_added_once_and_no_replace_takes_them_away(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    first = next_look(LEDGER.empty())
    for each in (warehouse, warehouse.unit_of_work()):
        each.append_new(LEDGER, first)
    every = warehouse.append_chained(LEDGER, next_look)
    assert every["look"].to_list() == warehouse.examine(LEDGER, lambda rows: rows["look"].to_list()) == [0, 1]
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {LEDGER: first})
