"""An account session by session: what a backtest from its opening has, and published sessions that stay."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.config import Configuration
from trading_assets.trading.account import AccountAheadError, Continued, continue_account, with_capital
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
