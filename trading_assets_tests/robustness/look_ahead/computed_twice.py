"""The look-ahead audit as it is meant: at each cut everything is computed twice more, once from what was known and once
from all bars with those after it replaced by noise. Slow, and without a shortcut: the oracle of the audit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS, FULL
from trading_assets.config import Configuration
from trading_assets.features.audit import changes
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.models.fits import FittedModels
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.models.run import SCORES, out_of_sample_scores, samples_and_folds
from trading_assets.models.tables import REGIMES
from trading_assets.models.training import Learner
from trading_assets.robustness.look_ahead.audit import NOTHING
from trading_assets.robustness.look_ahead.cuts import seed_of
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at, with_noise_after
from trading_assets.robustness.look_ahead.what_is_read import features_behind
from trading_assets.robustness.tables import LOOK_AHEAD
from trading_assets.strategies.evaluation.decide import StrategyDecisions, decide
from trading_assets.strategies.evaluation.inputs import Frames, panel_of
from trading_assets.strategies.interface.resolved import resolve_strategy
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS

#: The two ways in which the future is taken away.
CUT, NOISE = "cut", "noise"

_KEY = ("symbol", "session")


@dataclass(frozen=True)
class Known:
    """What is known of the whole run at a cut: the scores of its models, by model."""

    cut: dt.date
    scores: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Computed:
    """Everything that follows from bars, of one strategy: frames by subject, each with its key.

    Attributes
    ----------
    scores
        pl.DataFrame by model.
    first_decision
        First session at which the strategy and its members could decide.
    """

    frames: Mapping[str, tuple[pl.DataFrame, tuple[str, ...]]]
    scores: Mapping[str, pl.DataFrame]


def look_ahead_twice(
    configuration: Configuration, strategy: str, whole: MarketSnapshot, cuts: Sequence[dt.date]
) -> pl.DataFrame:
    """Rows as of `audit.look_ahead`, of given cuts and of both ways."""
    full = computed(configuration, strategy, whole, None)
    found, seed = [], seed_of(whole)
    for cut in cuts:
        for way, altered in ((CUT, known_at(whole, cut)), (NOISE, with_noise_after(whole, cut, seed))):
            again = computed(configuration, strategy, altered, Known(cut, full.scores))
            found.append(_differences(strategy, full, again, cut, way))
    return pl.concat(found)


def computed(configuration: Configuration, strategy: str, snapshot: MarketSnapshot, known: Known | None) -> Computed:
    """Features, scores, regimes, signals, target weights, decisions, fills and equity of a strategy from bars.

    Parameters
    ----------
    known
        None: the whole run.
    """
    behind = features_behind(configuration, strategy)
    benchmarks, universe = configuration.benchmarks, snapshot.universe
    features = DAILY.empty()
    if behind:
        features = daily_features(snapshot.bars, benchmarks, features=behind, universe=universe)
    way = _Way(configuration, snapshot, known, features, indicators(snapshot.bars))
    frames, decided = way.frames(strategy), way.decided(strategy)
    prepared = prepare(configuration, frames)
    run = backtest(prepared, prepared.axes.sessions[0], prepared.axes.sessions[-1], split=FULL)
    return Computed(
        frames={
            "features": (features, _KEY),
            "indicators": (way.indicators, _KEY),
            "scores": (pl.concat([pl.DataFrame(schema=SCORES), *way.scores.values()]), _KEY),
            "regimes": (frames.regimes, REGIMES.key),
            "signals": (decided.signals, SIGNALS.key),
            "target weights": (decided.target_weights, TARGET_WEIGHTS.key),
            "decisions": (run.decisions, DECISIONS.key),
            "fills": (run.fills, FILLS.key),
            # What a later bar refutes or confirms is written to the session of the move.
            "equity": (run.equity.drop("settled_equity", "unexplained_moves"), EQUITY.key),
        },
        scores=way.scores,
    )


@dataclass
class _Way:
    """From bars to what a strategy and its members decide; models are fitted once."""

    configuration: Configuration
    snapshot: MarketSnapshot
    known: Known | None
    features: pl.DataFrame
    indicators: pl.DataFrame
    scores: dict[str, pl.DataFrame] = field(default_factory=dict)
    _frames: dict[str, Frames] = field(default_factory=dict)

    def frames(self, strategy: str) -> Frames:
        """What a strategy reads."""
        if strategy not in self._frames:
            self._frames[strategy] = self._read(strategy)
        return self._frames[strategy]

    def _read(self, strategy: str) -> Frames:
        configuration = self.configuration
        own = resolve_strategy(configuration, strategy, self.snapshot.instruments)
        named, model = own.columns - {*INDICATORS.columns}, own.model
        if model and model not in self.scores:
            self.scores[model] = self._scores(model)
        scores = self.scores[model] if model else pl.DataFrame(schema=SCORES)
        frames = Frames(
            strategy=own,
            bars=self.snapshot.bars,
            quarantine=self.snapshot.quarantine,
            sessions=self.snapshot.sessions,
            instruments=self.snapshot.instruments,
            indicators=self.indicators,
            daily=self.features.select(name for name in self.features.columns if name in named or name in _KEY),
            predictions=scores.select("symbol", "session", "score"),
            universe=self.snapshot.universe,
            borrow_rates=self.snapshot.borrow_rates,
            risk_free=self.snapshot.risk_free,
        )
        if not own.members:
            return frames
        weights = pl.concat(self.decided(member).target_weights for member in own.members)
        benchmarks = list(configuration.benchmarks.values())
        regimes = regimes_of_benchmarks(self.features, benchmarks, configuration.regimes, configuration.seed)
        return replace(frames, target_weights=weights, regimes=regimes)

    def decided(self, strategy: str) -> StrategyDecisions:
        """What a strategy decides."""
        frames = self.frames(strategy)
        panel = panel_of(self.configuration, frames)
        return decide(frames.strategy, [panel], self.configuration.risk)

    def _scores(self, model: str) -> pl.DataFrame:
        settings = self.configuration.models[model]
        samples, folds = samples_and_folds(
            settings,
            bars=self.snapshot.bars,
            features=self.features,
            universe=self.snapshot.universe,
            benchmark=self.configuration.benchmarks.get(settings.universe),
        )
        before = pl.DataFrame(schema=SCORES)
        if self.known is not None:
            cut = self.known.cut
            folds = [fold for fold in folds if fold.test_start <= cut <= fold.test_end]
            until = min((fold.test_start for fold in folds), default=cut + dt.timedelta(days=1))
            before = self.known.scores[model].filter(pl.col("session") < until)
        return pl.concat(
            [before, out_of_sample_scores(samples, folds, FittedModels(Learner(settings, self.configuration.seed)))]
        )


def _differences(strategy: str, full: Computed, again: Computed, cut: dt.date, way: str) -> pl.DataFrame:
    lines: list[tuple[object, ...]] = []
    for subject, rows, known, key in _compared(full, again, cut, way):
        found = changes(rows, known, key).rows() or [(NOTHING, 0, None, None, None)]
        lines += [(strategy, cut, way, subject, *line) for line in found]
    schema = LOOK_AHEAD.empty().drop("config_hash").schema
    return pl.DataFrame(lines, schema=schema, orient="row")


def _compared(
    full: Computed, again: Computed, cut: dt.date, way: str
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, tuple[str, ...]]]:
    """Rows up to the cut of every subject, and the fills of the next session."""
    until = pl.col("session") <= cut
    for subject, (frame, key) in full.frames.items():
        yield subject, frame.filter(until), again.frames[subject][0].filter(until), key
    if way == NOISE:
        bars, _ = full.frames["indicators"]
        following = bars.filter(~until)["session"].min()
        # A delisting is booked at the close.
        next_open = (pl.col("session") == following) & (pl.col("reason") != "delisted")
        fills, key = full.frames["fills"]
        yield "fills at the next open", fills.filter(next_open), again.frames["fills"][0].filter(next_open), key
