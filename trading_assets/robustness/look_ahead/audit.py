"""Does anything know the future? The whole way from bars to fills is gone again from what was known at past closes.

At each cut everything is computed twice more: from the bars up to it, and from all bars with those after it replaced
by noise. Whatever a session up to the cut says must be the same to the bit, and so must the fills at the next open,
whose high, low and close are noise by then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS, FULL
from trading_assets.config import Configuration
from trading_assets.features.audit import changes
from trading_assets.features.daily import daily_features, with_sources
from trading_assets.features.feature import Feature
from trading_assets.features.indicators import indicators
from trading_assets.features.own import OwnFeature, features_of, own_behind
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.models.run import SCORES, out_of_sample_scores, samples_and_folds
from trading_assets.models.tables import REGIMES
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at, with_noise_after
from trading_assets.robustness.tables import LOOK_AHEAD
from trading_assets.strategies.evaluation.decide import StrategyDecisions, decide, first_decision
from trading_assets.strategies.evaluation.inputs import Frames, panel_of
from trading_assets.strategies.interface.resolved import configured_strategy, resolve_strategy
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS

#: The two ways in which the future is taken away.
CUT, NOISE = "cut", "noise"
#: Column of the row that says that nothing differs.
NOTHING = "none"

#: symbol, session, fold, score.
Scores = pl.DataFrame

_KEY = ("symbol", "session")


@dataclass(frozen=True)
class Known:
    """What is known of the whole run at a cut: the scores of its models, by model."""

    cut: dt.date
    scores: Mapping[str, Scores]


@dataclass(frozen=True)
class Computed:
    """Everything that follows from bars, of one strategy: frames by subject, each with its key.

    Attributes
    ----------
    scores
        Scores by model.
    first_decision
        First session at which the strategy and its members could decide.
    """

    frames: Mapping[str, tuple[pl.DataFrame, tuple[str, ...]]]
    scores: Mapping[str, Scores]
    first_decision: dt.date


def look_ahead(configuration: Configuration, strategy: str, whole: MarketSnapshot, cuts: int) -> pl.DataFrame:
    """Audit one strategy.

    Parameters
    ----------
    whole
        Tables of the stage `market_data`.
    cuts
        How many dates are drawn. The first test session of every fold of the strategy's model is one too.

    Returns
    -------
    polars.DataFrame
        Rows of `robustness.look_ahead`: for each cut, way and subject the columns that differ, or one that says that
        none does.

    Notes
    -----
    A model is fitted anew at every cut for the fold that the cut lies in; scores of earlier folds are those of the
    whole run, whose own cuts have tried them.
    """
    full = computed(configuration, strategy, whole, None)
    found = []
    seed = seed_of(whole)
    for cut in _cuts(seed, whole, full, cuts):
        for way, altered in ((CUT, known_at(whole, cut)), (NOISE, with_noise_after(whole, cut, seed))):
            again = computed(configuration, strategy, altered, Known(cut, full.scores))
            found.append(_differences(strategy, full, again, cut, way))
    rows = pl.concat(found).with_columns(config_hash=pl.lit(configuration.hash_for(strategy)))
    return LOOK_AHEAD.conform(rows).sort(LOOK_AHEAD.key)


def differing(audit: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that say that something knows the future."""
    return audit.filter(pl.col("column") != NOTHING)


def violations(audit: pl.DataFrame) -> int:
    """Count the columns that know the future; 0 is clean."""
    return differing(audit).select("subject", "column").n_unique()


def in_words(audit: pl.DataFrame) -> str:
    """Say what knows the future and where it shows first; of an audit that found something."""
    found = differing(audit).sort("session", "subject", "column", "symbol", nulls_last=True)
    first = found.row(0, named=True)
    what = "rows" if first["column"] == "*" else first["column"]
    return (
        f"it looks ahead: {', '.join(found['subject'].unique().sort())} change when later bars are taken away or "
        f"replaced by noise; the first difference is in {what} of {first['subject']}, {first['symbol']} on "
        f"{first['session']}. No result of it can be believed, and its holdout stays closed"
    )


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
        first_decision=max(way.first_decisions),
    )


def features_behind(configuration: Configuration, strategy: str) -> list[Feature]:
    """Return the features that a strategy, its model or a member depends on, and those that these are computed from.

    With a model all are: it is trained on every column. With members all of the house are, for the regimes are made of
    them; of a user's own those that a member reads. What nothing reads is not computed: the code of a user's own
    features would be shown a holdout that nobody may read, and its leak would be told of a strategy that has none. The
    check `features_are_causal` tries every feature, whether anything reads it or not.
    """
    every, named = features_of(configuration), _columns_behind(configuration, strategy)
    asked = configured_strategy(configuration, strategy)
    if not asked.model and not asked.members:
        named = named & {feature.column for feature in every}
        return with_sources(named, every) if named else []
    own = {feature.column for feature in own_behind(configuration, named)}
    return [feature for feature in every if not isinstance(feature, OwnFeature) or feature.column in own]


def _columns_behind(configuration: Configuration, strategy: str) -> set[str]:
    own = configured_strategy(configuration, strategy)
    of_model = {feature.column for feature in features_of(configuration)} if own.model else set()
    return own.columns.union(of_model, *(_columns_behind(configuration, member) for member in own.members))


@dataclass
class _Way:
    """From bars to what a strategy and its members decide; models are fitted once."""

    configuration: Configuration
    snapshot: MarketSnapshot
    known: Known | None
    features: pl.DataFrame
    indicators: pl.DataFrame
    scores: dict[str, Scores] = field(default_factory=dict)
    first_decisions: list[dt.date] = field(default_factory=list)
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
        decided = decide(frames.strategy, panel, self.configuration.risk)
        self.first_decisions.append(first_decision(frames.strategy, panel))
        return decided

    def _scores(self, model: str) -> Scores:
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
        return pl.concat([before, out_of_sample_scores(samples, folds, settings, self.configuration.seed)])


def seed_of(whole: MarketSnapshot) -> int:
    """Return the seed of the cuts and of the noise: a number that the bars decide, and nobody chooses.

    With the seed of the configuration, or the strategy's name, somebody could try one after the other until no cut
    falls where the strategy knows the future.
    """
    symbols = sorted(set(whole.bars["symbol"]))
    last = whole.bars["session"].max()
    if not isinstance(last, dt.date):
        return 0
    return int(data_hash(whole.bars, symbols, last)[:16], 16)


def _cuts(seed: int, whole: MarketSnapshot, full: Computed, count: int) -> list[dt.date]:
    """Half of them anywhere since the first decision, half on the eve of a fill; and the start of every fold."""
    every = whole.bars["session"].unique().sort()
    sessions = every.filter(every >= full.first_decision).to_list()
    generator = np.random.Generator(np.random.PCG64(seed))
    fills = set(full.frames["fills"][0]["session"])
    eves = [before for before, session in pairwise(sessions) if session in fills]
    drawn = _draws(generator, sessions, eves, min(count, len(sessions)))
    folds = [scores.group_by("fold").agg(pl.col("session").min())["session"] for scores in full.scores.values()]
    return sorted({*drawn, *(start for starts in folds for start in starts if start >= sessions[0])})


def _draws(
    generator: np.random.Generator, sessions: Sequence[dt.date], eves: Sequence[dt.date], count: int
) -> set[dt.date]:
    found: set[dt.date] = set()
    while len(found) < count:
        anywhere = sessions[int(generator.integers(len(sessions)))]
        eve = eves[int(generator.integers(len(eves)))] if eves else anywhere
        found |= {anywhere, eve} if len(found) + 1 < count else {anywhere}
    return found


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
