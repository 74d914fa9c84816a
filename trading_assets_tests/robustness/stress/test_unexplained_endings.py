"""Endings without a recorded reason, booked by hand: 150 units at 100, or 150 sold short."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest, prepare
from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.robustness.stress.unexplained_endings import positions_met, with_unexplained_delistings
from trading_assets_tests.backtests.frames import frames, frames_for, loaded, weekdays
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.target_runs import targets

DAYS = weekdays(16)
#: Symbol: calendar, asset class, exchange on record.
KINDS = {
    "COIN": ("24/7", "crypto", None),
    "NASD": ("XNYS", "equity", "Nasdaq"),
    "NYSE": ("XNYS", "equity", "NYSE"),
    "WHAT": ("XNYS", "equity", None),
    "XNAS": ("XNAS", "equity", None),
}


def instruments(reasons: dict[str, str]) -> pl.DataFrame:
    rows = [
        {"symbol": name, "calendar": calendar, "asset_class": kind, "exchange": exchange, "source": "test",
         "delisting_reason": reasons.get(name), "synthetic": False, "in_universe": True}
        for name, (calendar, kind, exchange) in KINDS.items()
    ]  # fmt: skip
    return INSTRUMENTS.conform(pl.DataFrame(rows, infer_schema_length=None))


@cache
def some_backtest() -> PreparedBacktest:
    with TemporaryDirectory() as folder:
        configuration = loaded(Path(folder))
        return prepare(configuration, frames_for(configuration, "breakout", frames(60)))


def prepared_on(market: Market, side: float) -> PreparedBacktest:
    """A backtest that holds every symbol from session 1 on."""
    some = some_backtest()
    symbols = list(KINDS)
    signals = (
        entries(market, *((0, i) for i in range(5)))
        if side > 0
        else targets(market, *((0, i, -0.15) for i in range(5)))
    )
    kinds = [KINDS[name][1] for name in symbols]
    axes = MarketAxes(DAYS, symbols, kinds, [KINDS[name][0] for name in symbols])
    run_parameters = run_parameters_of(market)
    return replace(
        some, market=market, axes=axes, signals=signals, run_parameters=run_parameters,
        settings=settings(),
        names=replace(some.names, axes=axes, triggers=(*EXIT_REASONS, "own"), exits=(*EXIT_REASONS, "own")),
    )  # fmt: skip


def ending(at: int, delisted: int = -1) -> Market:
    closes = np.full((16, 5), 100.0)
    closes[at:] = np.nan
    market = quiet_market(closes, delisted=delisted)
    if delisted >= 0:
        market.expected[delisted + 1 :] = False
    return market


def scenario(prepared: PreparedBacktest, reasons: dict[str, str], end: dt.date = DAYS[-1]) -> PreparedBacktest:
    return with_unexplained_delistings(prepared, instruments(reasons), end, delisting_sessions=10)


def test_each_kind_of_ending_costs_its_own_part() -> None:
    """Last bar on session 3; the tenth missing session, 13, books 0, 45, 70, 70 and 45 of 100."""
    prepared = scenario(prepared_on(ending(4), 1.0), {})
    run = backtest(prepared, DAYS[0], DAYS[-1], split="train")
    prices = dict(run.trades.select("symbol", "exit_price").iter_rows())
    assert prices == pytest.approx({"COIN": 0.0, "NASD": 45.0, "NYSE": 70.0, "WHAT": 70.0, "XNAS": 45.0})
    assert set(run.trades["exit_session"]) == {DAYS[13]}
    assert set(run.trades["exit_reason"]) == {"delisted"}
    assert positions_met(prepared, run) == 5
    assert run.equity["equity"][-1] == pytest.approx(100_000 - 150 * (100 + 55 + 30 + 30 + 55))


def test_shorts_gain_nothing_and_are_not_counted() -> None:
    """A position that an ending cannot harm is none that met one."""
    prepared = scenario(prepared_on(ending(4), -1.0), {})
    run = backtest(prepared, DAYS[0], DAYS[-1], split="train")
    assert set(run.trades["exit_price"]) == {100.0}
    assert (positions_met(prepared, run), run.trades.height) == (0, 5)


def test_a_reason_on_record_explains_an_ending_and_a_date_alone_does_not() -> None:
    base = prepared_on(ending(6, delisted=7), 1.0)
    prepared = scenario(base, {"NYSE": "merger"})
    run = backtest(prepared, DAYS[0], DAYS[-1], split="train")
    prices = dict(run.trades.select("symbol", "exit_price").iter_rows())
    assert prices == pytest.approx({"COIN": 0.0, "NASD": 45.0, "NYSE": 100.0, "WHAT": 70.0, "XNAS": 45.0})
    assert positions_met(prepared, run) == 4
    assert set(run.trades["exit_session"]) == {DAYS[7]}


@pytest.mark.parametrize(("first_missing", "end"), [(7, DAYS[-1]), (4, DAYS[12])])
def test_less_than_ten_missing_sessions_up_to_the_end_are_no_ending(first_missing: int, end: dt.date) -> None:
    prepared = scenario(prepared_on(ending(first_missing), 1.0), {}, end)
    assert prepared.market.delisted.tolist() == [-1] * 5
    assert prepared.market.ending_loss.tolist() == [0.0] * 5
