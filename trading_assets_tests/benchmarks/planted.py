"""A verdict on a market whose edge is known: from bars to a result, through the package's own functions, in memory."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.backtests.trial_registry import hash_settings, trial_rows
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.config.verdict import ALPHA
from trading_assets.robustness.look_ahead.audit import look_ahead
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.overfitting.selection import selection
from trading_assets.robustness.resampling.resample import (
    BOOTSTRAP,
    resample,
    resamples_needed,
    sharpe_quantile,
    sharpe_quantile_name,
)
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.robustness.sensitivity.sweep import sensitivity
from trading_assets.robustness.stress.benchmark_months import benchmark_levels, classify_months
from trading_assets.robustness.stress.run import chosen, stress
from trading_assets.robustness.stress.scenario_market import ScenarioInputs
from trading_assets.robustness.tables import HOLDOUT
from trading_assets.robustness.verdict.bets import count_bets
from trading_assets.robustness.verdict.caps import cheap_costs, looser_criteria, without_departures
from trading_assets.robustness.verdict.criteria import Judgement, judge
from trading_assets.robustness.verdict.statistics import statistics_of
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import frames_of, loaded, prepare_strategy
from trading_assets_tests.benchmarks.market import symbol_bars

SYMBOLS, SESSIONS = 50, 2520
WARM_UP = 250
#: Of the sessions after the warm-up, as the proportions of the splits' defaults.
DEVELOPMENT_SHARE = 0.75
#: Symbols that leave the universe: more than one in 100 a year of 50 over ten years.
DEPARTURES = 10
STRATEGY = "momentum"
MOMENTUM = {"type": "equity_momentum"}
#: Nothing but the trends is to be earned: the market itself goes nowhere.
NO_DRIFT: dict[str, Any] = {"drift": 0.0}
_EVALUATED_AT = dt.datetime(2000, 1, 1)


def configured(seed: int, strategy: Mapping[str, Any] = MOMENTUM) -> Configuration:
    """A strategy with its defaults, its grid and the verdict's own criteria."""
    with tempfile.TemporaryDirectory() as folder:
        return loaded(Path(folder), seed=seed, strategies={STRATEGY: dict(strategy)})


def planted(seed: int, trend: float, departures: int = DEPARTURES) -> tuple[Configuration, Frames, PreparedBacktest]:
    """The strategy on a market of its own, some of whose symbols leave the universe."""
    configuration = configured(seed)
    frames = frames_of(symbol_bars(SYMBOLS, SESSIONS, seed=seed, trend=trend, **NO_DRIFT))
    frames = replace(frames, universe=with_departures(frames.universe, frames.sessions["session"], departures))
    return configuration, frames, prepare_strategy(configuration, STRATEGY, frames)


def with_departures(universe: pl.DataFrame, sessions: pl.Series, departures: int) -> pl.DataFrame:
    """End the spells of the first symbols, one after another over the second half of the sessions."""
    days = sessions.unique().sort().to_list()
    ends = np.linspace(len(days) // 2, len(days) - 2, departures).astype(int)
    left = pl.DataFrame(
        {"symbol": sorted(universe["symbol"])[:departures], "left": [days[row] for row in ends]},
        schema={"symbol": pl.String, "left": pl.Date},
    )
    return universe.join(left, on="symbol", how="left").with_columns(end=pl.coalesce("end", "left")).drop("left")


def daily_returns(seed: int, trend: float) -> np.ndarray:
    """Daily returns of one run over everything after the warm-up."""
    _, _, prepared = planted(seed, trend)
    development, holdout = spans(prepared)
    run = backtest(prepared, development.start, holdout.end, split="full")
    return run.equity["daily_return"].to_numpy()


def audited(seed: int, trend: float, strategy: Mapping[str, Any] = MOMENTUM) -> pl.DataFrame:
    """The look-ahead audit on a market: rows of `robustness.look_ahead`."""
    configuration = configured(seed, strategy)
    frames = frames_of(symbol_bars(SYMBOLS, SESSIONS, seed=seed, trend=trend, **NO_DRIFT))
    whole = MarketSnapshot(frames.bars, frames.quarantine, frames.sessions, frames.instruments, frames.universe)
    return look_ahead(configuration, STRATEGY, whole, configuration.robustness.look_ahead_cuts)


def judged(
    seed: int,
    trend: float,
    audit: pl.DataFrame,
    alphas: Sequence[float] = (ALPHA,),
    departures: int = DEPARTURES,
) -> dict[float, Judgement]:
    """The verdict at each error rate: the grid and its trials on train + validation, everything else on the holdout.

    Parameters
    ----------
    audit
        Of the same strategy, see `audited`: whether its code looks ahead does not depend on the market.
    departures
        Symbols that leave the universe.
    """
    configuration, frames, prepared = planted(seed, trend, departures)
    settings = configuration.robustness
    development, holdout = spans(prepared)
    found = sensitivity(
        prepared,
        grids(configuration)[STRATEGY],
        development.start,
        development.end,
        split=DEVELOPMENT,
        settings_hash=hash_settings(configuration, prepared.strategy),
        data_hash=data_hash(frames.bars, prepared.axes.symbols, development.end),
        sharp_peak=settings.sharp_peak,
    )
    parameter_rows = trial_rows(found.evaluations, source="planted", run_id="planted", evaluated_at=_EVALUATED_AT)
    selected = selection(
        STRATEGY,
        parameter_rows,
        found.points.filter("chosen")["trial"][0],
        periods=prepared.periods_per_year,
        blocks=settings.cross_validation_blocks,
        config_hash=configuration.hash,
        benchmarks=found.benchmarks,
    )
    levels = benchmark_levels(frames.bars, frames.indicators, prepared.benchmark_name, holdout.end)
    stressed = stress(
        prepared,
        holdout.start,
        holdout.end,
        split=HOLDOUT,
        months=classify_months(levels),
        scenarios=chosen(settings.model_copy(update={"stress_scenarios": []}), synthetic=True),
        scenario_inputs=ScenarioInputs(configuration, lambda _: frames),
        best_trades=settings.verdict.reject_best_trades,
    ).metrics
    drawn = resample(
        prepared,
        holdout.start,
        holdout.end,
        split=HOLDOUT,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        permutations=settings.permutations,
        seed=configuration.seed,
        alpha=min(alphas),
    ).statistics
    run = backtest(prepared, holdout.start, holdout.end, split=HOLDOUT)
    resampled = pl.concat(
        [drawn, *(_quantile(prepared, run, drawn, alpha, settings.block_sessions) for alpha in alphas)]
    )
    caps = [
        *looser_criteria(settings),
        *cheap_costs(configuration.costs, ["equity"]),
        *without_departures(prepared.strategy.instruments, frames.universe, development.start, holdout.end),
    ]
    bets = count_bets(run.fills, run.trades, frames.bars)
    return {
        alpha: judge(
            STRATEGY,
            statistics_of(stressed, resampled, selected.statistics, look_ahead=audit, bets=bets, alpha=alpha),
            settings.verdict,
            caps,
        )
        for alpha in alphas
    }


def _quantile(prepared: PreparedBacktest, run: Result, drawn: pl.DataFrame, alpha: float, block: int) -> pl.DataFrame:
    """The row of a quantile that is not there yet."""
    name = sharpe_quantile_name(alpha)
    if not drawn.filter(method=BOOTSTRAP, statistic=name).is_empty():
        return drawn.clear()
    returns = settled(run.equity)["daily_return"].fill_null(0.0).to_numpy()
    wanted, generator = resamples_needed(alpha), np.random.default_rng([prepared.settings.seed, round(1 / alpha)])
    low = sharpe_quantile(
        returns, np.empty((0, returns.size)), alpha, prepared.periods_per_year, block, wanted, generator
    )
    row = (prepared.name, HOLDOUT, BOOTSTRAP, name, low, wanted)
    return pl.DataFrame([row], schema=drawn.schema, orient="row")


def spans(prepared: PreparedBacktest) -> tuple[Interval, Interval]:
    """Train + validation, and the holdout."""
    days = prepared.axes.sessions[WARM_UP:]
    cut = round(len(days) * DEVELOPMENT_SHARE)
    return Interval(start=days[0], end=days[cut - 1]), Interval(start=days[cut], end=days[-1])
