"""A verdict on a market whose edge is known: from bars to a result, through the package's own functions, in memory."""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, backtest
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.results.run_tables import Result as Run
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.backtests.trial_registry import hash_settings, trial_rows
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.config.verdict import ALPHA
from trading_assets.protocol.trials import with_benchmarks
from trading_assets.robustness.look_ahead.audit import look_ahead
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.overfitting.selection import selection
from trading_assets.robustness.resampling.random_runs import PERMUTATION
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
from trading_assets.robustness.tables import HOLDOUT, OVERFITTING, RESAMPLING
from trading_assets.robustness.verdict.bets import count_bets
from trading_assets.robustness.verdict.caps import cheap_costs, looser_criteria, without_departures
from trading_assets.robustness.verdict.criteria import Judgement, Result, judge
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
    """The strategy on a market of its own, some of whose symbols leave the universe or are delisted."""
    configuration = configured(seed)
    frames = with_departures(frames_of(symbol_bars(SYMBOLS, SESSIONS, seed=seed, trend=trend, **NO_DRIFT)), departures)
    return configuration, frames, prepare_strategy(configuration, STRATEGY, frames)


def with_departures(frames: Frames, departures: int) -> Frames:
    """Let the first symbols go, one after another over the second half of the sessions.

    The spell of each ends, and of every other one the bars, too: it is delisted, for a reason that is on record of all
    but every fourth.
    """
    days = frames.sessions["session"].unique().sort().to_list()
    ends = [days[row] for row in np.linspace(len(days) // 2, len(days) - 2, departures).astype(int)]
    left = pl.DataFrame(
        {"symbol": sorted(frames.universe["symbol"])[:departures], "left": ends},
        schema={"symbol": pl.String, "left": pl.Date},
    ).with_row_index("number")
    gone = left.filter(pl.col("number") % 2 == 1).select(
        "symbol", gone="left", why=pl.when(pl.col("number") % 8 != 1).then(pl.lit("merger"))
    )
    universe = frames.universe.join(left, on="symbol", how="left").with_columns(end=pl.coalesce("end", "left"))

    def until_gone(rows: pl.DataFrame) -> pl.DataFrame:
        alive = pl.col("gone").is_null() | (pl.col("session") <= pl.col("gone"))
        return rows.join(gone.drop("why"), on="symbol", how="left", maintain_order="left").filter(alive).drop("gone")

    instruments = frames.instruments.join(gone, on="symbol", how="left", maintain_order="left").with_columns(
        delisted="gone", delisting_reason="why", last_session=pl.min_horizontal("last_session", "gone")
    )
    return replace(
        frames,
        bars=until_gone(frames.bars),
        indicators=until_gone(frames.indicators),
        universe=universe.drop("number", "left"),
        instruments=instruments.drop("gone", "why"),
    )


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


@dataclass(frozen=True)
class World:
    """A market with the strategy on it.

    Attributes
    ----------
    development, holdout
        Train + validation, and the holdout.
    audit
        Of the same strategy, see `audited`: whether its code looks ahead does not depend on the market.
    alphas
        Error rates that it is judged at.
    """

    configuration: Configuration
    frames: Frames
    prepared: PreparedBacktest
    development: Interval
    holdout: Interval
    audit: pl.DataFrame
    alphas: Sequence[float]


def world(
    seed: int,
    trend: float,
    audit: pl.DataFrame,
    alphas: Sequence[float] = (ALPHA,),
    departures: int = DEPARTURES,
) -> World:
    """Draw a market; `departures` symbols leave it."""
    configuration, frames, prepared = planted(seed, trend, departures)
    return World(configuration, frames, prepared, *spans(prepared), audit, alphas)


def judged(market: World) -> dict[float, Judgement]:
    """The verdict at each error rate: the grid and its trials on train + validation, everything else on the holdout."""
    return _judgements(market, _evidence(market), _resampled(market), _selected(market))


def results(market: World) -> dict[float, Result]:
    """The results of `judged`, without what they do not hang on.

    Whoever is rejected, or has too little evidence, if all that was not computed yet were flawless, is so whatever it
    turns out to be. So what is dear is computed only while it matters.
    """
    evidence = _evidence(market)
    resampled, selected = flawless_resampling(market.alphas), flawless_selection()
    found = _judgements(market, evidence, resampled, selected)
    if _is_certain(found):
        return _results_of(found)
    resampled = _resampled(market)
    found = _judgements(market, evidence, resampled, selected)
    if _is_certain(found):
        return _results_of(found)
    return _results_of(_judgements(market, evidence, resampled, _selected(market)))


def _is_certain(found: Mapping[float, Judgement]) -> bool:
    return all(each.result in ("insufficient_evidence", "reject") for each in found.values())


def _results_of(found: Mapping[float, Judgement]) -> dict[float, Result]:
    return {alpha: each.result for alpha, each in found.items()}


def flawless_resampling(alphas: Sequence[float]) -> pl.DataFrame:
    """Rows of `robustness.resampling` that pass whatever the threshold is."""
    lines = [(BOOTSTRAP, sharpe_quantile_name(alpha), math.inf) for alpha in alphas]
    lines += [(PERMUTATION, "percentile", 100.0), (PERMUTATION, "p_normal", 0.0)]
    return pl.DataFrame(
        [(STRATEGY, HOLDOUT, *line, 0) for line in lines], schema=RESAMPLING.empty().schema, orient="row"
    )


def flawless_selection() -> pl.DataFrame:
    """Rows of `robustness.overfitting` that pass whatever the threshold is."""
    lines = [(STRATEGY, name, value, 2, "") for name, value in (("dsr", 1.0), ("pbo", 0.0), ("pbo_loss", 0.0))]
    return pl.DataFrame(lines, schema=OVERFITTING.empty().schema, orient="row")


@dataclass(frozen=True)
class Evidence:
    """What the run on the holdout says by itself: rows of `robustness.stress`, and its bets."""

    stressed: pl.DataFrame
    bets: float


def _evidence(market: World) -> Evidence:
    frames, prepared, holdout = market.frames, market.prepared, market.holdout
    settings = market.configuration.robustness
    levels = benchmark_levels(frames.bars, prepared.benchmark_name, holdout.end)
    stressed = stress(
        prepared,
        holdout.start,
        holdout.end,
        split=HOLDOUT,
        months=classify_months(levels),
        scenarios=chosen(settings.model_copy(update={"stress_scenarios": []}), synthetic=True),
        scenario_inputs=ScenarioInputs(market.configuration, lambda _: frames),
        best_trades=settings.verdict.reject_best_trades,
    )
    run = stressed.base
    bars = frames.bars.filter(pl.col("session").is_between(holdout.start, holdout.end))
    bars = bars.join(run.fills.select("symbol").unique(), on="symbol", how="semi")
    return Evidence(stressed.metrics, count_bets(run.fills, run.trades, bars))


def _selected(market: World) -> pl.DataFrame:
    frames, prepared, development = market.frames, market.prepared, market.development
    configuration, settings = market.configuration, market.configuration.robustness
    found = sensitivity(
        prepared,
        grids(configuration)[STRATEGY],
        development.start,
        development.end,
        split=DEVELOPMENT,
        settings_hash=hash_settings(configuration, prepared.strategy),
        data_hash=data_hash(frames.bars_in_parts, prepared.axes.symbols, development.end),
        sharp_peak=settings.sharp_peak,
    )
    return selection(
        STRATEGY,
        with_benchmarks(
            trial_rows(found.evaluations, source="planted", run_id="planted", evaluated_at=_EVALUATED_AT),
            found.benchmarks,
        ),
        found.points.filter("chosen")["trial"][0],
        periods=prepared.periods_per_year,
        blocks=settings.cross_validation_blocks,
        config_hash=configuration.hash,
    ).statistics


def _resampled(market: World) -> pl.DataFrame:
    prepared, holdout, settings = market.prepared, market.holdout, market.configuration.robustness
    drawn = resample(
        prepared,
        holdout.start,
        holdout.end,
        split=HOLDOUT,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        permutations=settings.permutations,
        seed=market.configuration.seed,
        alpha=min(market.alphas),
    ).statistics
    run = backtest(prepared, holdout.start, holdout.end, split=HOLDOUT)
    further = (_quantile(prepared, run, drawn, alpha, settings.block_sessions) for alpha in market.alphas)
    return pl.concat([drawn, *further])


def _judgements(
    market: World, evidence: Evidence, resampled: pl.DataFrame, selected: pl.DataFrame
) -> dict[float, Judgement]:
    settings, instruments = market.configuration.robustness, market.prepared.strategy.instruments
    caps = [
        *looser_criteria(settings),
        *cheap_costs(market.configuration.costs, ["equity"]),
        *without_departures(instruments, market.frames.universe, market.development.start, market.holdout.end),
    ]
    return {
        alpha: judge(
            STRATEGY,
            statistics_of(
                evidence.stressed, resampled, selected, look_ahead=market.audit, bets=evidence.bets, alpha=alpha
            ),
            settings.verdict,
            caps,
        )
        for alpha in market.alphas
    }


def _quantile(prepared: PreparedBacktest, run: Run, drawn: pl.DataFrame, alpha: float, block: int) -> pl.DataFrame:
    """The row of a quantile that is not there yet."""
    name = sharpe_quantile_name(alpha)
    if not drawn.filter(method=BOOTSTRAP, statistic=name).is_empty():
        return drawn.clear()
    returns = settled(run.equity)["excess_return"].fill_null(0.0).to_numpy()
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
