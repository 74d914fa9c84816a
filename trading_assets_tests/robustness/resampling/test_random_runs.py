"""Decisions at random: target weights at other times and on other symbols, and the place among such runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, sweep_prepared
from trading_assets.backtests.engine.arrays import Targets
from trading_assets.backtests.inputs.target_weights import targets_of
from trading_assets.backtests.parallel_sweep import Span
from trading_assets.backtests.perturbations import with_moved_targets
from trading_assets.backtests.results.return_metrics import annual_sharpes
from trading_assets.backtests.sweep_returns import excess_returns_of
from trading_assets.robustness.resampling.random_runs import PERMUTATION, normal_p, percentile, random_targets
from trading_assets.robustness.resampling.resample import resample
from trading_assets.strategies.interface.target_weights import SCHEMA, checked
from trading_assets_tests.backtests.test_target_strategies import DAYS, SPAN, prepare_strategy

FIRST = DAYS.index(SPAN[0])
SESSIONS = len(DAYS) - FIRST


@pytest.fixture(scope="module")
def factor() -> PreparedBacktest:
    return prepare_strategy("factor")


@pytest.fixture(scope="module")
def pairs() -> PreparedBacktest:
    return prepare_strategy("pairs")


def decided(prepared: PreparedBacktest) -> list[tuple[int, str, int, float]]:
    """Session of the span, symbol, pair and weight of every row."""
    targets = prepared.signals
    assert isinstance(targets, Targets)
    sessions = np.repeat(np.arange(len(DAYS)), np.diff(targets.first)) - FIRST
    symbols = [prepared.axes.symbols[column] for column in targets.symbol[targets.position_index]]
    rows = zip(
        sessions.tolist(),
        symbols,
        targets.pair_index[targets.position_index].tolist(),
        targets.weight.tolist(),
        strict=True,
    )
    return [row for row in rows if row[0] >= 0]


def moved(prepared: PreparedBacktest, shift: int, columns: np.ndarray | None = None) -> PreparedBacktest:
    """In a market without a hole."""
    present = np.ones(prepared.market.present.shape, dtype=np.bool_)
    prepared = replace(prepared, market=prepared.market._replace(present=present))
    size = len(prepared.axes.symbols)
    members = np.ones(prepared.market.close.shape, dtype=np.bool_)
    places = np.arange(size) if columns is None else columns
    return with_moved_targets(prepared, *SPAN, shift=shift, columns=places, members=members)


def test_nothing_moved_is_what_was_decided(factor: PreparedBacktest, pairs: PreparedBacktest) -> None:
    for prepared in (factor, pairs):
        assert decided(moved(prepared, 0)) == decided(prepared) == decided(moved(prepared, SESSIONS))


def test_weights_keep_their_size_and_change_their_place(factor: PreparedBacktest) -> None:
    names = list(factor.axes.symbols)
    columns = np.roll(np.arange(len(names)), 1)
    found = decided(moved(factor, 30, columns))
    expected = [
        ((session + 30) % SESSIONS, names[(names.index(symbol) - 1) % len(names)], pair, weight)
        for session, symbol, pair, weight in decided(factor)
    ]
    assert found == sorted(expected)


def test_a_pair_stays_the_pair_that_it_is(pairs: PreparedBacktest) -> None:
    columns = np.roll(np.arange(len(pairs.axes.symbols)), 1)
    found = decided(moved(pairs, 30, columns))
    assert sorted(found) == sorted(((row[0] + 30) % SESSIONS, *row[1:]) for row in decided(pairs))


def test_where_there_is_no_bar_it_is_decided_later_and_no_stranger_grows(factor: PreparedBacktest) -> None:
    present = factor.market.present.copy()
    present[FIRST + 40 : FIRST + 50] = False
    holes = replace(factor, market=factor.market._replace(present=present))
    members = np.zeros(present.shape, dtype=np.bool_)
    size = len(factor.axes.symbols)
    found = with_moved_targets(holes, *SPAN, shift=30, columns=np.arange(size), members=members)
    assert not {session for session, *_ in decided(found)} & set(range(40, 50))
    assert isinstance(found.signals, Targets) and not found.signals.eligible.any()


def with_weights(prepared: PreparedBacktest, holdings: dict[int, list[int]]) -> PreparedBacktest:
    """Equal weights of some symbols (columns) from each session of the span on."""
    lines, before = [], set[int]()
    for session, columns in sorted(holdings.items()):
        lines += [(DAYS[FIRST + session], prepared.axes.symbols[i], None, 0.3, "in") for i in columns]
        lines += [(DAYS[FIRST + session], prepared.axes.symbols[i], None, 0.0, "out") for i in before - {*columns}]
        before = {*columns}
    frame = checked(pl.DataFrame(lines, schema=SCHEMA, orient="row"), prepared.panel)
    targets, names = targets_of(frame, prepared.panel, prepared.axes, prepared.market)
    return replace(prepared, signals=targets, names=replace(prepared.names, triggers=names.triggers))


def sharpe(prepared: PreparedBacktest) -> float:
    found = sweep_prepared([prepared], *SPAN)
    return float(annual_sharpes(excess_returns_of(prepared, found), 252)[0])


def test_who_knows_what_comes_beats_random_weights_and_who_draws_does_not(factor: PreparedBacktest) -> None:
    close = factor.market.close[FIRST:]
    steps = range(0, SESSIONS - 11, 10)
    best = {t: np.argsort(close[t] / close[t + 10])[:3].tolist() for t in steps}
    knowing = with_weights(factor, best)
    assert percentile(sharpe(knowing), random_targets(Span(knowing, *SPAN), runs=60, seed=1).sharpes) > 95
    random = np.random.default_rng(5)
    found = []
    for _ in range(20):
        drawn = {t: random.choice(len(factor.axes.symbols), 3, replace=False).tolist() for t in steps}
        prepared = with_weights(factor, drawn)
        found.append(percentile(sharpe(prepared), random_targets(Span(prepared, *SPAN), runs=40, seed=1).sharpes))
    # Percentiles of 20 draws are uniform: their mean has a deviation of 6.5.
    assert np.mean(found) == pytest.approx(50, abs=20)


def test_rows_are_those_of_entries(factor: PreparedBacktest) -> None:
    arguments = {"split": "holdout", "block_sessions": 10, "resamples": 20, "permutations": 20}
    one, again, other = (resample(factor, *SPAN, **arguments, seed=seed).statistics for seed in (1, 1, 2))  # type: ignore[arg-type]
    assert one.equals(again) and not one.equals(other)
    rows = dict(one.filter(method=PERMUTATION).select("statistic", "value").iter_rows())
    assert list(rows) == ["percentile", "p", "sharpe_5", "sharpe_50", "sharpe_95", "trades", "trades_50"]
    assert 0 <= rows["percentile"] < 100 and rows["sharpe_5"] <= rows["sharpe_50"] <= rows["sharpe_95"]


def test_percentile_by_hand() -> None:
    random = np.arange(99.0)
    assert percentile(1000.0, random) == 99.0
    assert percentile(94.0, random) == pytest.approx(94.0)  # 94 below; 5 others and itself are as good
    assert percentile(-1.0, random) == 0.0


def test_the_normal_p_value_goes_below_what_counting_can_say() -> None:
    random = np.random.default_rng(6).normal(0.0, 1.0, 1000)
    p = normal_p(3.5, random)
    assert p is not None and p == pytest.approx(2.3e-4, rel=0.5) and p < 1 / 1001
    assert normal_p(random.mean(), random) == pytest.approx(0.5)
    assert normal_p(1.0, np.ones(20)) is None
