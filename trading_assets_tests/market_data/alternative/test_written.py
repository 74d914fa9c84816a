"""Publications that somebody edited are refused, whoever reads them."""

from __future__ import annotations

import logging

import duckdb
import pytest

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.alternative.assets import publications
from trading_assets.market_data.alternative.written import assert_publications_as_written
from trading_assets.market_data.tables import PUBLICATIONS
from trading_assets.protocol.written_rows import EditedRowsError
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.alternative.test_assets import ROWS, configuration, deliver
from trading_assets_tests.market_data.markets import NOW

__all__ = ["configuration"]


def test_an_edit_is_noticed_and_a_new_delivery_is_none(configuration: Configuration) -> None:
    warehouse = Warehouse(configuration.warehouse_path)

    def take_in(rows: list[str]) -> None:
        deliver(configuration, rows)
        work, log = warehouse.unit_of_work(), logging.getLogger("trading_assets_tests")
        publications(Step(configuration, work, None, None, "test", NOW, log))

    take_in(ROWS)
    assert_publications_as_written(configuration, warehouse.unit_of_work())
    take_in(ROWS[:-1])
    assert_publications_as_written(configuration, warehouse.unit_of_work())
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"UPDATE {PUBLICATIONS.name} SET published_at = observed - INTERVAL 1 DAY WHERE value > 3")
    with pytest.raises(EditedRowsError, match=r"market_data\.publications were edited"):
        assert_publications_as_written(configuration, warehouse.unit_of_work())
