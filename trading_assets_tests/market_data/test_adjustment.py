"""Corporate actions inferred from adjusted closes, and the forward factor."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.market_data.adjustment import adjust, with_factor_change, with_units
from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS
from trading_assets.market_data.sources import sample
from trading_assets_tests.market_data.markets import SESSIONS, path

THRESHOLD = 0.2


def with_adjusted(closes: list[float], adjusted: list[float | None]) -> pl.DataFrame:
    return path(closes).with_columns(adj_close=pl.Series(adjusted, dtype=pl.Float64))


def actions(bars: pl.DataFrame) -> list[tuple[str, dt.date, float, float]]:
    found = adjust(bars, THRESHOLD).filter((pl.col("split_ratio") != 1) | (pl.col("cash_dividend") != 0))
    return found.select("symbol", "session", "split_ratio", "cash_dividend").rows()


@pytest.fixture(scope="module")
def stocks() -> pl.DataFrame:
    return sample.read(dt.date(2000, 3, 1), dt.date(2013, 3, 1))


def test_splits_of_the_sample_are_those_on_record(stocks: pl.DataFrame) -> None:
    splits = [(symbol, day, ratio) for symbol, day, ratio, _ in actions(stocks) if ratio != 1]
    assert splits == [
        ("AAPL", dt.date(2000, 6, 21), 2.0),
        ("AAPL", dt.date(2005, 2, 28), 2.0),
        ("MSFT", dt.date(2003, 2, 18), 2.0),
    ]


def test_dividends_of_the_sample_are_those_that_were_paid(stocks: pl.DataFrame) -> None:
    """To the cent, as the companies announced them; MSFT 2004-11-15 is the special 3.00 and the quarter's 0.08."""
    paid = {(symbol, day): dividend for symbol, day, _, dividend in actions(stocks) if dividend}
    apple = {day: value for (symbol, day), value in paid.items() if symbol == "AAPL"}
    assert apple == {dt.date(2012, 8, 9): 2.65, dt.date(2012, 11, 7): 2.65, dt.date(2013, 2, 7): 2.65}
    microsoft = [value for (symbol, _), value in paid.items() if symbol == "MSFT"]
    assert paid[("MSFT", dt.date(2004, 11, 15))] == 3.08
    assert microsoft == (
        [0.08, 0.16, 0.08, 3.08]
        + [0.08] * 4
        + [0.09] * 3
        + [0.10] * 4
        + [0.11] * 4
        + [0.13] * 8
        + [0.16] * 4
        + [0.20] * 4
        + [0.23] * 2
    )
    ibm = [value for (symbol, _), value in paid.items() if symbol == "IBM"]
    assert ibm == (
        [0.13] * 4
        + [0.14] * 4
        + [0.15] * 4
        + [0.16] * 4
        + [0.18] * 4
        + [0.20] * 4
        + [0.30] * 4
        + [0.40] * 4
        + [0.50] * 4
        + [0.55] * 4
        + [0.65] * 4
        + [0.75] * 4
        + [0.85] * 4
    )
    assert {symbol for symbol, _ in paid} == {"AAPL", "IBM", "MSFT"}  # GOOG, FB and the index pay nothing


def test_the_forward_factor_is_one_at_first_and_moves_at_each_action(stocks: pl.DataFrame) -> None:
    apple = adjust(stocks, THRESHOLD).filter(pl.col("symbol") == "AAPL")
    factor = dict(apple.select("session", "forward_factor").rows())
    assert factor[dt.date(2000, 3, 1)] == 1.0
    assert (factor[dt.date(2000, 6, 20)], factor[dt.date(2000, 6, 21)]) == (1.0, 2.0)
    assert (factor[dt.date(2005, 2, 25)], factor[dt.date(2005, 2, 28)]) == (2.0, 4.0)
    assert factor[dt.date(2012, 8, 9)] == 4.0 / (1 - 2.65 / 619.86)  # the close of the session before
    for name in ("open", "high", "low", "close"):
        assert (apple[f"adj_{name}"] == apple[name] * apple["forward_factor"]).all()


def test_adjusted_returns_are_those_of_the_source(stocks: pl.DataFrame) -> None:
    """Away from dividends, whose definition differs between sources, up to the six decimals printed."""
    ours = adjust(stocks, THRESHOLD).with_columns(theirs=stocks["adj_close"]).filter(pl.col("cash_dividend") == 0)
    returns = ours.select(
        (pl.col(name) / pl.col(name).shift(1).over("symbol")).alias(name) for name in ("adj_close", "theirs")
    )
    on_dividends = with_factor_change(with_units(stocks)).filter(pl.col("factor_change") != 1).height
    close = (returns["adj_close"] / returns["theirs"] - 1).abs() < 1e-5
    assert close.drop_nulls().not_().sum() <= on_dividends


def test_an_adjusted_close_equal_to_the_close_brings_no_action() -> None:
    index = sample.index_bars(dt.date(1999, 1, 4), dt.date(2018, 12, 31))
    assert index.height > 5000
    assert actions(index) == []


@pytest.mark.parametrize(
    ("closes", "adjusted", "split", "dividend"),
    [
        ([30.0, 10.0], [10.0, 10.0], 3.0, 0.0),
        ([30.0, 20.0], [20.0, 20.0], 1.5, 0.0),
        ([1.5, 15.0], [15.0, 15.0], 0.1, 0.0),
        ([700.0, 100.0], [100.0, 100.0], 7.0, 0.0),
        ([100.0, 100.0], [99.0, 100.0], 1.0, 1.0),
        ([100.0, 73.0], [72.9431, 73.0], 1.0, 27.0569),  # a spin-off: its value, as if paid in cash
        ([100.0, 101.0], [100.0, 98.98], 1.0, 0.0),  # a factor that falls is no action
        ([100.0, 50.0, 50.0], [49.8, None, 50.0], 2.0, 0.2),  # booked on the next bar that tells, in its shares
    ],
)
def test_what_a_change_of_the_factor_stands_for(
    closes: list[float], adjusted: list[float | None], split: float, dividend: float
) -> None:
    # Two bars before, so that the printed decimals are known.
    r = (adjusted[0] or 0.0) / closes[0]
    bars = with_adjusted([50.25, closes[0], *closes], [round(50.25 * r, 6) + 1e-6, closes[0] * r, *adjusted])
    found = adjust(bars, THRESHOLD)
    assert found["split_ratio"].to_list()[:-1] == [1.0] * (bars.height - 1)
    assert found["split_ratio"][-1] == split
    assert found["cash_dividend"].to_list()[:-1] == [0.0] * (bars.height - 1)
    assert found["cash_dividend"][-1] == pytest.approx(dividend, abs=2e-4)  # four decimals of 72.9431


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_rounding_of_adjusted_closes_pays_no_dividend(decimals: int) -> None:
    closes = [round(20 + 3 * np.sin(n), 2) for n in range(60)]
    assert actions(with_adjusted(closes, [round(close * 0.0171, decimals) or None for close in closes])) == []


@st.composite
def adjusted_series(draw: st.DrawFn) -> tuple[list[float], list[float], dict[int, tuple[float, float]], int]:
    """Closes, what a source prints as adjusted, the true actions, and the decimals printed."""
    length = draw(st.integers(5, 40))
    closes = [draw(st.sampled_from([25.0, 40.0, 80.0, 160.0]))]
    true: dict[int, tuple[float, float]] = {}
    change = [1.0]
    by_close = draw(st.booleans())
    for n in range(1, length):
        split, dividend = 1.0, 0.0
        kind = draw(st.sampled_from(["none"] * 6 + ["split", "dividend"]))
        if kind == "split":
            split = draw(st.sampled_from([2.0, 3.0, 1.5, 0.5, 0.1]))
        elif kind == "dividend":
            dividend = round(closes[-1] * draw(st.floats(0.002, 0.03)), 2)
        move = draw(st.floats(-0.06, 0.06))
        closes.append(max(round((closes[-1] - dividend) / split * (1 + move), 2), 0.5))
        if kind != "none":
            true[n] = (split, dividend)
        change.append(split + dividend / closes[-1] if by_close else split / (1 - dividend / closes[-2]))
    decimals = draw(st.sampled_from([2, 4, 6]))
    later = np.append(np.cumprod(change[::-1])[::-1][1:], 1.0)
    return closes, [round(float(p), decimals) for p in np.array(closes) / later], true, decimals


@settings(max_examples=100)
@given(adjusted_series())
def test_actions_are_recovered_up_to_what_was_printed(
    series: tuple[list[float], list[float], dict[int, tuple[float, float]], int],
) -> None:
    closes, printed, true, decimals = series
    if min(printed) < 50 * 10.0**-decimals or min(closes) < 0.6:
        return  # one digit left: a split cannot be told from rounding; at its floor the price shows none
    found = adjust(with_adjusted(closes, list(printed)), THRESHOLD)
    for n, (split, dividend) in enumerate(found.select("split_ratio", "cash_dividend").iter_rows()):
        expected_split, expected_dividend = true.get(n, (1.0, 0.0))
        if n not in true:
            assert (split, dividend) == (1.0, 0.0)
            continue
        assert split == expected_split
        units = (
            0.5 * 10.0**-decimals / printed[n]
            + 0.5 * 10.0**-decimals / printed[n - 1]
            + 0.005 / closes[n]
            + 0.005 / closes[n - 1]
        )
        move = abs(
            (closes[n] * expected_split + expected_dividend) / closes[n - 1] - 1
        )  # the two conventions differ by this
        # The first bars have not shown all decimals: what they hide is below the dividend itself.
        hidden = expected_dividend if n < 4 or dividend == 0.0 else 0.0
        if dividend == 0.0 and n >= 4 and decimals > 2:
            assert expected_dividend <= 3 * units * closes[n - 1]
        assert abs(dividend - expected_dividend) <= hidden + 3 * units * closes[n - 1] + 1.1 * move * expected_dividend


@settings(max_examples=30)
@given(adjusted_series(), st.integers(1, 39))
def test_a_later_action_changes_nothing_before_it(
    series: tuple[list[float], list[float], dict[int, tuple[float, float]], int], cut: int
) -> None:
    closes, printed, _, _ = series
    bars = with_adjusted(closes, list(printed))
    assert_frame_equal(adjust(bars[:cut], THRESHOLD), adjust(bars, THRESHOLD)[:cut])


def test_decimals_shown_later_do_not_turn_noise_into_a_dividend() -> None:
    """Whole numbers hide one per cent; that a later bar has six decimals was not known then."""
    bars = with_adjusted([100.0, 100.0, 100.25, 100.25], [99.0, 100.0, 100.123456, 100.123456])
    assert actions(bars[:2]) == actions(bars[:4]) == []


def test_symbols_do_not_touch_each_other() -> None:
    one = path([100.0, 101.0], "AAA").with_columns(adj_close=pl.col("close") / 4)
    other = path([10.0, 11.0], "BBB").with_columns(adj_close=pl.col("close"))
    both = adjust(pl.concat([one, other]), THRESHOLD)
    assert both["forward_factor"].to_list() == [1.0] * 4
    assert both["session"].to_list() == SESSIONS[:2] * 2


def noisy(bars: int, seed: int, volatility: float = 0.01) -> list[float]:
    random = np.random.default_rng(seed)
    return [round(float(100 * np.exp(c)), 2) for c in np.cumsum(random.normal(0, volatility, bars))]


SEAM = 30


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("later", [0.5, 2.0, 0.1, 1 / 3, 0.9, 1.1, 0.93, 1 / 0.93])
def test_a_seam_of_two_deliveries_is_no_action(later: float, flat: bool) -> None:
    """One month with adj_close = close, the next adjusted for what came after it (or the other way round).

    The raw price does not move by the ratio, so that 150 shares at 100 stay 150 shares at 100, and no money is paid.
    Seven percent are more than six usual moves: of a market of 1 % a day they are 0.67 %.
    """
    closes = [100.0] * 60 if flat else noisy(60, 3)
    adjusted = [close * (1.0 if n < SEAM else later) for n, close in enumerate(closes)]
    assert actions(with_adjusted(closes, list(adjusted))) == []
    found = with_factor_change(with_units(with_adjusted(closes, list(adjusted))))
    assert found["factor_change"].to_list() == [1.0] * 60


def test_a_seam_of_dividends_within_the_usual_moves_of_a_quiet_price_is_none_either() -> None:
    closes = noisy(60, 3, 0.0005)
    adjusted = [close * (0.98 if n < SEAM else 1.0) for n, close in enumerate(closes)]
    assert actions(with_adjusted(closes, list(adjusted))) == []


@pytest.mark.parametrize("split", [2.0, 0.1, 1.5])
def test_a_split_at_a_seam_that_the_raw_price_shows_is_one(split: float) -> None:
    closes = noisy(60, 4)
    raw = [round(close / (1.0 if n < SEAM else split), 4) for n, close in enumerate(closes)]
    adjusted = [price * (1 / split if n < SEAM else 1.0) for n, price in enumerate(raw)]
    assert actions(with_adjusted(raw, list(adjusted))) == [("AAA", SESSIONS[SEAM], split, 0.0)]


def test_a_special_dividend_that_the_raw_price_shows_is_paid() -> None:
    closes = [round(close * (1.0 if n < SEAM else 0.9), 2) for n, close in enumerate(noisy(60, 5))]
    paid = 10.0
    change = 1 - paid / closes[SEAM - 1]
    adjusted = [close * (change if n < SEAM else 1.0) for n, close in enumerate(closes)]
    assert actions(with_adjusted(closes, list(adjusted))) == [("AAA", SESSIONS[SEAM], 1.0, paid)]


def test_what_is_on_record_needs_no_support_of_the_price() -> None:
    closes = [100.0] * 60
    adjusted = [close * (0.5 if n < SEAM else 1.0) for n, close in enumerate(closes)]
    record = pl.DataFrame(
        {"symbol": "AAA", "session": [SESSIONS[SEAM]], "split_ratio": 2.0, "cash_dividend": 0.0}
    ).select(NO_ACTIONS.columns)
    found = adjust(with_adjusted(closes, list(adjusted)), THRESHOLD, record)
    assert found.row(SEAM, named=True)["inferred_split"] == found.row(SEAM, named=True)["split_ratio"] == 2.0
