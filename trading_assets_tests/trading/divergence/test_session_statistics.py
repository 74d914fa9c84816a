"""The statistics of an account: what they are of by hand, and false alarms and delays by simulation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from trading_assets.charts import divergence_money, markdown
from trading_assets.trading.divergence.betting import Floats, wealth
from trading_assets.trading.divergence.fill_bets import late_evidence_of_fills, wealth_of_fills
from trading_assets.trading.divergence.promise import Promise
from trading_assets.trading.divergence.session_statistics import (
    FIRST_DIFFERING,
    LEVELS,
    live_bets,
    promise_bets,
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

PROMISE = Promise(0.025, 0.01, 252)
YEAR = 250


def seldom_held(share: float, run: int) -> Callable[[int, int, np.random.Generator], tuple[NDArray[np.bool_], Floats]]:
    """Normal returns of a strategy that is invested in a share of the time, for so many sessions at once."""

    def drawn(draws: int, rounds: int, random: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
        held = np.repeat(random.random((draws, rounds // run + 1)) < share, run, axis=1)[:, :rounds]
        return held, random.standard_normal((draws, rounds)) / math.sqrt(share)

    return drawn


def skewed(sign: float, shape: float) -> Callable[[int, int, np.random.Generator], tuple[NDArray[np.bool_], Floats]]:
    """Gamma returns with mean 0: few large gains and many small losses, or with a sign of -1 the other way."""

    def drawn(draws: int, rounds: int, random: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
        shocks = sign * (random.gamma(shape, 1.0, (draws, rounds)) - shape) / math.sqrt(shape)
        return np.ones((draws, rounds), np.bool_), shocks

    return drawn


def wild_times(draws: int, rounds: int, random: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
    shocks = moving_scale(draws, rounds, random)
    return np.ones((draws, rounds), np.bool_), np.asarray(shocks / np.std(shocks))


RETURNS = {
    "invested 5 % of the time": seldom_held(0.05, 10),
    "invested 10 % of the time, for a quarter": seldom_held(0.1, 60),
    "few large gains": skewed(1.0, 0.1),
    "few large losses": skewed(-1.0, 0.1),
    "quiet and wild": wild_times,
}


def curve_of(paper: Floats, live: Floats) -> LiveCurve:
    return LiveCurve(DAYS[: paper.size], paper, live, 1000.0)


def held_in(sessions: int) -> pl.DataFrame:
    """Rows of an account that holds a position all the time, where cash earns nothing."""
    rows = pl.DataFrame({"positions": [1] * sessions}, schema={"positions": pl.Int64})
    zeros = {name: pl.lit(0.0) for name in ("daily_return", "risk_free", "interest")}
    return rows.with_columns(equity=pl.lit(1000.0), **zeros)


def told(rows: pl.DataFrame, name: str, column: str = "value") -> Sequence[float | None]:
    return rows.filter(statistic=name).sort("session")[column].to_list()


def test_every_statistic_is_told_of_every_session_and_tests_have_their_levels() -> None:
    fills = [engine_fill(1), engine_fill(1, "BBB"), engine_fill(3)]
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(*map(broker_fill, fills)), engine_fills(*fills))
    paper = np.array([1000.0, 1010.0, 1005.0, 1020.0])
    rows = statistics_of(OPENING, curve_of(paper, paper), slippage, PROMISE, held_in(4))
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
    none, third = np.array([]), np.array([1 / 3])
    bets = [none, np.tile(third, 2), none, third]
    assert told(rows, "slippage_wealth") == pytest.approx(wealth_of_fills(bets).tolist())
    assert told(rows, "slippage_late") == pytest.approx(late_evidence_of_fills(bets).tolist())
    assert told(rows, "live_wealth") == [1.0] * 4
    assert told(rows, "tracking_difference") == [0.0] * 4
    assert told(rows, "tracking_error") == [None, 0.0, 0.0, 0.0]
    returns = [0.0, 0.01, 1005 / 1010 - 1, 1020 / 1005 - 1]
    assert told(rows, "live_sharpe")[-1] == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * math.sqrt(252))


def sharpe_told(paper: Floats, **said: list[float]) -> list[float | None]:
    """The Sharpe ratio of a broker's books that are the account, whose rows say so much of cash."""
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), engine_fills())
    equity = held_in(paper.size).with_columns(equity=pl.Series(paper), **{name: pl.Series(said[name]) for name in said})
    return list(told(statistics_of(OPENING, curve_of(paper, paper), slippage, PROMISE, equity), "live_sharpe"))


def test_live_sharpe_is_of_returns_with_interest_less_the_risk_free_rate() -> None:
    """As that of a backtest: cash that lies beside the positions earns its rate, and is no loss against it."""
    paper = np.array([1000.0, 1010.0, 1005.0, 1020.0])
    found = sharpe_told(paper, risk_free=[0.0, 0.001, 0.002, 0.001], interest=[0.0, 0.5, 1.0, 0.2])
    excess = [0.0, 0.01 + 0.0005 - 0.001, -5 / 1010 + 1 / 1010 - 0.002, 15 / 1005 + 0.2 / 1005 - 0.001]
    assert found[0] is None
    for sessions in (2, 3, 4):
        mean, deviation = statistics.mean(excess[:sessions]), statistics.stdev(excess[:sessions])
        assert found[sessions - 1] == pytest.approx(mean / deviation * math.sqrt(252))


def test_an_account_that_waits_in_cash_has_no_sharpe_ratio() -> None:
    """It earns what cash earns: what is left of the difference is rounding, and a ratio of roundings is no number."""
    growth = 1000.0 * np.cumprod(np.full(30, 1.0001))
    assert sharpe_told(growth, risk_free=[0.0003] * 30) == [None] * 30
    rates, interest = [0.0, *[0.00017] * 29], [0.0, *[0.17] * 29]
    assert sharpe_told(np.full(30, 1000.0), risk_free=rates, interest=interest) == [None] * 30


def test_a_session_more_changes_nothing_before_it() -> None:
    random = np.random.default_rng(3)
    paper: Floats = np.asarray(1000 * np.cumprod(1 + random.normal(0, 0.01, 30)), np.float64)
    live: Floats = np.asarray(paper * (1 + 0.001 * random.normal(size=30)), np.float64)
    whole, none = curve_of(paper, live), engine_fills().clear()
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), none)
    rows = statistics_of(OPENING, whole, slippage, PROMISE, held_in(30))
    first = statistics_of(OPENING, curve_of(paper[:20], live[:20]), slippage, PROMISE, held_in(20))
    assert rows.filter(pl.col("session") <= DAYS[19]).equals(first)


def test_an_account_without_a_session_has_no_rows() -> None:
    """It was opened, and no bar has come since: there is nothing to tell, and nothing to draw."""
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), engine_fills())
    bars = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "close": pl.Float64})
    bars = bars.with_columns(split_ratio=pl.lit(1.0), cash_dividend=pl.lit(0.0))
    equity = pl.DataFrame(schema={"session": pl.Date, "equity": pl.Float64})
    told_so_far = broker_fills().with_columns(pair_id=pl.lit(None, pl.String))
    curve = live_curve(equity, 1000.0, told_so_far, engine_fills(), bars)
    rows = statistics_of(OPENING, curve, slippage, PROMISE, held_in(0))
    assert rows.equals(DIVERGENCE.empty())
    assert markdown(divergence_money(rows)).startswith("!")


def test_without_a_promise_nothing_is_bet_on_it() -> None:
    paper = np.full(5, 1000.0)
    slippage = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(), engine_fills())
    rows = statistics_of(OPENING, curve_of(paper, paper), slippage, Promise(None, None, 252), held_in(5))
    assert told(rows, "sharpe_wealth") == [None] * 5


def test_live_bets_know_only_what_was_before() -> None:
    """Five differences of -1 bp come first; the sixth, of -2 bp, is bet on in the scale of the five: 2."""
    found = live_bets(np.array([0.0, *[-1e-4] * FIRST_DIFFERING, 0.0, -2e-4]))
    assert np.isnan(found[:7]).all()
    assert found[7] == pytest.approx(2.0)


def test_promise_bets_are_the_promised_mean_less_the_return_in_the_scale_of_the_holdout() -> None:
    """A return of 1 % is 1 in a scale of 1 %, one of -10 % is cut at 3; in the last session nothing is held."""
    bets = promise_bets(np.array([0.01, -0.1, 0.0, 0.0]), np.array([True, True, True, False]), PROMISE)
    assert bets[:3] == pytest.approx(np.array([0.025 - 1.0, 0.025 + 3.0, 0.025]) * 3.0 / 3.025)
    assert np.isnan(bets[3])
    assert np.isnan(promise_bets(np.zeros(3), np.ones(3, np.bool_), Promise(None, None, 252))).all()


@pytest.mark.parametrize("kind", [heavy_tails, moving_scale])
def test_live_as_good_as_paper_is_called_worse_in_at_most_1_of_100_years(kind: object) -> None:
    draws, random = 1500, np.random.default_rng(17)
    differences = 1e-4 * kind(draws, YEAR, random)  # type: ignore[operator]
    share = np.mean([wealth(live_bets(row)).max() >= 100.0 for row in differences])
    assert share <= 0.01 + 2 * math.sqrt(0.01 * 0.99 / draws), share


@pytest.mark.parametrize("sharpe", [1.0, -0.5])
@pytest.mark.parametrize("kind", [*RETURNS])
def test_a_kept_promise_is_called_broken_in_at_most_5_of_100_decades(kind: str, sharpe: float) -> None:
    """Live earns exactly the least that was promised: seldom, skewed to either side, in quiet and wild times."""
    draws, random, usual = 300, np.random.default_rng(23), 0.16 / math.sqrt(252)
    held, shocks = RETURNS[kind](draws, 10 * YEAR, random)
    returns = usual * np.where(held, shocks + sharpe / math.sqrt(252) / held.mean(), 0.0)
    scale = math.sqrt(float(np.mean(returns[held] ** 2)))
    promise = Promise(float(np.mean(np.clip(returns[held] / scale, -3.0, 3.0))), scale, 252)
    rows = zip(returns, held, strict=True)
    share = np.mean([wealth(promise_bets(row, is_held, promise)).max() >= 20.0 for row, is_held in rows])
    assert share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / draws), share


def test_a_cost_of_half_a_deviation_a_session_is_found_within_a_year() -> None:
    differences = 1e-4 * (np.random.default_rng(29).standard_normal((300, YEAR)) - 0.5)
    assert np.mean([wealth(live_bets(row)).max() >= 100.0 for row in differences]) > 0.95
