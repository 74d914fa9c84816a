"""Faults planted in a synthetic market: each is there at its rate, and the rules find those and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.config.quality import Quality
from trading_assets.config.sources import Fault, SyntheticSource
from trading_assets.market_data import bar_windows, calendars
from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.lives import find_lives
from trading_assets.market_data.quality.apply_rules import QualityResult, apply_rules
from trading_assets.market_data.revisions import reconcile
from trading_assets.market_data.sources.synthetic import ANCHOR, Generated, generate, generate_with_faults
from trading_assets.market_data.sources.synthetic_faults import KINDS, REUSE_HOLE
from trading_assets.market_data.tables import RAW_BARS
from trading_assets_tests.market_data.markets import NOW
from trading_assets_tests.narrow import as_date, as_number

END = dt.date(2006, 12, 29)
SESSIONS = calendars.sessions("XNYS", ANCHOR, END)
CALENDAR = pl.DataFrame({"session": SESSIONS}).with_columns(calendar=pl.lit("XNYS"))
EVERYTHING_ROWS = {"one_series": "row", "common_jump": "row"}

#: No row states a corporate action.
ACTIONS = dict.fromkeys(("cash_dividend", "split_ratio"), pl.lit(None, pl.Float64))


def market(symbols: int = 12, **settings: object) -> Generated:
    source = SyntheticSource.model_validate(
        {"source": "synthetic", "asset_class": "equity", "symbols": symbols, "volatility": 0.15, **settings}
    )
    return generate_with_faults(source, ANCHOR, END, 3)


def checked(bars: pl.DataFrame, **settings: object) -> QualityResult:
    columns = {"source_file": pl.lit(None, pl.String), "source_line": pl.lit(None, pl.Int64)}
    received = bars.with_columns(
        calendar=pl.lit("XNYS"),
        coverage=pl.lit(None, pl.Float64),
        market_cap=pl.lit(None, pl.Float64),
        **ACTIONS,
        **columns,
    )
    raw = reconcile(RAW_BARS.empty(), received, NOW).raw_bars
    return apply_rules(raw, CALENDAR, END, Quality.model_validate({"severity": EVERYTHING_ROWS, **settings}))


def places(frame: pl.DataFrame) -> list[tuple[str, dt.date]]:
    return frame.select("symbol", "session").unique().sort("symbol", "session").rows()


def test_rules_find_the_same_some_symbols_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All faults at once; 4,000 bars are two or three symbols of twelve."""
    bars = market(
        faults=dict.fromkeys(("null_price", "spike", "half_adjusted", "unit_change", "stale_price"), 0.01)
    ).bars
    whole = checked(bars)
    assert whole.quarantine["reasons"].explode().n_unique() >= 4
    monkeypatch.setattr(bar_windows, "_ROWS", 4_000)
    assert sum(1 for _ in bar_windows.parts_of(whole.left)) > 3
    parts = checked(bars)
    assert_frame_equal(parts.quarantine, whole.quarantine)
    assert_frame_equal(parts.usable, whole.usable)
    adjusted = pl.concat(adjust(parts.completed(part), 0.01) for part in bar_windows.parts_of(parts.left))
    assert_frame_equal(adjusted, adjust(whole.usable, 0.01))


def test_every_fault_can_be_configured() -> None:
    assert set(get_args(Fault)) == set(KINDS)


@pytest.mark.parametrize(
    "fault",
    [
        "null_price",
        "non_positive_price",
        "ohlc_violation",
        "negative_volume",
        "spike",
        "half_adjusted",
        "duplicate_conflict",
        "not_a_session",
        "unit_change",
    ],
)
def test_faults_of_bars_are_quarantined_and_no_other_bar_is(fault: str) -> None:
    found = market(faults={fault: 0.003})
    result = checked(found.bars)
    # A low of zero breaks two rules.
    assert {reason for reasons in result.quarantine["reasons"] for reason in reasons} >= {fault}
    prior = pl.col("session") < SESSIONS[-1]  # the last bar has none after it that could take it back
    assert places(result.quarantine.filter(prior)) == places(found.faults.filter(prior))
    share = found.faults.height / found.bars.height
    spell = 10 if fault == "unit_change" else 0.2 if fault == "not_a_session" else 1
    expected = 0.003 * spell
    assert share == pytest.approx(expected, rel=0.35)


@pytest.mark.parametrize("fault", ["zero_volume", "duplicate_exact"])
def test_faults_that_are_flagged(fault: str) -> None:
    found = market(faults={fault: 0.003})
    result = checked(found.bars)
    assert result.quarantine.is_empty()
    assert places(result.usable.filter(pl.col("flags").list.contains(fault))) == places(found.faults)


def test_stale_prices_are_flagged_from_the_fifth_on() -> None:
    found = market(faults={"stale_price": 0.003})
    result = checked(found.bars)
    flagged = places(result.usable.filter(pl.col("flags").list.contains("stale_price")))
    fourth = found.faults.with_columns(nth=pl.int_range(pl.len()).over("symbol") % 4)
    assert set(flagged) >= set(places(fourth.filter(pl.col("nth") == 3, pl.col("session") < SESSIONS[-5])))


@pytest.mark.parametrize("fault", ["missing_one_day", "missing_two_days"])
def test_missing_bars_are_not_delivered(fault: str) -> None:
    found = market(faults={fault: 0.003})
    clean = market().bars
    assert places(clean.join(found.bars, on=["symbol", "session"], how="anti")) == places(found.faults)
    assert_frame_equal(found.bars, clean.join(found.bars, on=["symbol", "session"], how="semi", maintain_order="left"))


def test_stale_days_of_the_market() -> None:
    found = market(faults={"stale_day": 0.005})
    assert places(checked(found.bars).quarantine) == places(found.faults)
    assert found.faults["session"].n_unique() > 3


def test_identical_series_are_found_once_they_have_lasted() -> None:
    found = market(20, faults={"identical_series": 0.3})
    copied = set(found.faults["symbol"])
    result = checked(found.bars)
    assert set(result.quarantine["symbol"]) == copied | {"SYN001"}
    first = found.faults["session"].min()
    assert isinstance(first, dt.date)
    assert as_date(result.quarantine["session"].min()) > first


def test_reused_tickers_are_found_at_their_first_bar() -> None:
    found = market(20, faults={"ticker_reuse": 0.4})
    lives = find_lives(found.bars, 365, pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date}))
    reused = found.faults.filter(fault="ticker_reuse").group_by("symbol").agg(pl.col("session").min()).sort("symbol")
    assert reused.height > 3
    assert lives.select("ticker", "start").rows() == reused.rows()
    holes = found.faults.filter(fault="hole").group_by("symbol").len()
    assert set(holes["len"]) == {REUSE_HOLE}


def test_all_faults_at_once_do_not_hide_each_other_from_the_rows_rules() -> None:
    rates = {fault: 0.001 for fault, counted in KINDS.items() if counted == "bar"}
    found = market(faults=rates)
    result = checked(found.bars)
    certain = ["null_price", "non_positive_price", "ohlc_violation", "negative_volume", "duplicate_conflict"]
    rows = found.faults.filter(pl.col("fault").is_in(certain))
    assert set(places(rows)) <= set(places(result.quarantine))
    assert set(places(result.quarantine)) <= set(places(found.faults))


def test_faults_do_not_depend_on_the_window() -> None:
    faults = {fault: 0.3 if counted == "symbol" else 0.002 for fault, counted in KINDS.items()}
    source = SyntheticSource.model_validate(
        {
            "source": "synthetic",
            "asset_class": "equity",
            "symbols": 5,
            "faults": faults,
            "listings": 0.5,
            "delistings": 0.2,
        }
    )
    whole = generate(source, ANCHOR, END, 3)
    start, end = dt.date(2003, 1, 2), dt.date(2004, 12, 31)
    assert_frame_equal(
        generate(source, start, end, 3), whole.filter(pl.col("session").is_between(start, end)), check_exact=True
    )


def test_listings_and_delistings_happen_at_their_rates() -> None:
    bars = market(400, listings=0.5, delistings=0.1).bars
    spans = bars.group_by("symbol").agg(first=pl.col("session").min(), last=pl.col("session").max())
    years = SESSIONS.len() / 252
    # Half are listed late, over twenty years: those listed after the end have no bar at all.
    late = 400 - spans.filter(pl.col("first") == SESSIONS[0]).height
    assert late == pytest.approx(200, abs=4 * np.sqrt(400 * 0.25))
    assert 400 - spans.height == pytest.approx(200 * (1 - years / 20), abs=4 * np.sqrt(200 * 0.24))
    from_start = spans.filter(pl.col("first") == SESSIONS[0])
    alive = from_start.filter(pl.col("last") == SESSIONS[-1]).height / from_start.height
    assert alive == pytest.approx(0.9**years, abs=4 * np.sqrt(0.25 / from_start.height))
    for symbol, first, last in spans.head(20).rows():
        between = SESSIONS.filter(SESSIONS.is_between(first, last))
        assert bars.filter(symbol=symbol)["session"].to_list() == between.to_list(), "without a hole"
    assert spans.filter(symbol="SYN001").row(0)[1:] == (SESSIONS[0], SESSIONS[-1])


def test_splits_are_told_by_the_adjusted_close_and_the_forward_factor_undoes_them() -> None:
    split, plain = market(30, splits=0.2).bars, market(30).bars
    result = checked(split)
    assert result.quarantine.is_empty()
    adjusted = adjust(result.usable, Quality().split_ratio)
    found = adjusted.filter(pl.col("split_ratio") != 1)
    assert found.height == pytest.approx(30 * 0.2 * SESSIONS.len() / 252, abs=4 * np.sqrt(42))
    assert set(found["split_ratio"]) == {1.5, 2.0, 3.0}
    assert (adjusted["cash_dividend"] == 0).all()
    # Raw prices are printed in cents, so the adjusted ones are those of the market without splits within half a cent
    # times the shares that one has become.
    error = (adjusted["adj_close"] - plain["close"]).abs() / (0.005 * adjusted["forward_factor"] + 0.005)
    assert as_number(error.max()) <= 1.0 + 1e-9
