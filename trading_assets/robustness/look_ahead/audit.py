"""Does anything know the future? Everything from bars to fills is computed again with another future.

Let F be the rows up to a close that the whole run gives, and P what was on record by that close. At each cut everything
is computed once more with nothing after P, and once with a future Q that is drawn (`another_future`): other bars, on
other sessions, of fewer symbols, ending earlier. Both must give F to the bit. Each finds what the other one misses:

- Nothing after P (`cut`) finds who asks whether there is a future: labels that are known, bars left, a month that is
  complete. Half of the cuts are the eves of fills, where such a leak has said yes. Features, scores, regimes, signals
  and target weights are compared; what the engine makes of them follows.
- A drawn future (`noise`) finds who is silent where there is none, and provokes: who acts differently before a crash, a
  hole, a split, an exclusion or the end of a symbol is found although none of these really came. Q is made of P, a seed
  and the calendar; of the real future it takes the date of the last bar, before which it ends, and the seed's hash.

It is a test, whose power lies in the number of cuts: a leak that gives the same answer with the real future, with none
and with a drawn one at every cut is not found.

Two things do not follow from P and Q, and are tried beside them:

- A fill at the next open needs that open. The engine runs on P and the next session, whose other prices are noise: its
  fills must be those of the whole run. A second run on P and Q, which must record the same, has not that open.
- A model follows from its training set, its settings and its seed: `Learner.fit` is given nothing else. Folds, training
  sets and scores are made anew at every cut, and a model is fitted anew where its training set is another one, to the
  bit, than any on record. A user's own modules, which may be no functions of what they learn from, always are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest, prepare
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS
from trading_assets.config import Configuration
from trading_assets.features.audit import changes
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS
from trading_assets.models.fits import FittedModels, with_one_doubted
from trading_assets.models.training import learner_of
from trading_assets.parallel.workers import IN_PROCESS, Workers
from trading_assets.protocol.decisions import HandDecision
from trading_assets.robustness.look_ahead.another_future import draw_future, followed_by
from trading_assets.robustness.look_ahead.cuts import cuts_of, seed_of
from trading_assets.robustness.look_ahead.features_again import KnownFeatures
from trading_assets.robustness.look_ahead.next_session import (
    COLUMNS,
    run_until,
    run_whole,
    session_after,
    with_next_session,
)
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at
from trading_assets.robustness.look_ahead.repetition import Known, Repetition, Scores, Subjects
from trading_assets.robustness.look_ahead.what_is_read import (
    columns_read,
)
from trading_assets.robustness.tables import LOOK_AHEAD
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.evaluation.market_rows import MarketRows, RowParts
from trading_assets.strategies.interface.resolved import resolve_strategy

#: How the future is replaced: by nothing, or by one that is drawn.
CUT, NOISE = "cut", "noise"
#: Of a strategy with fewer symbols a leak has few chances to show at a close: two futures are drawn.
MANY_SYMBOLS = 100
#: Columns of the bars that noise takes the place of, whoever reads them.
NOISY = ("adj_open", "adj_high", "adj_low", "dollar_volume")
#: Column of the row that says that nothing differs.
NOTHING = "none"


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
class Computed:
    """Everything that follows from bars, of one strategy: frames by subject, each with its key.

    Attributes
    ----------
    verified
        Subjects that were compared with the whole run already, and are the same.
    differing
        By subject what differs of those that were compared with it part by part.
    levels
        Of a market in parts bars, indicators and features of some symbols at a time.
    next_fills
        Fills of a run that may know the next open; of the whole run all fills.
    scores
        Scores by model and champion.
    first_decision
        First session at which the strategy and its members could decide; of the whole run alone.
    """

    frames: Subjects
    verified: Set[str]
    differing: Mapping[str, pl.DataFrame]
    levels: RowParts | None
    next_fills: pl.DataFrame
    scores: Mapping[str, Scores]
    first_decision: dt.date


@dataclass(frozen=True)
class _Audit:
    """What is the same at every cut.

    Attributes
    ----------
    whole
        Tables of the stage `market_data`, with columns that anything reads.
    of_decisions
        Columns of the bars that the strategy decides from.
    full
        What follows from the whole history.
    days
        Sessions with a bar, ascending.
    cuts
        How many there are.
    futures
        How many are drawn at a cut.
    fitted
        Models by name, as far as they were fitted before; at a cut more are.
    by_hand
        Decisions by hand on champions.
    """

    configuration: Configuration
    strategy: str
    whole: MarketSnapshot
    of_decisions: Sequence[str]
    full: Computed
    days: pl.Series
    seed: int
    cuts: int
    futures: int
    fitted: Mapping[str, FittedModels]
    by_hand: Sequence[HandDecision]


def look_ahead(
    configuration: Configuration,
    strategy: str,
    whole: MarketSnapshot,
    cuts: int,
    workers: Workers = IN_PROCESS,
    kept: Mapping[str, Mapping[str, bytes]] | None = None,
    by_hand: Sequence[HandDecision] = (),
) -> pl.DataFrame:
    """Audit one strategy.

    Parameters
    ----------
    whole
        Tables of the stage `market_data`; bars by symbol and session.
    cuts
        How many dates are drawn. The first test session of every fold of the strategy's model is one too.
    workers
        Who audits the cuts.
    kept
        Models that were fitted before by what they were made of, by name of the model; see `kept_fits`.
    by_hand
        Decisions by hand on the champions that the strategy reads, see `decisions_behind`.

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
    fitted = {
        name: with_one_doubted(learner_of(configuration, name), (kept or {}).get(name, {}), seed)
        for name in configuration.models
    }
    of_decisions = columns_read(configuration, strategy)
    whole = _with_columns(whole, [name for name in BARS.columns if name in {*of_decisions, *COLUMNS, *NOISY}])
    read, run_on = _with_columns(whole, of_decisions), _with_columns(whole, COLUMNS)
    full = computed(configuration, strategy, History(read, run_on), None, fitted, by_hand)
    del read, run_on
    every = cuts_of(
        whole.days,
        cuts,
        seed,
        first_decision=full.first_decision,
        fills=set(full.frames["fills"][0]["session"]),
        scores=full.scores.values(),
    )
    acting = {
        symbol
        for name in configuration.behind(strategy)
        for symbol in resolve_strategy(configuration, name, whole.instruments).symbols
    }
    futures = 1 if len(acting) >= MANY_SYMBOLS else 2
    audit = _Audit(
        configuration, strategy, whole, of_decisions, full, whole.days, seed, len(every), futures, fitted, by_hand
    )
    found = workers.map(_at_cut, audit, list(enumerate(every)))
    rows = pl.concat(found).with_columns(config_hash=pl.lit(configuration.hash_for(strategy)))
    return LOOK_AHEAD.conform(rows).sort(LOOK_AHEAD.key)


def _at_cut(audit: _Audit, place: tuple[int, dt.date]) -> pl.DataFrame:
    """What differs at one cut; `place` is its number and its date."""
    turn, cut = place
    configuration, strategy, full = audit.configuration, audit.strategy, audit.full
    features = DAILY.empty() if full.levels else full.frames["features"][0]
    known = Known(cut, full.scores, KnownFeatures(features, cut, turn, audit.cuts), full.levels)
    following = session_after(audit.days, cut)
    then = known_at(audit.whole, cut)
    of_read, of_run_on = (_with_columns(then, names) for names in (audit.of_decisions, COLUMNS))
    del then
    traded = with_next_session(of_run_on, audit.whole, cut, audit.seed)
    alone = Repetition.of(configuration, strategy, of_read, known, audit.fitted, audit.by_hand)
    compared = _up_to(cut, full.frames, alone.decided_frames(), alone.verified)
    without = _differences(strategy, CUT, cut, compared, alone.differing)
    del alone  # its features and panel, before those of the next
    drawn = LOOK_AHEAD.empty()
    for number in range(audit.futures):
        future = draw_future(audit.whole, cut, audit.seed + number)
        hidden = followed_by(of_run_on, future.until(following))
        history = History(followed_by(of_read, future), traded, hidden)
        again = computed(configuration, strategy, history, known, audit.fitted, audit.by_hand)
        drawn = _differences(strategy, NOISE, cut, _compared(full, again, cut, following), again.differing)
        if violations(drawn):
            break
    return pl.concat([without, drawn])


def _with_columns(whole: MarketSnapshot, columns: Sequence[str]) -> MarketSnapshot:
    return whole.with_bars(partial(_selected, columns))


def _selected(columns: Sequence[str], bars: pl.DataFrame) -> pl.DataFrame:
    return bars.select(name for name in columns if name in bars.columns)


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
    fitted: Mapping[str, FittedModels],
    by_hand: Sequence[HandDecision] = (),
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
    by_hand
        Decisions by hand on champions.
    """
    again = Repetition.of(configuration, strategy, history.decided, known, fitted, by_hand)
    decided = again.decided_frames()

    def prepared(snapshot: MarketSnapshot) -> PreparedBacktest:
        return prepare(configuration, _traded_on(again.frames(strategy), snapshot, again.panels[strategy]))

    if known is None or history.hidden is None:
        unseen = run = run_whole(prepared(history.traded))
    else:
        run, unseen = run_until(partial(prepared, history.traded), partial(prepared, history.hidden), known.cut)
    return Computed(
        frames={
            **decided,
            "decisions": (unseen[DECISIONS], DECISIONS.key),
            "fills": (unseen[FILLS], FILLS.key),
            # What a later bar refutes or confirms is written to the session of the move.
            "equity": (unseen[EQUITY].drop("settled_equity", "unexplained_moves"), EQUITY.key),
        },
        verified=again.verified,
        differing=again.differing,
        levels=again.levels,
        next_fills=run[FILLS],
        scores=again.scores | again.candidates,
        first_decision=max(again.first_decisions, default=dt.date.min),
    )


@dataclass
class _TradedRows:
    """Rows that a strategy has decided from, with the bars that the engine runs on."""

    decided: RowParts
    traded: RowParts

    def __post_init__(self) -> None:
        self.folder, self.days = self.decided.folder, self.traded.days

    def __iter__(self) -> Iterator[MarketRows]:
        for rows, of_engine in zip(self.decided, self.traded, strict=True):
            yield rows._replace(bars=of_engine.bars)


def _traded_on(frames: Frames, snapshot: MarketSnapshot, panels: Iterable[pl.DataFrame]) -> Frames:
    """The tables of a strategy with those that the engine runs on, and the panel that it has decided from."""
    parts = frames.parts
    if parts is not None and snapshot.parts is not None:
        parts = _TradedRows(parts, snapshot.parts)
    return replace(
        frames,
        bars=snapshot.bars,
        quarantine=snapshot.quarantine,
        sessions=snapshot.sessions,
        borrow_rates=snapshot.borrow_rates,
        risk_free=snapshot.risk_free,
        panels=panels,
        parts=parts,
    )


def _differences(
    strategy: str,
    way: str,
    cut: dt.date,
    compared: Iterable[tuple[str, pl.DataFrame, pl.DataFrame, tuple[str, ...]]],
    differing: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    lines: list[tuple[object, ...]] = []
    by_subject = {subject: changes(rows, known, key) for subject, rows, known, key in compared}
    for subject, changed in {**by_subject, **differing}.items():
        found = changed.rows() or [(NOTHING, 0, None, None, None)]
        lines += [(strategy, cut, way, subject, *line) for line in found]
    schema = LOOK_AHEAD.empty().drop("config_hash").schema
    return pl.DataFrame(lines, schema=schema, orient="row")


def _up_to(
    cut: dt.date, full: Subjects, again: Subjects, verified: Set[str]
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, tuple[str, ...]]]:
    """Rows up to the cut of every subject that was computed again."""
    until = pl.col("session") <= cut
    for subject, (frame, key) in again.items():
        known = full[subject][0]
        if subject in verified:
            yield subject, known.clear(), known.clear(), key
        else:
            yield subject, known.filter(until), frame.filter(until), key


def _compared(
    full: Computed, again: Computed, cut: dt.date, following: dt.date | None
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, tuple[str, ...]]]:
    """Rows up to the cut of every subject, and the fills of the next session."""
    yield from _up_to(cut, full.frames, again.frames, again.verified)
    # A delisting is booked at the close.
    next_open = (pl.col("session") == following) & (pl.col("reason") != "delisted")
    yield "fills at the next open", full.next_fills.filter(next_open), again.next_fills.filter(next_open), FILLS.key
