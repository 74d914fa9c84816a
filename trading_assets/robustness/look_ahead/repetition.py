"""What a strategy decides from another history, computed from its bars: features, scores, panel, decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.daily import daily_features
from trading_assets.features.feature import Feature
from trading_assets.features.indicators import indicators
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.models.champions import succession_of
from trading_assets.models.entries import Entries, entries_of
from trading_assets.models.fits import FittedModels
from trading_assets.models.regimes import FEATURES as OF_REGIMES
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.models.run import SCORES, out_of_sample_scores, samples_and_folds
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.tables import REGIMES
from trading_assets.protocol.decisions import HandDecision
from trading_assets.robustness.look_ahead.features_again import FeaturesAgain, KnownFeatures, features_again
from trading_assets.robustness.look_ahead.levels_in_parts import Levels
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.look_ahead.what_is_read import (
    columns_named,
    features_behind,
    indicators_read,
)
from trading_assets.strategies.evaluation.decide import StrategyDecisions, decide, first_decision
from trading_assets.strategies.evaluation.inputs import Frames, panels_of
from trading_assets.strategies.evaluation.market_rows import RowParts
from trading_assets.strategies.interface.resolved import resolve_strategy
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS

#: Columns of `SCORES`.
Scores = pl.DataFrame

_KEY = ("symbol", "session")
#: Rows by subject, each with its key.
Subjects = Mapping[str, tuple[pl.DataFrame, tuple[str, ...]]]


@dataclass(frozen=True)
class Known:
    """What is known of the whole run at a cut: the scores of its models, by model, its features, and its levels."""

    cut: dt.date
    scores: Mapping[str, Scores]
    features: KnownFeatures
    levels: RowParts | None


@dataclass
class Repetition:
    """From bars to what a strategy and its members decide; models are fitted once.

    Attributes
    ----------
    scores, candidates
        Scores that strategies read, by model or champion; those of every model behind them.
    levels
        Of a snapshot in parts the bars, indicators and features of some symbols at a time.
    differing
        Of these by subject what differs from those of the whole run, see `features.audit.changes`; empty if this is it.
    """

    configuration: Configuration
    strategy: str
    snapshot: MarketSnapshot
    known: Known | None
    fitted: Mapping[str, FittedModels]
    features: FeaturesAgain
    indicators: pl.DataFrame
    by_hand: Sequence[HandDecision] = ()
    scores: dict[str, Scores] = field(default_factory=dict)
    candidates: dict[str, Scores] = field(default_factory=dict)
    first_decisions: list[dt.date] = field(default_factory=list)
    panels: dict[str, Iterable[pl.DataFrame]] = field(default_factory=dict)
    levels: RowParts | None = None
    differing: dict[str, pl.DataFrame] = field(default_factory=dict)
    _frames: dict[str, Frames] = field(default_factory=dict)
    _primaries: dict[str, Entries] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        strategy: str,
        snapshot: MarketSnapshot,
        known: Known | None,
        fitted: Mapping[str, FittedModels],
        by_hand: Sequence[HandDecision] = (),
    ) -> Repetition:
        """Compute the features and indicators that the strategy depends on.

        Parameters
        ----------
        configuration, strategy
            Configuration, and the name of the strategy.
        snapshot
            What everything follows from.
        known
            What the whole run gave; None: this is the whole run.
        fitted
            Models by name, as far as they were fitted before.
        by_hand
            Decisions by hand on the champions that the strategy reads, oldest first: what a person said on a day is
            true of that day in every history.
        """
        bars, benchmarks, behind = snapshot.bars, configuration.benchmarks, features_behind(configuration, strategy)

        def compute(bars: pl.DataFrame, asked: Sequence[Feature]) -> pl.DataFrame:
            if not asked:
                return DAILY.empty()
            return daily_features(
                bars, benchmarks, asked, universe=snapshot.universe, publications=snapshot.publications
            )

        of_bars = indicators(bars, indicators_read(configuration, strategy))
        if snapshot.parts is not None:
            levels = Levels(configuration, strategy, snapshot, partial(compute, asked=behind))
            aside, differing = levels.put_aside(*((None, None) if known is None else (known.cut, known.levels)))
            none = FeaturesAgain.of(DAILY.empty())
            made = cls(configuration, strategy, snapshot, known, fitted, none, of_bars, by_hand)
            return replace(made, levels=aside, differing=differing)
        if known is None:
            features = FeaturesAgain.of(compute(bars, behind))
        else:
            named = columns_named(configuration, strategy) | {*OF_REGIMES}
            features = features_again(compute, bars, behind, named, set(benchmarks.values()), known.features)
        return cls(configuration, strategy, snapshot, known, fitted, features, of_bars, by_hand)

    @property
    def verified(self) -> Set[str]:
        """Subjects that were compared with the whole run already, and are the same."""
        return {"features"} if self.features.verified else set()

    def decided_frames(self) -> Subjects:
        """Return what the strategy decides, and all that it decides from, by subject."""
        decisions, frames = self.decided(self.strategy), self.frames(self.strategy)
        levels = {"features": (self.features.of_model, _KEY), "indicators": (self.indicators, _KEY)}
        return {
            **(levels if self.levels is None else {}),
            "scores": (pl.concat([pl.DataFrame(schema=SCORES), *self.scores.values()]), _KEY),
            "regimes": (frames.regimes, REGIMES.key),
            "signals": (decisions.signals, SIGNALS.key),
            "target weights": (decisions.target_weights, TARGET_WEIGHTS.key),
        }

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
        known = self.features.named
        frames = Frames(
            strategy=own,
            bars=self.snapshot.bars,
            quarantine=self.snapshot.quarantine,
            sessions=self.snapshot.sessions,
            instruments=self.snapshot.instruments,
            indicators=self.indicators,
            daily=known.select(name for name in known.columns if name in named or name in _KEY),
            predictions=scores.select("symbol", "session", "score"),
            universe=self.snapshot.universe,
            borrow_rates=self.snapshot.borrow_rates,
            risk_free=self.snapshot.risk_free,
            parts=self.levels,
        )
        if not own.members:
            return frames
        weights = pl.concat(self.decided(member).target_weights for member in own.members)
        benchmarks = list(configuration.benchmarks.values())
        regimes = regimes_of_benchmarks(self.features.named, benchmarks, configuration.regimes, configuration.seed)
        return replace(frames, target_weights=weights, regimes=regimes)

    def decided(self, strategy: str) -> StrategyDecisions:
        """What a strategy decides."""
        frames = self.frames(strategy)
        panels = self.panels[strategy] = panels_of(self.configuration, frames)
        decided = decide(frames.strategy, panels, self.configuration.risk)
        if self.known is None:
            self.first_decisions.append(first_decision(frames.strategy, panels))
        return decided

    def _scores(self, model: str) -> Scores:
        if model in self.configuration.champions:
            return self._of_champion(model)
        if model not in self.candidates:
            self.candidates[model] = self._of_model(model)
        return self.candidates[model]

    def _of_champion(self, champion: str) -> Scores:
        """What is traded: who was champion when is decided anew, by labels and scores of this history."""
        candidates = self.configuration.candidates_of(champion)
        scores = {each: self._scores(each) for each in candidates}
        samples, folds = self._samples(candidates[0], self.features.of_model.select(_KEY))  # labels are enough
        by_hand = [each for each in self.by_hand if each.champion == champion]
        return succession_of(self.configuration, champion, samples, folds, scores, by_hand).traded(scores)

    def _samples(self, model: str, features: pl.DataFrame) -> tuple[Samples, list[Fold]]:
        settings = self.configuration.models[model]
        return samples_and_folds(
            settings,
            bars=self.snapshot.bars,
            features=features,
            universe=self.snapshot.universe,
            benchmark=self.configuration.benchmarks.get(settings.universe),
            entries=None if settings.primary is None else self._entries(settings.primary),
        )

    def _entries(self, primary: str) -> Entries:
        """Where a primary enters, decided anew from this history."""
        if primary not in self._primaries:
            self._primaries[primary] = entries_of(self.decided(primary).signals)
        return self._primaries[primary]

    def _of_model(self, model: str) -> Scores:
        samples, folds = self._samples(model, self.features.of_model)
        before = pl.DataFrame(schema=SCORES)
        if self.known is not None:
            cut = self.known.cut
            folds = [fold for fold in folds if fold.test_start <= cut <= fold.test_end]
            until = min((fold.test_start for fold in folds), default=cut + dt.timedelta(days=1))
            before = self.known.scores[model].filter(pl.col("session") < until)
        return out_of_sample_scores(samples, folds, self.fitted[model], before)
