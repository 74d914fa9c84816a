"""What a stress scenario makes of a strategy's market: other bars first, then other costs, delays and crashes.

From other bars everything is computed anew that the strategy looks at: indicators, the features that it names, the
target weights of its members, its signals. Two things stay as they were published: the scores of a model (it is not
trained again) and the regimes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.backtests.perturbations import stressed, with_crashes
from trading_assets.config import Configuration
from trading_assets.config.robustness import StressScenario
from trading_assets.config.sections import Interval
from trading_assets.features.daily import daily_features, with_sources
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.indicators import indicators
from trading_assets.features.own import features_of
from trading_assets.robustness.stress.bar_shocks import with_one_factor, with_shock, without_random_bars
from trading_assets.robustness.stress.unexplained_endings import with_unexplained_delistings
from trading_assets.strategies.evaluation.decide import decide
from trading_assets.strategies.evaluation.inputs import Frames, panel_of


@dataclass(frozen=True)
class ScenarioInputs:
    """Where scenarios take place.

    Attributes
    ----------
    frames_of
        The tables that a strategy of the configuration reads, by its name.
    """

    configuration: Configuration
    frames_of: Callable[[str], Frames]


def apply_scenario(
    scenario: StressScenario, prepared: PreparedBacktest, scenario_inputs: ScenarioInputs, start: dt.date, end: dt.date
) -> PreparedBacktest:
    """Return the strategy in the scenario, for a run from `start` to `end`; bars after `end` have no part in it.

    Parameters
    ----------
    scenario, prepared
        What is changed, and the backtest without it.
    scenario_inputs
        Configuration and tables, for scenarios in which signals are computed anew.
    start, end
        First and last session of the run.
    """
    if scenario.drop_bars or scenario.correlation_one or scenario.shock:
        frames = changed_frames(scenario, prepared.name, scenario_inputs, end)
        prepared = prepare(scenario_inputs.configuration, frames)
    prepared = stressed(
        prepared, slippage=scenario.slippage, fees=scenario.fees, borrow=scenario.borrow, delay=scenario.delay
    )
    if scenario.unexplained_delistings:
        instruments = scenario_inputs.frames_of(prepared.name).instruments
        prepared = with_unexplained_delistings(
            prepared, instruments, end, scenario_inputs.configuration.risk.delisting_sessions
        )
    crashes = scenario.crash_sessions
    if crashes == "none":
        return prepared
    if crashes == "quarterly":
        crashes = one_a_quarter(prepared.axes.sessions, start, end, scenario_inputs.configuration.seed)
    return with_crashes(prepared, crashes)


def changed_frames(scenario: StressScenario, name: str, scenario_inputs: ScenarioInputs, end: dt.date) -> Frames:
    """Return what a strategy reads, up to `end`, from the scenario's bars.

    Spikes of the quarantine are left out where prices are others: they were spikes beside the prices that came.

    Parameters
    ----------
    scenario, scenario_inputs
        What is changed, and the tables without it.
    name
        Name of the strategy; what its members decide from the changed bars is changed, too.
    end
        Last session of the bars.
    """
    frames = scenario_inputs.frames_of(name)
    symbols = frames.strategy.symbols
    bars = frames.bars.filter(pl.col("session") <= end)
    if scenario.correlation_one:
        bars = with_one_factor(bars, symbols)
    if scenario.shock:
        bars = with_shock(bars, scenario.shock.session, scenario.shock.move)
    if scenario.drop_bars:
        bars = without_random_bars(bars, symbols, scenario.drop_bars, scenario_inputs.configuration.seed)
    named = [column for column in frames.daily.columns if column not in ("symbol", "session")]
    daily = frames.daily
    if named:
        benchmarks = scenario_inputs.configuration.benchmarks
        features = with_sources(named, features_of(scenario_inputs.configuration))
        daily = daily_features(bars, benchmarks, features, universe=frames.universe)
        daily = daily.select("symbol", "session", *named)
    repriced = scenario.correlation_one or scenario.shock is not None
    changed = replace(
        frames,
        bars=bars,
        quarantine=frames.quarantine.clear() if repriced else frames.quarantine,
        indicators=indicators(bars.select(*BAR_COLUMNS)),
        daily=daily,
    )
    members = [_target_weights(scenario, member, scenario_inputs, end) for member in frames.strategy.members]
    return replace(changed, target_weights=pl.concat(members)) if members else changed


def one_a_quarter(sessions: Sequence[dt.date], start: dt.date, end: dt.date, seed: int) -> list[dt.date]:
    """Draw one session of every calendar quarter of a span, by seed and quarter.

    Parameters
    ----------
    sessions
        Ascending; those outside of the span are left out.
    start, end
        First and last session of the span.
    """
    quarters: dict[tuple[int, int], list[dt.date]] = {}
    for session in sessions:
        if start <= session <= end:
            quarters.setdefault((session.year, (session.month - 1) // 3), []).append(session)
    return [
        days[int(np.random.Generator(np.random.PCG64([seed, *quarter])).integers(len(days)))]
        for quarter, days in quarters.items()
    ]


def span_of(window: Interval | None, earliest: dt.date, start: dt.date, end: dt.date) -> Interval | None:
    """Return the sessions of a scenario's run: those of its window if it has one, else those of the split.

    Parameters
    ----------
    earliest
        Where a window may begin: before train everything is open to everyone.
    start, end
        The span of the split.

    Returns
    -------
    None where the window is not there from its first month to its last.
    """
    if window is None:
        return Interval(start=start, end=end)
    first, last = max(window.start, earliest), min(window.end, end)
    there = _month(first) == _month(window.start) and _month(last) == _month(window.end)
    return Interval(start=first, end=last) if there and first <= last else None


def _month(day: dt.date) -> tuple[int, int]:
    return day.year, day.month


def _target_weights(scenario: StressScenario, name: str, scenario_inputs: ScenarioInputs, end: dt.date) -> pl.DataFrame:
    frames = changed_frames(scenario, name, scenario_inputs, end)
    panel = panel_of(scenario_inputs.configuration, frames)
    return decide(frames.strategy, panel, scenario_inputs.configuration.risk).target_weights
