"""Fills that were judged are not edited in silence."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.trading.divergence.slippage import slippage_of_fills
from trading_assets.trading.divergence.slippage_on_record import changed_slippage, put_slippage_on_record
from trading_assets.trading.tables import DIFFERENCES
from trading_assets_tests.trading.divergence.accounts import (
    CONFIGURATION,
    DAYS,
    OPENED,
    OPENING,
    broker_fill,
    broker_fills,
    engine_fill,
    engine_fills,
)

FILLS = [engine_fill(1), engine_fill(3)]


def slippage(*prices: float) -> pl.DataFrame:
    told = [broker_fill(fill, price=price) for fill, price in zip(FILLS, prices, strict=False)]
    return slippage_of_fills(CONFIGURATION, OPENING, broker_fills(*told), engine_fills(*FILLS))


def test_a_session_more_is_no_difference_and_an_edit_is_one_once(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, CONFIGURATION)

    def changed(rows: pl.DataFrame) -> pl.DataFrame:
        return changed_slippage(protocol.read(), CONFIGURATION, OPENING, rows, DAYS[4])

    assert changed(slippage(10.02)).is_empty(), "nothing is on record"
    put_slippage_on_record(protocol, OPENING, slippage(10.02), DAYS[2], OPENED)
    put_slippage_on_record(protocol, OPENING, slippage(10.02), DAYS[2], OPENED)
    assert [each.kind for each in protocol.read()] == ["folder", "account"]
    assert changed(slippage(10.02, 10.05)).is_empty()
    [row] = changed(slippage(10.00, 10.05)).to_dicts()
    assert (row["kind"], row["session"], row["account"]) == ("revision", DAYS[2], "known-1")
    assert "trading.fills" in row["detail"]
    DIFFERENCES.validate(changed(slippage(10.00, 10.05)))
    assert changed(slippage()).height == 1, "a fill that is gone is one, too"
    put_slippage_on_record(protocol, OPENING, slippage(10.00, 10.05), DAYS[3], OPENED)
    assert changed(slippage(10.00, 10.05)).is_empty()
