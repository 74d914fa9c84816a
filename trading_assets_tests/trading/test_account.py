"""An account session by session: what a backtest from its opening has, and published sessions that stay."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.market_data.tables import SESSIONS
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.trading.account import (
    AccountAheadError,
    continue_account,
    finished_sessions,
    with_capital,
)
from trading_assets.trading.checks import unbalanced
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, HOLDINGS, ORDER_SHEETS, PENDING_ORDERS
from trading_assets.warehouse import Rows, Table, Warehouse
from trading_assets_tests.backtests.frames import bars_of, frames_of, loaded, prepare_strategy
from trading_assets_tests.trading.breakout_account import BARS, DAYS, END, OPENING, START, first_part, prepared_until


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def market(settings: Configuration) -> PreparedBacktest:
    return prepared_until(settings, END)


def test_an_account_is_the_backtest_from_its_opening(settings: Configuration, market: PreparedBacktest) -> None:
    """Evening by evening for a while, then in one go: equity, fills and cash are those of one run, to the bit."""
    found, parts = first_part(settings, DAYS[200]), []
    parts.append(found.rows)
    for last in (DAYS[201], DAYS[202], DAYS[203], END):
        published = pl.concat(rows[EQUITY] for rows in parts)
        found = continue_account(OPENING, prepared_until(settings, last), found.saved, published)
        assert found.differences.is_empty()
        parts.append(found.rows)
    expected = backtest(with_capital(market, 50_000.0), START, END, split="1")
    equity, fills = (pl.concat(rows[table] for rows in parts) for table in (EQUITY, ENGINE_FILLS))
    for column in ("session", "equity", "cash", "drawdown", "daily_return"):
        assert equity[column].equals(expected.equity[column]), column
    assert fills.sort("fill_id")["price"].equals(expected.fills.sort("fill_id")["price"])
    assert fills.height > 20
    assert {*equity["label"]} == {"paper, verdict reject"}
    assert equity["costs"].sum() == pytest.approx(_paid(expected.fills))


def _paid(fills: pl.DataFrame) -> float:
    """Fees and slippage of all fills, by another way: what was paid on top of the open, or less than it received."""
    paid = 0.0
    for side, quantity, raw, price, fee in fills.select("side", "quantity", "raw_price", "price", "fee").iter_rows():
        paid += quantity * ((price - raw) if side == "buy" else (raw - price)) + fee
    return paid


def test_holdings_and_cash_are_the_equity_at_every_close(settings: Configuration) -> None:
    rows = first_part(settings, END).rows
    assert unbalanced(rows[EQUITY], rows[HOLDINGS]).is_empty()
    counted = rows[HOLDINGS].group_by("session").len().sort("session")["len"].to_list()
    assert counted == rows[EQUITY].filter(pl.col("positions") > 0)["positions"].to_list()
    wrong = rows[HOLDINGS].with_columns(quantity=pl.col("quantity") + 1)
    assert unbalanced(rows[EQUITY], wrong).height == rows[HOLDINGS]["session"].n_unique()


def test_sessions_before_the_record_of_the_opening_are_replayed(settings: Configuration) -> None:
    """The opening went on record on 1 August 2001: what had happened by then is no forward test."""
    equity = first_part(settings, END).rows[EQUITY]
    assert equity.filter("replayed")["session"].max() == dt.date(2001, 7, 31)
    assert equity.filter(~pl.col("replayed"))["session"].min() == dt.date(2001, 8, 1)


def test_a_revised_bar_is_a_named_difference_and_no_other_past(settings: Configuration) -> None:
    """The close of a held symbol is lowered after it was published: the account goes on from what it published."""
    begun = first_part(settings, DAYS[200])
    held = begun.rows[HOLDINGS].filter(pl.col("session") < DAYS[199]).row(-1, named=True)
    day = held["session"]
    at = (pl.col("symbol") == held["symbol"]) & (pl.col("session") == day)
    prices = [name for name in ("close", "adj_close") if name in BARS.columns]
    bars = BARS.with_columns(pl.when(at).then(pl.col(name) * 0.99).otherwise(name).alias(name) for name in prices)
    found = continue_account(OPENING, prepared_until(settings, DAYS[201], bars), begun.saved, begun.rows[EQUITY])
    [difference] = found.differences.to_dicts()
    published = begun.rows[EQUITY].filter(pl.col("session") == day)["equity"].item()
    assert (difference["kind"], difference["session"]) == ("revision", day)
    assert difference["expected"] == published
    assert difference["found"] == pytest.approx(published - 0.01 * held["quantity"] * held["mark"])
    assert found.rows[EQUITY]["session"].to_list() == [DAYS[201]]
    unrevised = continue_account(OPENING, prepared_until(settings, DAYS[201]), begun.saved, begun.rows[EQUITY])
    assert found.rows[EQUITY]["cash"].item() == unrevised.rows[EQUITY]["cash"].item()
    again = continue_account(OPENING, prepared_until(settings, DAYS[201], bars), found.saved, begun.rows[EQUITY])
    assert again.rows == {}
    assert again.differences["difference_id"].to_list() == [difference["difference_id"]]


def with_other_close(day: dt.date, symbol: str, factor: float, bars: pl.DataFrame = BARS) -> pl.DataFrame:
    at = (pl.col("symbol") == symbol) & (pl.col("session") == day)
    prices = [name for name in ("close", "adj_close") if name in BARS.columns]
    return bars.with_columns(pl.when(at).then(pl.col(name) * factor).otherwise(name).alias(name) for name in prices)


def test_a_second_revision_is_another_difference_and_an_old_one_stays_one(settings: Configuration) -> None:
    """A first one is found, and stays the same one as the account goes on; then a later bar changes, too."""
    begun = first_part(settings, DAYS[200])
    rows = begun.rows[HOLDINGS].filter(pl.col("session") < DAYS[199]).sort("session")
    later = rows.row(-1, named=True)
    held = rows.filter(pl.col("session") < later["session"]).row(-1, named=True)
    once = with_other_close(held["session"], held["symbol"], 0.99)
    evenings, published, saved, bars = [], begun.rows[EQUITY], begun.saved, once
    for last in (201, 202, 203, 204):
        if last == 203:
            bars = with_other_close(later["session"], later["symbol"], 0.98, once)
        found = continue_account(OPENING, prepared_until(settings, DAYS[last], bars), saved, published)
        saved, published = found.saved, pl.concat([published, found.rows[EQUITY]])
        evenings.append(found.differences.select("difference_id", "session", "expected", "found").row(0))
    first, second, third, fourth = evenings
    assert first == second
    assert third == fourth
    assert third[0] != first[0]
    assert third[1:] == first[1:]
    assert published["replay_equity"].null_count() == 0
    before = begun.rows[EQUITY]
    assert before["replay_equity"].equals(before["equity"].alias("replay_equity"))


def mixed(last: dt.date, *, is_over_at: bool = True) -> Frames:
    """DDD trades every day; where the last day is not over there its bar is not in yet."""
    exchange = calendars.sessions("XNYS", DAYS[0], END).to_list()
    every = [DAYS[0] + dt.timedelta(days=day) for day in range(420)]
    moves = np.random.default_rng(0).normal(0.0015, 0.015, len(every))
    own = bars_of("DDD", 50 * np.exp(np.cumsum(moves)), every)
    bars = pl.concat([BARS.filter(pl.col("symbol") != "DDD", pl.col("session").is_in(exchange)), own])
    bars = bars.filter(pl.col("session") <= last)
    if not is_over_at:
        bars = bars.filter((pl.col("symbol") != "DDD") | (pl.col("session") < last))
    days = [("XNYS", day) for day in exchange] + [("24/7", day) for day in every]
    sessions = pl.DataFrame(days, schema={"calendar": pl.String, "session": pl.Date}, orient="row")
    named = pl.when(pl.col("symbol") == "DDD").then(pl.lit("24/7")).otherwise("calendar")
    return frames_of(
        bars,
        sessions=SESSIONS.conform(sessions.filter(pl.col("session") <= last)),
        instruments=frames_of(bars).instruments.with_columns(calendar=named),
    )


def test_a_session_waits_until_every_calendar_has_sent_its_bars(settings: Configuration) -> None:
    """Each evening the bar of the market that never closes is not finished: the account is a day behind, and right."""
    evenings = list(calendars.sessions("XNYS", START, DAYS[130]))
    saved, parts = None, [dict[Table, pl.DataFrame]()]
    for day in evenings:
        published = pl.concat([EQUITY.empty(), *(rows[EQUITY] for rows in parts if rows)])
        prepared = prepare_strategy(settings, "breakout", mixed(day, is_over_at=False))
        found = continue_account(OPENING, prepared, saved, published)
        assert found.differences.is_empty()
        assert max(finished_sessions(prepared)) == day - dt.timedelta(days=1)
        saved = found.saved
        parts.append(found.rows)
    fills = pl.concat(rows[ENGINE_FILLS] for rows in parts if rows)
    whole = continue_account(
        OPENING, prepare_strategy(settings, "breakout", mixed(evenings[-1], is_over_at=False)), None, EQUITY.empty()
    )
    assert fills.sort("fill_id").equals(whole.rows[ENGINE_FILLS].sort("fill_id"))
    assert fills.filter(symbol="DDD").height > 1


def test_a_calendar_that_sends_nothing_any_more_is_not_waited_for_for_ever(settings: Configuration) -> None:
    """As long as a symbol is given before it counts as delisted, and no longer."""
    frames_ = mixed(DAYS[150])
    patience = settings.risk.delisting_sessions
    for silent in (1, patience - 1, patience):
        last = DAYS[150] - dt.timedelta(days=silent)
        is_in = (pl.col("symbol") != "DDD") | (pl.col("session") <= last)
        prepared = prepare_strategy(settings, "breakout", replace(frames_, bars=frames_.bars.filter(is_in)))
        assert max(finished_sessions(prepared)) == (last if silent < patience else DAYS[150])


def test_an_order_that_waits_over_sessions_of_another_calendar_is_in_each_sheet_of_them(
    settings: Configuration, tmp_path: Path
) -> None:
    rows = continue_account(
        OPENING, prepare_strategy(settings, "breakout", mixed(dt.date(2002, 1, 31))), None, EQUITY.empty()
    ).rows
    waits = (
        rows[PENDING_ORDERS]
        .group_by("order_id", maintain_order=True)
        .agg("session")
        .filter(pl.col("session").list.len() > 1)
    )
    order, sessions = waits.row(0)
    sheets = [order_sheet("small", rows[PENDING_ORDERS].filter(session=day), settings.risk) for day in sessions]
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.replace(Rows("strategy", "breakout"), {ORDER_SHEETS: pl.concat(sheets)})
    found = warehouse.read(ORDER_SHEETS).filter(order_id=order)
    assert found["session"].to_list() == sorted(sessions)
    assert found["client_order_id"].n_unique() == 1


def test_a_session_whose_close_came_before_the_opening_is_replayed_and_no_other(settings: Configuration) -> None:
    """1 August 2001 is over at 16:00 in New York, 20:00 UTC: no forward test a minute later, one a minute before."""
    for recorded, is_replayed in ((dt.time(19, 59), False), (dt.time(20, 0), True)):
        opening = replace(OPENING, recorded_at=dt.datetime.combine(dt.date(2001, 8, 1), recorded))
        equity = continue_account(opening, prepared_until(settings, DAYS[160]), None, EQUITY.empty()).rows[EQUITY]
        assert equity.filter(session=dt.date(2001, 8, 1))["replayed"].item() is is_replayed
        assert equity.filter(pl.col("session") < dt.date(2001, 8, 1))["replayed"].all()
        assert not equity.filter(pl.col("session") > dt.date(2001, 8, 1))["replayed"].any()


def test_a_market_that_is_shut_keeps_no_session_from_being_over(settings: Configuration) -> None:
    """On 27 August 2001, a bank holiday in London, New York closes at 20:00 UTC: at 20:00 the session is over."""
    day, prepared = dt.date(2001, 8, 27), prepared_until(settings, dt.date(2001, 8, 27))
    calendars = ["XLON", *prepared.axes.calendars[1:]]
    both = replace(prepared, axes=replace(prepared.axes, calendars=calendars))
    opening = replace(OPENING, recorded_at=dt.datetime.combine(day, dt.time(20)))
    equity = continue_account(opening, both, None, EQUITY.empty()).rows[EQUITY]
    assert equity.filter(session=day)["replayed"].to_list() == [True]


def test_a_weight_has_the_same_bits_alone_and_among_others(settings: Configuration) -> None:
    """Value over equity, by the division of Python: a session alone is not divided by another rule."""
    whole, found, several = first_part(settings, DAYS[120]).rows[HOLDINGS], first_part(settings, DAYS[80]), 0
    published = found.rows[EQUITY]
    for day in DAYS[81:121]:
        found = continue_account(OPENING, prepared_until(settings, day), found.saved, published)
        published = pl.concat([published, found.rows[EQUITY]])
        held, equity = found.rows[HOLDINGS], found.rows[EQUITY]["equity"].item()
        assert held["weight"].equals(whole.filter(session=day)["weight"])
        assert held["weight"].to_list() == [
            q * mark / equity for q, mark in held.select("quantity", "mark").iter_rows()
        ]
        several += held.height > 1
    assert several > 3


def test_bars_that_end_before_what_is_published_are_refused(settings: Configuration) -> None:
    begun = first_part(settings, DAYS[200])
    with pytest.raises(AccountAheadError, match=f"has published {DAYS[200]}, and the bars end on {DAYS[190]}"):
        continue_account(OPENING, prepared_until(settings, DAYS[190]), begun.saved, begun.rows[EQUITY])


def test_an_account_that_opens_after_the_last_bar_waits(settings: Configuration) -> None:
    found = first_part(settings, DAYS[79])
    assert (found.rows, found.saved) == ({}, None)
