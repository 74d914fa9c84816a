"""What is published while its provider is switched off is used by no session; what is before and after it is."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.alternative.assets import publications
from trading_assets.market_data.alternative.publications import content_of_publications
from trading_assets.market_data.alternative.switched_off import content_that_is_used, used
from trading_assets.market_data.tables import PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.switches import MOVE, SwitchedOff
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.alternative.test_assets import ROWS, configuration, deliver

__all__ = ["configuration"]


def published(*days: int, provider: str = "macro") -> pl.DataFrame:
    return pl.DataFrame(
        {"provider": provider, "published_at": [dt.datetime(2018, 1, day) for day in days], "value": [1.0] * len(days)}
    )


def test_the_beginning_is_off_and_the_end_is_on() -> None:
    rows = pl.concat([published(1, 2, 3, 4), published(2, provider="news")])
    times = [SwitchedOff("macro", dt.datetime(2018, 1, 2), dt.datetime(2018, 1, 4))]
    assert used(rows, times)["published_at"].dt.day().to_list() == [1, 4, 2]
    assert used(rows, [SwitchedOff("macro", dt.datetime(2018, 1, 2))]).height == 2
    assert used(rows, []).equals(rows)


def step(configuration: Configuration, stage: str, day: dt.datetime) -> None:
    Protocol.of(configuration).append("account", "feature/macro", {"action": MOVE, "stage": stage}, now=day)


def test_off_and_on_again_changes_no_past_and_is_no_revision(configuration: Configuration, tmp_path: Path) -> None:
    """Eight publications from January to April: those of March are never used, those of February and April are."""
    warehouse, log = Warehouse(configuration.warehouse_path), logging.getLogger("trading_assets_tests")

    def run(rows: list[str], month: int) -> list[int]:
        deliver(configuration, rows)
        publications(
            Step(configuration, warehouse.unit_of_work(), None, None, "test", dt.datetime(2018, month, 28), log)
        )
        return warehouse.read(PUBLICATIONS).sort("published_at")["published_at"].dt.month().to_list()

    assert run(ROWS[:4], 2) == [1, 1, 2, 2]
    content = content_that_is_used(configuration)
    assert content == content_of_publications(configuration)
    step(configuration, "off", dt.datetime(2018, 3, 1))
    assert content_that_is_used(configuration) != content
    assert run(ROWS[:6], 3) == [1, 1, 2, 2]
    step(configuration, "full", dt.datetime(2018, 4, 1))
    assert run(ROWS, 4) == [1, 1, 2, 2, 4, 4]
    assert warehouse.read_or_empty(REWRITTEN_PUBLICATIONS).is_empty()
