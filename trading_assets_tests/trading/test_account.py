"""An account session by session: what a backtest from its opening has, and published sessions that stay."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.trading.account import AccountAheadError, Continued, _bars_of, continue_account, with_capital
from trading_assets.trading.checks import unbalanced
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import ENGINE_FILLS, EQUITY, HOLDINGS, PENDING_ORDERS
from trading_assets_tests.backtests.frames import frames, frames_of, loaded, prepare_strategy, weekdays

DAYS = weekdays(300)
START, END = DAYS[80], DAYS[299]
BARS = frames(300).bars
OPENING = Opening("breakout", "breakout-1", START, 50_000.0, "reject", "0" * 64, "ops", dt.datetime(2001, 8, 1))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def market(settings: Configuration) -> PreparedBacktest:
    return prepared_until(settings, END)


def prepared_until(settings: Configuration, last: dt.date, bars: pl.DataFrame = BARS) -> PreparedBacktest:
    return prepare_strategy(settings, "breakout", frames_of(bars.filter(pl.col("session") <= last)))


def first_part(settings: Configuration, last: dt.date) -> Continued:
    return continue_account(OPENING, prepared_until(settings, last), None, EQUITY.empty())


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


def test_what_waits_at_a_close_fills_at_the_next_open(settings: Configuration) -> None:
    """Every fill is of an order that waited the evening before; entries of whole size, with their expected cost."""
    rows = first_part(settings, END).rows
    waiting, fills = rows[PENDING_ORDERS], rows[ENGINE_FILLS]
    evening = dict(zip(DAYS[1:], DAYS[:-1], strict=True))
    before = fills.with_columns(session=pl.col("session").replace_strict(evening, return_dtype=pl.Date))
    joined = before.join(waiting, on=["session", "order_id"], how="left", suffix="_asked")
    assert joined["decision_id"].null_count() == 0
    assert (joined["side"] == joined["side_asked"]).all()
    assert joined.filter(pl.col("quantity") > pl.col("quantity_asked")).is_empty()
    entry = waiting.filter("entry").row(0, named=True)
    notional = entry["quantity"] * entry["close"]
    assert entry["expected_cost"] == pytest.approx(notional * (entry["expected_slippage_bps"] + 1.0) / 1e4)
    assert entry["stop_price"] < entry["close"]
    assert (entry["calendar"], entry["asset_class"], entry["last_bar"]) == ("XNYS", "equity", entry["session"])


@pytest.mark.slow
def test_a_liquidation_waits_by_its_slices(tmp_path: Path) -> None:
    """Volume halves every fifty sessions, and a loss of 1 % is the limit: what waits is what the engine sells."""
    risk = {"drawdown_limit": 0.01, "daily_loss_limit": 0.5, "risk_per_trade": 0.02}
    volume = 4e4 * 0.5 ** ((pl.col("session").rank("dense").cast(pl.Float64) - 80).clip(0) / 50)
    of_exchange = calendars.sessions("XNYS", DAYS[0], END)
    bars = BARS.filter(pl.col("session").is_in(of_exchange.implode()))
    bars = bars.with_columns(volume=volume, dollar_volume=pl.col("close") * volume)
    prepared = prepared_until(loaded(tmp_path, risk=risk), END, bars)
    rows = continue_account(OPENING, prepared, None, EQUITY.empty()).rows
    waiting = rows[PENDING_ORDERS].filter(reason="drawdown_halt").sort("symbol", "session")
    sold = rows[ENGINE_FILLS].filter(reason="drawdown_halt").sort("symbol", "session")
    assert waiting["quantity"].to_list() == sold["quantity"].to_list()
    assert waiting["order_id"].n_unique() < waiting.height


def test_the_close_before_is_in_units_of_the_last_one(settings: Configuration) -> None:
    """A dividend of 1 and a split of 2 for 1 at the last session: a close of 50 becomes 24.5."""
    entry = first_part(settings, END).rows[PENDING_ORDERS].filter("entry").row(0, named=True)
    at = (pl.col("symbol") == entry["symbol"]) & (pl.col("session") == entry["session"])
    acted = {"split_ratio": 2.0, "cash_dividend": 1.0}
    bars = BARS.with_columns(pl.when(at).then(value).otherwise(name).alias(name) for name, value in acted.items())
    prepared = prepared_until(settings, END, bars)
    asked = pl.DataFrame({"session": [entry["session"]], "column": [prepared.axes.symbols.index(entry["symbol"])]})
    found = _bars_of(prepared, asked).row(0, named=True)
    assert found["previous_close"] == pytest.approx((entry["previous_close"] - 1.0) / 2.0)


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


def test_bars_that_end_before_what_is_published_are_refused(settings: Configuration) -> None:
    begun = first_part(settings, DAYS[200])
    with pytest.raises(AccountAheadError, match=f"has published {DAYS[200]}, and the bars end on {DAYS[190]}"):
        continue_account(OPENING, prepared_until(settings, DAYS[190]), begun.saved, begun.rows[EQUITY])


def test_an_account_that_opens_after_the_last_bar_waits(settings: Configuration) -> None:
    found = first_part(settings, DAYS[79])
    assert (found.rows, found.saved) == ({}, None)
