"""The statistics of an account: what they are of by hand, and false alarms and delays by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.charts import divergence_money, markdown
from trading_assets.trading.divergence.betting import Floats, wealth
from trading_assets.trading.divergence.promise import Promise
from trading_assets.trading.divergence.session_statistics import (
    FIRST_DIFFERING,
    LEVELS,
    live_bets,
    sharpe_bets,
    statistics_of,
)
from trading_assets.trading.divergence.slippage import slippage_of_fills
from trading_assets.trading.divergence.tables import DIVERGENCE, STATISTICS
from trading_assets.trading.divergence.tracking import LiveCurve, live_curve
from trading_assets_tests.trading.divergence.accounts import (
    CONFIGURATION,
    DAYS,
    OPENING,
    broker_fill,
    broker_fills,
    engine_fill,
    engine_fills,
)
from trading_assets_tests.trading.divergence.nulls import heavy_tails, moving_scale

PROMISE = Promise(0.4, 0.16, 252)
YEAR = 250


def curve_of(paper: Floats, live: Floats) -> LiveCurve:
    def returns(values: Floats) -> Floats:
        return np.asarray(values / np.concatenate([[1000.0], values[:-1]]) - 1.0)

    return LiveCurve(DAYS[: paper.size], paper, live, returns(paper), returns(live))


def told(rows: pl.DataFrame, name: str, column: str = "value") -> Sequence[float | None]:
    return rows.filter(statistic=name).sort("session")[column].to_list()


def test_every_statistic_is_told_of_every_session_and_tests_have_their_levels() -> None:
    fills = [engine_fill(1), engine_fill(1, "BBB"), engine_fill(3)]
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(*map(broker_fill, fills)), engine_fills(*fills))
    paper = np.array([1000.0, 1010.0, 1005.0, 1020.0])
    rows = statistics_of(OPENING, curve_of(paper, paper), slippage, PROMISE, np.zeros(4))
    assert rows.height == 4 * len(STATISTICS)
    assert {*rows["statistic"]} == {*STATISTICS}
    levels = rows.drop_nulls("level").select("statistic", "level").unique().iter_rows()
    assert (
        dict(levels)
        == LEVELS
        == {
            "slippage_wealth": 100.0,
            "slippage_late": 2520.0,
            "live_wealth": 100.0,
            "live_late": 2520.0,
            "sharpe_wealth": 20.0,
        }
    )
    assert not rows["alarm"].any()
    assert told(rows, "slippage_paid_bps") == pytest.approx([None, 10.0, None, 10.0])
    assert told(rows, "slippage_modelled_bps") == [None, 8.0, None, 8.0]
    assert told(rows, "slippage_wealth", "observations") == [0, 2, 2, 3]
    bets = np.array([math.nan, 2 / 3 / math.sqrt(2), math.nan, 1 / 3])
    assert told(rows, "slippage_wealth") == pytest.approx(wealth(bets).tolist())
    assert told(rows, "live_wealth") == [1.0] * 4
    assert told(rows, "tracking_difference") == [0.0] * 4
    assert told(rows, "tracking_error") == [None, 0.0, 0.0, 0.0]
    returns = [0.0, 0.01, 1005 / 1010 - 1, 1020 / 1005 - 1]
    assert told(rows, "live_sharpe")[-1] == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * math.sqrt(252))


def test_a_session_more_changes_nothing_before_it() -> None:
    random = np.random.default_rng(3)
    paper: Floats = np.asarray(1000 * np.cumprod(1 + random.normal(0, 0.01, 30)), np.float64)
    live: Floats = np.asarray(paper * (1 + 0.001 * random.normal(size=30)), np.float64)
    whole, none = curve_of(paper, live), engine_fills().clear()
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), none)
    rows = statistics_of(OPENING, whole, slippage, PROMISE, np.zeros(30))
    first = statistics_of(OPENING, curve_of(paper[:20], live[:20]), slippage, PROMISE, np.zeros(20))
    assert rows.filter(pl.col("session") <= DAYS[19]).equals(first)


def test_an_account_without_a_session_has_no_rows() -> None:
    """It was opened, and no bar has come since: there is nothing to tell, and nothing to draw."""
    nothing = np.array([], np.float64)
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), engine_fills())
    bars = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "close": pl.Float64})
    bars = bars.with_columns(split_ratio=pl.lit(1.0), cash_dividend=pl.lit(0.0))
    equity = pl.DataFrame(schema={"session": pl.Date, "equity": pl.Float64})
    told_so_far = broker_fills().with_columns(pair_id=pl.lit(None, pl.String))
    curve = live_curve(equity, 1000.0, told_so_far, engine_fills(), bars)
    rows = statistics_of(OPENING, curve, slippage, PROMISE, nothing)
    assert rows.equals(DIVERGENCE.empty())
    assert markdown(divergence_money(rows)).startswith("!")


def test_without_a_promise_nothing_is_bet_on_it() -> None:
    paper = np.full(5, 1000.0)
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), engine_fills())
    rows = statistics_of(OPENING, curve_of(paper, paper), slippage, Promise(None, None, 252), np.zeros(5))
    assert told(rows, "sharpe_wealth") == [None] * 5


def test_live_bets_know_only_what_was_before() -> None:
    """Five differences of -1 bp come first; the sixth, of -2 bp, is bet on in the scale of the five: 2."""
    found = live_bets(np.array([0.0, *[-1e-4] * FIRST_DIFFERING, 0.0, -2e-4]))
    assert np.isnan(found[:7]).all()
    assert found[7] == pytest.approx(2.0)


def test_sharpe_bets_are_the_promised_mean_less_the_return_in_its_usual_volatility() -> None:
    """0.16 / sqrt(252) is the usual move: a first return of that size is 1; the promise is 0.4 / sqrt(252)."""
    usual = 0.16 / math.sqrt(252)
    assert sharpe_bets(np.array([usual, 0.0]), PROMISE)[0] == pytest.approx(0.4 / math.sqrt(252) - 1.0)
    assert np.isnan(sharpe_bets(np.zeros(3), Promise(0.4, None, 252))).all()


@pytest.mark.parametrize("kind", [heavy_tails, moving_scale])
def test_live_as_good_as_paper_is_called_worse_in_at_most_1_of_100_years(kind: object) -> None:
    draws, random = 1500, np.random.default_rng(17)
    differences = 1e-4 * kind(draws, YEAR, random)  # type: ignore[operator]
    share = np.mean([wealth(live_bets(row)).max() >= 100.0 for row in differences])
    assert share <= 0.01 + 2 * math.sqrt(0.01 * 0.99 / draws), share


@pytest.mark.parametrize("sharpe", [0.4, -0.5])
def test_a_kept_promise_is_called_broken_in_at_most_5_of_100_years(sharpe: float) -> None:
    """Live earns exactly the least that was promised, with volatility that comes in clusters."""
    draws, random = 1500, np.random.default_rng(23)
    promise = Promise(sharpe, 0.16, 252)
    shocks = moving_scale(draws, YEAR, random)
    usual = 0.16 / math.sqrt(252)
    returns = usual * (shocks / np.std(shocks) + sharpe / math.sqrt(252))
    share = np.mean([wealth(sharpe_bets(row, promise)).max() >= 20.0 for row in returns])
    assert share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / draws), share


def test_a_cost_of_half_a_deviation_a_session_is_found_within_a_year() -> None:
    differences = 1e-4 * (np.random.default_rng(29).standard_normal((300, YEAR)) - 0.5)
    assert np.mean([wealth(live_bets(row)).max() >= 100.0 for row in differences]) > 0.95
