"""Publications that somebody edited are refused, whoever reads them."""

from __future__ import annotations

import datetime as dt
import logging

import duckdb
import polars as pl
import pytest

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.alternative.assets import publications
from trading_assets.market_data.alternative.written import EditedHistoryError, assert_publications_as_written
from trading_assets.market_data.tables import PUBLICATIONS, REWRITTEN_PUBLICATIONS
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


def _step(configuration: Configuration, warehouse: Warehouse, day: int) -> Step:
    log = logging.getLogger("trading_assets_tests")
    return Step(configuration, warehouse.unit_of_work(), None, None, "test", NOW + dt.timedelta(days=day), log)


def _rewrite_twice(configuration: Configuration, warehouse: Warehouse) -> None:
    for day, rows in enumerate((ROWS, [row + "9" for row in ROWS[:2]] + ROWS[2:])):
        deliver(configuration, rows)
        publications(_step(configuration, warehouse, day))


@pytest.mark.parametrize("edit", ["DELETE FROM {0}", "UPDATE {0} SET old = new"])
def test_what_was_told_of_rewritten_publications_cannot_be_edited(configuration: Configuration, edit: str) -> None:
    """Who takes away that the past was written again would have the next delivery taken for news."""
    warehouse = Warehouse(configuration.warehouse_path)
    _rewrite_twice(configuration, warehouse)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(edit.format(REWRITTEN_PUBLICATIONS.name))
    with pytest.raises(EditedHistoryError, match=r"market_data\.rewritten_publications were edited"):
        publications(_step(configuration, warehouse, 2))


def test_a_step_that_was_killed_before_or_after_it_appended_is_no_edit(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are announced, then appended: a kill between leaves the old ones, a kill after it the new ones."""
    warehouse = Warehouse(configuration.warehouse_path)
    _rewrite_twice(configuration, warehouse)
    deliver(configuration, [row + "8" for row in ROWS])
    for step_of_work in ("append", "replace"):
        step = _step(configuration, warehouse, 3)
        monkeypatch.setattr(step.work, step_of_work, _killed)
        with pytest.raises(KeyboardInterrupt):
            publications(step)
    publications(_step(configuration, warehouse, 4))
    told = warehouse.read(REWRITTEN_PUBLICATIONS)
    assert told.filter(pl.col("received_at").dt.day() == (NOW + dt.timedelta(days=1)).day).height == 2
    assert told["received_at"].n_unique() == 3
    publications(_step(configuration, warehouse, 5))


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
