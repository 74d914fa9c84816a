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
from trading_assets.features.feature import Feature
from trading_assets.features.history import BAR_COLUMNS
from trading_assets.features.indicators import indicators
from trading_assets.features.own import OwnFeature, features_of
from trading_assets.robustness.stress.bar_shocks import common_factor, with_one_factor, with_shock, without_random_bars
from trading_assets.robustness.stress.unexplained_endings import with_unexplained_delistings
from trading_assets.strategies.evaluation.decide import decide
from trading_assets.strategies.evaluation.inputs import Frames, panels_of
from trading_assets.strategies.evaluation.market_rows import MarketRows, RowsAside


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
    configuration, frames = scenario_inputs.configuration, scenario_inputs.frames_of(name)
    features = with_sources(frames.strategy.features, features_of(configuration)) if frames.strategy.features else []
    if any(feature.scope == "session" or isinstance(feature, OwnFeature) for feature in features):
        frames = frames.whole()  # what is true of one symbol follows from others
    factor = None
    if scenario.correlation_one:
        until = (bars.filter(pl.col("session") <= end) for bars in frames.bars_in_parts)
        factor = common_factor(until, frames.strategy.symbols)
    change = _Change(scenario, configuration, frames, features, end, factor)
    repriced = scenario.correlation_one or scenario.shock is not None
    of_frames = change(frames.rows)
    changed = replace(
        frames,
        bars=of_frames.bars,
        quarantine=frames.quarantine.clear() if repriced else frames.quarantine,
        indicators=of_frames.indicators,
        daily=of_frames.daily,
        parts=None if frames.parts is None else RowsAside(map(change, frames.parts), frames.parts.folder),
    )
    members = [_target_weights(scenario, member, scenario_inputs, end) for member in frames.strategy.members]
    return replace(changed, target_weights=pl.concat(members)) if members else changed


@dataclass(frozen=True)
class _Change:
    """What a scenario makes of the rows of some symbols.

    Attributes
    ----------
    features
        Those that the strategy names, and what these are computed from.
    end
        Last session of the bars.
    factor
        See `common_factor`; None where the correlations stay.
    """

    scenario: StressScenario
    configuration: Configuration
    frames: Frames
    features: Sequence[Feature]
    end: dt.date
    factor: pl.DataFrame | None

    def __call__(self, rows: MarketRows) -> MarketRows:
        bars = self._bars(rows.bars)
        daily = rows.daily
        if self.features:
            own = pl.col("symbol").is_in(bars["symbol"].unique().implode())
            both = pl.concat([bars, self._bars(self.frames.bars.filter(~own))])
            frames = self.frames
            daily = daily_features(
                both,
                self.configuration.benchmarks,
                self.features,
                universe=frames.universe,
                publications=frames.publications,
            )
            daily = daily.select("symbol", "session", *self.frames.strategy.features)
            daily = daily.filter(own)
        return rows._replace(bars=bars, indicators=indicators(bars.select(*BAR_COLUMNS)), daily=daily)

    def _bars(self, bars: pl.DataFrame) -> pl.DataFrame:
        scenario, symbols = self.scenario, self.frames.strategy.symbols
        bars = bars.filter(pl.col("session") <= self.end)
        if self.factor is not None:
            bars = with_one_factor(bars, symbols, self.factor)
        if scenario.shock:
            bars = with_shock(bars, scenario.shock.session, scenario.shock.move)
        if scenario.drop_bars:
            bars = without_random_bars(bars, symbols, scenario.drop_bars, self.configuration.seed)
        return bars


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
    panels = panels_of(scenario_inputs.configuration, frames)
    return decide(frames.strategy, panels, scenario_inputs.configuration.risk).target_weights
