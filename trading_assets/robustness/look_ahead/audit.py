"""Does anything know the future? Everything from bars to fills is computed again with another future.

Let F be the rows up to a close that the whole run gives, P what was on record by that close, and Q a future that is
made of P and a seed (`another_future`): other bars, on other sessions, of fewer symbols, ending earlier. At each cut
everything is computed once more from P and Q, and must give F to the bit. Then F is what anybody could have computed at
that close, who had P and could have drawn Q: it is shown, not made likely, that the real future has no part in it.
So one other future is enough, where it would take two to take the future away and to replace it by noise. What a drawn
future adds to an empty one is that it provokes: who acts differently before a crash, a hole, a split, an exclusion or
the end of a symbol is found although none of these really came.

Two things do not follow from P and Q, and are tried beside them:

- A fill at the next open needs that open. The engine runs on P and the next session, of which all but the open is
  noise, and its fills must be those of the whole run. That no decision has read that open is seen by a second run
  on P and Q, which must record the same up to the cut.
- A model follows from its training set, its settings and its seed: `fit_booster` is given nothing else. Folds, training
  sets and scores are made anew at every cut, and a model is fitted anew where its training set is another one, to the
  bit, than any before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS
from trading_assets.config import Configuration
from trading_assets.features.audit import changes
from trading_assets.features.daily import daily_features
from trading_assets.features.feature import Feature
from trading_assets.features.indicators import indicators
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.models.regimes import FEATURES as OF_REGIMES
from trading_assets.models.regimes import regimes_of_benchmarks
from trading_assets.models.run import SCORES, out_of_sample_scores, samples_and_folds
from trading_assets.models.tables import REGIMES
from trading_assets.models.training import FittedBoosters
from trading_assets.robustness.look_ahead.another_future import draw_future, followed_by
from trading_assets.robustness.look_ahead.cuts import cuts_of, seed_of
from trading_assets.robustness.look_ahead.features_again import FeaturesAgain, KnownFeatures, features_again
from trading_assets.robustness.look_ahead.next_session import (
    COLUMNS,
    run_until,
    run_whole,
    session_after,
    with_next_session,
)
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at
from trading_assets.robustness.look_ahead.what_is_read import (
    columns_named,
    columns_read,
    features_behind,
    indicators_read,
)
from trading_assets.robustness.tables import LOOK_AHEAD
from trading_assets.strategies.evaluation.decide import StrategyDecisions, decide, first_decision
from trading_assets.strategies.evaluation.inputs import Frames, panel_of
from trading_assets.strategies.interface.resolved import resolve_strategy
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS

#: How the future is replaced.
NOISE = "noise"
#: With fewer symbols a leak has few chances to show at a close: two futures are drawn.
MANY_SYMBOLS = 100
#: Column of the row that says that nothing differs.
NOTHING = "none"

#: symbol, session, fold, score.
Scores = pl.DataFrame

_KEY = ("symbol", "session")


@dataclass(frozen=True)
class History:
    """What everything follows from.

    Attributes
    ----------
    decided
        What the strategy decides from.
    traded
        What the engine runs on.
    hidden
        The same without what is true of the session after a cut; None in the whole run.
    """

    decided: MarketSnapshot
    traded: MarketSnapshot
    hidden: MarketSnapshot | None = None


@dataclass(frozen=True)
class Known:
    """What is known of the whole run at a cut: the scores of its models, by model, and its features."""

    cut: dt.date
    scores: Mapping[str, Scores]
    features: KnownFeatures


@dataclass(frozen=True)
class Computed:
    """Everything that follows from bars, of one strategy: frames by subject, each with its key.

    Attributes
    ----------
    verified
        Subjects that were compared with the whole run already, and are the same.
    next_fills
        Fills of a run that may know the next open; of the whole run all fills.
    scores
        Scores by model.
    first_decision
        First session at which the strategy and its members could decide; of the whole run alone.
    """

    frames: Mapping[str, tuple[pl.DataFrame, tuple[str, ...]]]
    verified: Set[str]
    next_fills: pl.DataFrame
    scores: Mapping[str, Scores]
    first_decision: dt.date


def look_ahead(configuration: Configuration, strategy: str, whole: MarketSnapshot, cuts: int) -> pl.DataFrame:
    """Audit one strategy.

    Parameters
    ----------
    whole
        Tables of the stage `market_data`; bars by symbol and session.
    cuts
        How many dates are drawn. The first test session of every fold of the strategy's model is one too.

    Returns
    -------
    polars.DataFrame
        Rows of `robustness.look_ahead`: for each cut and subject the columns that differ, or one that says that none
        does.

    Notes
    -----
    At a cut the fold that it lies in is scored anew; scores of earlier folds are those of the whole run, whose own cuts
    have tried them.
    """
    seed = seed_of(whole)
    fitted = {name: FittedBoosters(each, configuration.seed) for name, each in configuration.models.items()}
    read, run_on = _with_columns(whole, columns_read(configuration, strategy)), _with_columns(whole, COLUMNS)
    full = computed(configuration, strategy, History(read, run_on), None, fitted)
    every = cuts_of(
        whole.bars,
        cuts,
        seed,
        first_decision=full.first_decision,
        fills=set(full.frames["fills"][0]["session"]),
        scores=full.scores.values(),
    )

    def at_cut(turn: int, cut: dt.date) -> pl.DataFrame:
        features = full.frames["features"][0].filter(pl.col("session") <= cut)
        known = Known(cut, full.scores, KnownFeatures(features, cut, turn, len(every)))
        following = session_after(whole.bars, cut)
        of_read, of_run_on = known_at(read, cut), known_at(run_on, cut)
        traded = with_next_session(of_run_on, whole, cut, seed)
        differences = LOOK_AHEAD.empty()
        for number in range(1 if whole.bars["symbol"].n_unique() >= MANY_SYMBOLS else 2):
            future = draw_future(whole, cut, seed + number)
            hidden = followed_by(of_run_on, future.until(following))
            history = History(followed_by(of_read, future), traded, hidden)
            again = computed(configuration, strategy, history, known, fitted)
            differences = _differences(strategy, full, again, cut, following)
            if violations(differences):
                break
        return differences

    found = [at_cut(turn, cut) for turn, cut in enumerate(every)]
    rows = pl.concat(found).with_columns(config_hash=pl.lit(configuration.hash_for(strategy)))
    return LOOK_AHEAD.conform(rows).sort(LOOK_AHEAD.key)


def _with_columns(whole: MarketSnapshot, columns: Sequence[str]) -> MarketSnapshot:
    return replace(whole, bars=whole.bars.select(name for name in columns if name in whole.bars.columns))


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
        f"it looks ahead: {', '.join(found['subject'].unique().sort())} change when another future "
        f"follows; the first difference is in {what} of {first['subject']}, {first['symbol']} on "
        f"{first['session']}. No result of it can be believed, and its holdout stays closed"
    )


def computed(
    configuration: Configuration,
    strategy: str,
    history: History,
    known: Known | None,
    fitted: Mapping[str, FittedBoosters],
) -> Computed:
    """Features, scores, regimes, signals, target weights, decisions, fills and equity of a strategy from bars.

    Parameters
    ----------
    history
        Bars and all that goes with them.
    known
        None: the whole run.
    fitted
        Models by name, as far as they were fitted before.
    """
    decided, benchmarks = history.decided, configuration.benchmarks
    behind = features_behind(configuration, strategy)

    def compute(bars: pl.DataFrame, asked: Sequence[Feature]) -> pl.DataFrame:
        return daily_features(bars, benchmarks, features=asked, universe=decided.universe) if asked else DAILY.empty()

    if known is None:
        again = FeaturesAgain.of(compute(decided.bars, behind))
    else:
        named = columns_named(configuration, strategy) | {*OF_REGIMES}
        again = features_again(compute, decided.bars, behind, named, set(benchmarks.values()), known.features)
    of_bars = indicators(decided.bars, indicators_read(configuration, strategy))
    way = _Way(configuration, decided, known, fitted, again, of_bars)
    decisions = way.decided(strategy)
    frames = way.frames(strategy)

    def prepared(snapshot: MarketSnapshot) -> PreparedBacktest:
        return prepare(configuration, _traded_on(frames, snapshot, way.panels[strategy]))

    if known is None or history.hidden is None:
        unseen = run = run_whole(prepared(history.traded))
    else:
        run, unseen = run_until(prepared(history.traded), prepared(history.hidden), known.cut)
    return Computed(
        frames={
            "features": (again.of_model, _KEY),
            "indicators": (way.indicators, _KEY),
            "scores": (pl.concat([pl.DataFrame(schema=SCORES), *way.scores.values()]), _KEY),
            "regimes": (frames.regimes, REGIMES.key),
            "signals": (decisions.signals, SIGNALS.key),
            "target weights": (decisions.target_weights, TARGET_WEIGHTS.key),
            "decisions": (unseen[DECISIONS], DECISIONS.key),
            "fills": (unseen[FILLS], FILLS.key),
            # What a later bar refutes or confirms is written to the session of the move.
            "equity": (unseen[EQUITY].drop("settled_equity", "unexplained_moves"), EQUITY.key),
        },
        verified={"features"} if again.verified else set(),
        next_fills=run[FILLS],
        scores=way.scores,
        first_decision=max(way.first_decisions, default=dt.date.min),
    )


def _traded_on(frames: Frames, snapshot: MarketSnapshot, panel: pl.DataFrame) -> Frames:
    """The tables of a strategy with those that the engine runs on, and the panel that it has decided from."""
    return replace(
        frames,
        bars=snapshot.bars,
        quarantine=snapshot.quarantine,
        sessions=snapshot.sessions,
        borrow_rates=snapshot.borrow_rates,
        risk_free=snapshot.risk_free,
        panel=panel,
    )


@dataclass
class _Way:
    """From bars to what a strategy and its members decide; models are fitted once."""

    configuration: Configuration
    snapshot: MarketSnapshot
    known: Known | None
    fitted: Mapping[str, FittedBoosters]
    features: FeaturesAgain
    indicators: pl.DataFrame
    scores: dict[str, Scores] = field(default_factory=dict)
    first_decisions: list[dt.date] = field(default_factory=list)
    panels: dict[str, pl.DataFrame] = field(default_factory=dict)
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
        panel = self.panels[strategy] = panel_of(self.configuration, frames)
        decided = decide(frames.strategy, panel, self.configuration.risk)
        if self.known is None:
            self.first_decisions.append(first_decision(frames.strategy, panel))
        return decided

    def _scores(self, model: str) -> Scores:
        settings = self.configuration.models[model]
        samples, folds = samples_and_folds(
            settings,
            bars=self.snapshot.bars,
            features=self.features.of_model,
            universe=self.snapshot.universe,
            benchmark=self.configuration.benchmarks.get(settings.universe),
        )
        before = pl.DataFrame(schema=SCORES)
        if self.known is not None:
            cut = self.known.cut
            folds = [fold for fold in folds if fold.test_start <= cut <= fold.test_end]
            until = min((fold.test_start for fold in folds), default=cut + dt.timedelta(days=1))
            before = self.known.scores[model].filter(pl.col("session") < until)
        return pl.concat([before, out_of_sample_scores(samples, folds, self.fitted[model])])


def _differences(
    strategy: str, full: Computed, again: Computed, cut: dt.date, following: dt.date | None
) -> pl.DataFrame:
    lines: list[tuple[object, ...]] = []
    for subject, rows, known, key in _compared(full, again, cut, following):
        found = changes(rows, known, key).rows() or [(NOTHING, 0, None, None, None)]
        lines += [(strategy, cut, NOISE, subject, *line) for line in found]
    schema = LOOK_AHEAD.empty().drop("config_hash").schema
    return pl.DataFrame(lines, schema=schema, orient="row")


def _compared(
    full: Computed, again: Computed, cut: dt.date, following: dt.date | None
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, tuple[str, ...]]]:
    """Rows up to the cut of every subject, and the fills of the next session."""
    until = pl.col("session") <= cut
    for subject, (frame, key) in full.frames.items():
        if subject in again.verified:
            yield subject, frame.clear(), frame.clear(), key
            continue
        yield subject, frame.filter(until), again.frames[subject][0].filter(until), key
    # A delisting is booked at the close.
    next_open = (pl.col("session") == following) & (pl.col("reason") != "delisted")
    yield "fills at the next open", full.next_fills.filter(next_open), again.next_fills.filter(next_open), FILLS.key
