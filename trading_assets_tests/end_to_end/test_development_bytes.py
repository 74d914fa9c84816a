"""Two markets that differ after validation alone: all that is computed for development is the same to the byte.

Bars, memberships and delistings of the holdout differ, and a symbol is listed there in one of the two, which is in the
list of what a trial could trade and in nothing else. The whole run
with every table, file and record is an acceptance test, `test_locked_holdout`; these are the functions that its steps
call, for an order-based strategy, one that sets target weights, one with members and one of the user's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, backtest, baselines_of, metrics_of, prepare
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.results.run_tables import together
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.backtests.trial_registry import hash_settings, trial_rows
from trading_assets.config import Configuration
from trading_assets.features.daily import daily_features
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.protocol.contents import content_hash
from trading_assets.protocol.trials import with_benchmarks
from trading_assets.robustness.overfitting.selection import selection
from trading_assets.robustness.resampling.resample import resample
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.robustness.sensitivity.sweep import sensitivity
from trading_assets.robustness.stress.benchmark_months import benchmark_levels, classify_months
from trading_assets.robustness.stress.run import chosen, stress
from trading_assets.robustness.stress.scenario_market import ScenarioInputs
from trading_assets.strategies.evaluation.decide import decide
from trading_assets.strategies.evaluation.inputs import Frames, panels_of
from trading_assets.strategies.tables import TARGET_WEIGHTS
from trading_assets_tests.backtests.frames import BENCHMARK, bars_of, frames_for, frames_of, loaded, weekdays

SESSIONS, HOLDOUT = 520, 400
DAYS = weekdays(SESSIONS)
CUT = DAYS[HOLDOUT]
START = DAYS[260]
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
SETTINGS: dict[str, Any] = {
    "strategies": {
        "breakout": {"type": "equity_momentum"},
        "factor": {"type": "factor", "quantiles": 2},
        "blend": {"type": "ensemble", "members": ["breakout", "factor"]},
        "own": {"type": "trading_assets_tests.robustness.watching_strategy", "last_seen": DAYS[HOLDOUT - 1]},
    },
    "robustness": {
        "resamples": 50,
        "permutations": 20,
        "cross_validation_blocks": 4,
        "stress_scenarios": ["flash_crash", "correlation_one", "dropped_bars_10pct", "unexplained_delistings"],
        "grids": {
            "breakout": {"stop_atr": [2.0, 2.5]},
            "factor": {"quantiles": [2, 5]},
            "blend": {"cost_bps": [5.0, 10.0]},
            "own": {"stop_atr": [2.0, 2.5]},
        },
    },
}


def market(future: int) -> Frames:
    """Five walks and an index, which go other ways from the holdout on for each `future`; so do their endings.

    In the first BBB leaves the universe there; in the second CCC is delisted there for a reason, and FFF is listed.
    """
    past, ahead = np.random.default_rng(0), np.random.default_rng(future)
    bars = []
    for symbol in (*SYMBOLS, BENCHMARK):
        moves = np.concatenate(
            [past.normal(0.0015, 0.015, HOLDOUT), ahead.normal(0, 0.03, SESSIONS - HOLDOUT)],
        )
        rows = bars_of(symbol, 50 * np.exp(moves.cumsum()), DAYS, "index" if symbol == BENCHMARK else "equity")
        bars.append(rows)
    left, ended = DAYS[HOLDOUT + 20], DAYS[HOLDOUT + 30]
    if future == 2:
        bars[2] = bars[2].filter(pl.col("session") <= ended)
        walk = 30 * np.exp(ahead.normal(0, 0.02, SESSIONS - HOLDOUT).cumsum())
        bars.append(bars_of("FFF", walk, DAYS[HOLDOUT:]))
    frames = frames_of(pl.concat(bars))
    universe, instruments = frames.universe, frames.instruments
    if future == 1:
        universe = universe.with_columns(end=pl.when(pl.col("symbol") == "BBB").then(pl.lit(left)).otherwise("end"))
    else:
        gone = pl.col("symbol") == "CCC"
        instruments = instruments.with_columns(
            delisted=pl.when(gone).then(pl.lit(ended)), delisting_reason=pl.when(gone).then(pl.lit("merger"))
        )
    return frames_of(pl.concat(bars), universe=universe, instruments=instruments)


def everything(configuration: Configuration, frames: Frames) -> dict[str, pl.DataFrame]:
    """Each table that the steps of development make, by name, and by strategy where it is of one."""
    before, last = pl.col("session") < CUT, DAYS[HOLDOUT - 1]
    daily = daily_features(frames.bars, configuration.benchmarks, universe=frames.universe)
    regimes = regimes_of_benchmarks(daily, [BENCHMARK], configuration.regimes, configuration.seed)
    found = {
        "daily": daily.filter(before),
        "indicators": frames.indicators.filter(before),
        "regimes": regimes.filter(before),
    }
    weights, by_name = TARGET_WEIGHTS.empty(), dict[str, Frames]()
    for name in SETTINGS["strategies"]:  # members first
        own = frames_for(configuration, name, frames)
        own = replace(own, daily=daily, regimes=regimes, target_weights=weights)
        by_name[name] = own
        decided = decide(own.strategy, panels_of(configuration, own, last), configuration.risk)
        weights = pl.concat([weights, TARGET_WEIGHTS.conform(decided.target_weights)])
        tables = {"signals": decided.signals, "target_weights": decided.target_weights}
        tables |= of_development(configuration, by_name, prepare(configuration, own, last))
        found |= {f"{table} of {name}": frame for table, frame in tables.items()}
    return found


def of_development(
    configuration: Configuration, by_name: Mapping[str, Frames], prepared: PreparedBacktest
) -> dict[str, pl.DataFrame]:
    """Tables of the backtest, the grid, what is told of its trials, resampling and stress, from START on."""
    frames = by_name[prepared.name]
    last, settings, name = DAYS[HOLDOUT - 1], configuration.robustness, prepared.name
    run = backtest(prepared, START, last, split=DEVELOPMENT)
    levels = benchmark_levels(frames.bars, prepared.benchmark_name, last)
    settings_hash = hash_settings(configuration, prepared.strategy)
    traded = [*prepared.strategy.symbols, BENCHMARK]
    grid = sensitivity(
        prepared,
        grids(configuration)[name],
        START,
        last,
        split=DEVELOPMENT,
        settings_hash=settings_hash,
        data_hash=data_hash(frames.bars_in_parts, traded, last),
        sharp_peak=settings.sharp_peak,
    )
    trials = trial_rows(grid.evaluations, source="sweep", run_id="run", evaluated_at=dt.datetime(2030, 1, 1))
    chosen_trial = grid.points.filter("chosen")["trial"][0]
    selected = selection(
        name,
        with_benchmarks(trials, grid.benchmarks),
        chosen_trial,
        periods=prepared.periods_per_year,
        blocks=settings.cross_validation_blocks,
        config_hash=configuration.hash,
    )
    drawn = resample(
        prepared,
        START,
        last,
        split=DEVELOPMENT,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        permutations=settings.permutations,
        seed=configuration.seed,
    )
    stressed = stress(
        prepared,
        START,
        last,
        split=DEVELOPMENT,
        months=classify_months(levels),
        scenarios=chosen(settings, synthetic=True),
        scenario_inputs=ScenarioInputs(configuration, by_name.__getitem__),
        best_trades=settings.verdict.reject_best_trades,
    )
    return {
        **{table.name: frame for table, frame in together([run]).items()},
        "metrics": metrics_of(prepared, run),
        "baselines": baselines_of(prepared, run),
        "sensitivity": grid.points,
        "summary": grid.summary,
        "choices": grid.choices,
        "heatmaps": grid.heatmaps,
        "trials": trials,
        "trial benchmarks": grid.benchmarks,
        "overfitting": selected.statistics,
        "logits": selected.logits,
        "resampling": drawn.statistics,
        "bands": drawn.bands,
        "stress": stressed.metrics,
        "stress equity": stressed.equity,
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    configuration = loaded(tmp_path_factory.mktemp("bytes"), **SETTINGS)
    return everything(configuration, market(1)), everything(configuration, market(2))


def test_the_two_markets_differ_from_the_first_session_of_the_holdout_on() -> None:
    one, two = (market(future).bars for future in (1, 2))
    before = pl.col("session") < CUT
    assert one.filter(before).equals(two.filter(before))
    both = one.filter(~before).join(two.filter(~before), on=["symbol", "session"])
    assert (both["close"] != both["close_right"]).all()


@pytest.mark.slow
def test_whatever_is_computed_for_development_is_the_same_to_the_byte(
    both: tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]],
) -> None:
    one, two = both
    assert one.keys() == two.keys()
    for name in SETTINGS["strategies"]:
        assert one[f"backtests.fills of {name}"].height > 5, name
        assert one[f"trials of {name}"].height >= 2, name
    differing = [name for name in one if content_hash(unnamed(one[name])) != content_hash(unnamed(two[name]))]
    assert differing == []


def unnamed(table: pl.DataFrame) -> pl.DataFrame:
    """A table without the names of what was tried on, in which the symbol is that is listed in the holdout."""
    names = [name for name in ("trial", "symbols") if name in table.columns]
    rest = table.drop(names)
    return rest.sort(pl.struct(pl.all()).hash()) if names else rest
