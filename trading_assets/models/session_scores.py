"""Scores of a session by the model that is registered, between two refits: loaded, verified, and nothing is trained.

The model of a fold scores every session until the next refit. So a session that has features can be scored as soon as
they are there, with the bits that the next run of the model writes. That the model is the one whose scores are on
record is shown by its scores: of the sessions of its fold that are in `models.predictions` it has to give each again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.errors import nearest
from trading_assets.config.models import OnlineModel
from trading_assets.market_data.tables import BARS
from trading_assets.models.fits import kept_fits
from trading_assets.models.fold_inputs import FoldInputs, inputs_of_sessions
from trading_assets.models.learnt_on import learnt_on
from trading_assets.models.on_record import hash_of_model, opened_by, record_seen
from trading_assets.models.registered_model import (
    ArtifactError,
    RegisteredModel,
    UnscoredError,
    load_artifact,
    registered_artifact,
)
from trading_assets.models.splits import Fold, holdout_start, walk_forward
from trading_assets.models.standing import champion_at
from trading_assets.models.tables import FITS, FOLDS, OK, OUTCOMES, PREDICTIONS, SPLITS
from trading_assets.models.training import learner_of
from trading_assets.models.tuning import parted
from trading_assets.protocol.written_rows import assert_as_written, last_written
from trading_assets.warehouse import Rows, Table, Warehouse

_CHAMPION = "champion/"


@dataclass(frozen=True)
class LastFold:
    """The last fold of a model that was trained, and its scores on record.

    Attributes
    ----------
    version
        Content hash of the model, as `models.outcomes` has it.
    row
        Row of `models.folds`.
    scores
        symbol, session, `said` (by the model, before a curve) and score of the fold in `models.predictions`.
    """

    version: str
    row: dict[str, object]
    scores: pl.DataFrame

    @property
    def number(self) -> int:
        """Number of the fold."""
        return int(str(self.row["fold"]))


@dataclass(frozen=True)
class SessionScores:
    """Scores of a session: `rows` are symbol, session, score, fold, model, version, highest score first."""

    model: RegisteredModel
    rows: pl.DataFrame


def score_session(
    warehouse: Warehouse, configuration: Configuration, name: str, session: dt.date | None, now: dt.datetime
) -> SessionScores:
    """Score a session after the last refit by the registered model of a name; what is seen of a holdout is on record.

    Parameters
    ----------
    warehouse, configuration
        Warehouse of the configuration, and the configuration.
    name
        Name of a model or a champion, the latter also as ``champion/NAME``.
    session
        Session whose features are scored; None: the last one that may be seen.
    now
        Time of what is put on record, UTC.

    Raises
    ------
    ConfigurationError
        There is no such name or session, or the session is in a closed holdout, or of an earlier fold.
    UnscoredError
        The fold of the session has no model, or the registered one does not give its scores on record again.
    ArtifactError
        The artifact is damaged, or none is registered.
    EditedRowsError
        Rows that the scores follow from are not those that the product wrote.
    """
    name = known_name(configuration, name)
    settings = configuration.models[configuration.candidates_of(name)[0]]
    holdout, readers = holdout_start(warehouse.read(SPLITS)), opened_by(configuration, name)
    bars = warehouse.read(
        BARS,
        columns=["symbol", "session", "adj_close"],
        where="asset_class = ? AND session < ?",
        parameters=[settings.universe, dt.date.max if readers else holdout],
    )
    sessions = bars["session"].unique().sort().to_list()
    asked = _asked(session, sessions, None if readers else holdout, name)
    model = champion_at(warehouse, configuration, name, asked) if name in configuration.champions else name
    last = last_fold(warehouse, configuration, model)
    fold = next(
        (each for each in walk_forward(sessions, settings) if each.test_start <= asked <= each.test_end),
        None,
    )
    _assert_scored_by(last, fold, asked, model)
    inputs = inputs_of_sessions(warehouse, configuration, settings, fold.test_start if fold else asked, asked)
    loaded = load_verified(warehouse, configuration, model, last, inputs)
    newest = last.scores["session"].max()
    if readers and not (isinstance(newest, dt.date) and asked <= newest):
        record_seen(configuration, name, bars.filter(pl.col("session") <= asked), holdout, readers, now)
    rows = inputs.keys.with_columns(
        score=pl.Series(loaded.score(inputs.of(loaded.features), inputs.session)),
        fold=pl.lit(last.number, pl.Int64),
        model=pl.lit(model),
        version=pl.lit(loaded.version),
    )
    return SessionScores(loaded, rows.filter(session=asked).sort("score", "symbol", descending=[True, False]))


def known_name(configuration: Configuration, name: str) -> str:
    """Return the name of a model or a champion, without the folder of a champion's asset.

    Raises
    ------
    ConfigurationError
        There is none of this name.
    """
    plain = name.removeprefix(_CHAMPION)
    known = list(configuration.champions) if name.startswith(_CHAMPION) else configuration.score_names
    if plain not in known:
        there = nearest(plain, known) if known else "a section `models` of the configuration, which has none"
        raise ConfigurationError(f"no model {name!r}\n  expected: {there}\n  what to do: name one of them")
    return plain


def last_fold(warehouse: Warehouse, configuration: Configuration, model: str) -> LastFold:
    """Return the last fold of a model that was trained, as it is on record.

    Parameters
    ----------
    warehouse, configuration
        Warehouse of the configuration, and the configuration.
    model
        Name of the model.

    Raises
    ------
    UnscoredError
        None was.
    EditedRowsError
        Its rows are not those that the product wrote.
    """
    with warehouse.held_open() as held:
        outcomes = held.read_or_empty(OUTCOMES, rows=Rows("model", model))
        folds, predictions = (held.read_or_empty(table, rows=Rows("model", model)) for table in (FOLDS, PREDICTIONS))
    trained = folds.filter(status=OK)
    if outcomes.is_empty() or trained.is_empty():
        reason = next(iter(outcomes["reason"].drop_nulls()), "it was never run")
        raise UnscoredError(
            f"model {model} has learnt nothing yet: {reason}\n  expected: a fold in {FOLDS.name} that is ok\n"
            "  what to do: trading-assets run --select models"
        )
    _assert_on_record(configuration, model, {FOLDS: folds, PREDICTIONS: predictions})
    row = trained.sort("fold").row(-1, named=True)
    scores = predictions.filter(fold=row["fold"]).select(
        "symbol", "session", pl.coalesce("uncalibrated", "score").alias("said"), "score"
    )
    return LastFold(outcomes["version"][0], row, scores)


def load_verified(
    warehouse: Warehouse, configuration: Configuration, model: str, last: LastFold, inputs: FoldInputs
) -> RegisteredModel:
    """Return the registered model of a fold, once it gave again each score of the fold on record.

    Parameters
    ----------
    warehouse, configuration, model
        Warehouse, configuration, and the name of the model.
    last, inputs
        The fold, and what the model is given of its sessions from the first on.

    Raises
    ------
    ArtifactError
        The artifact is damaged, or is not the model of the fold.
    UnscoredError
        Scores are others than those on record, or what a model has learnt on since its refit is not what is on record.
    """
    artifact = registered_artifact(configuration, model, last.version)
    kept = warehouse.read_or_empty(FITS, rows=Rows("model", model))
    _assert_on_record(configuration, model, {FITS: kept})
    of_fold = [parted(content)[1] for content in kept_fits(kept.filter(fold=last.number)).values()]
    if of_fold and of_fold != [artifact.content()]:
        raise ArtifactError(
            f"the registered artifact of model {model} is not the model of its fold {last.number}\n"
            f"  file: {artifact.file.file}\n  expected: the bytes that {FITS.name} has of the fold\n"
            "  what to do: move tracking.db and artifacts aside, and run: trading-assets run --recompute"
        )
    loaded = load_artifact(artifact, learner_of(configuration, model), inputs.columns)
    absent = sorted(set(loaded.features) - set(inputs.columns))
    if absent:
        raise UnscoredError(
            f"model {model} learnt from {absent[0]}, which is no feature any more\n"
            "  what to do: trading-assets run --select models"
        )
    if isinstance(configuration.models[model], OnlineModel):
        loaded = learnt_on(warehouse, configuration, loaded, last.number)
    said = loaded.said(inputs.of(loaded.features), inputs.session)
    # The curve is no part of the artifact: what comes out of it has to be on record, too.
    score = said if loaded.curve is None else loaded.curve.score(said)
    found = inputs.keys.with_columns(said_now=pl.Series(said), score_now=pl.Series(score))
    through = last.scores["session"].max()
    both = last.scores.filter(pl.col("session") <= inputs.keys["session"].max()).join(
        found.filter(pl.col("session") <= through), on=["symbol", "session"], how="full", coalesce=True
    )
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_now")) for name in ("said", "score"))
    wrong = both.filter(~same).sort("session", "symbol")
    if wrong.height:
        symbol, session, expected, got = wrong.select("symbol", "session", "score", "score_now").row(0)
        raise UnscoredError(
            f"model {model} does not give its scores on record again: {wrong.height} of {both.height} differ\n"
            f"  where: {symbol} on {session}\n  expected: {expected}, as {PREDICTIONS.name} has it\n  found: {got}\n"
            "  what to do: bars, features or their code have changed since: trading-assets run"
        )
    return loaded


def _assert_on_record(configuration: Configuration, model: str, rows: dict[Table, pl.DataFrame]) -> None:
    on_record = last_written(configuration)
    for table, frame in rows.items():
        assert_as_written(hash_of_model(table, frame, model), on_record)


def _asked(session: dt.date | None, sessions: list[dt.date], closed: dt.date | None, name: str) -> dt.date:
    """The session that is scored; an error if there is no such, or none that may be seen."""
    if closed is not None and session is not None and session >= closed:
        raise ConfigurationError(
            f"{session} is in a holdout that is closed: no registered strategy reads {name}\n"
            f"  expected: a session before {closed}\n  what to do: register a strategy that reads it"
        )
    if not sessions:
        raise UnscoredError(f"there are no bars of the universe of {name} yet\n  what to do: trading-assets run")
    if session is None:
        return sessions[-1]
    if session not in sessions:
        raise ConfigurationError(
            f"no bar of the universe of {name} on {session}\n"
            f"  expected: a session from {sessions[0]} to {sessions[-1]}\n"
            "  what to do: name one, or fetch later bars: trading-assets run --select features"
        )
    return session


def _assert_scored_by(last: LastFold, fold: Fold | None, session: dt.date, model: str) -> None:
    """Check that the session is of the fold whose model is registered."""
    start = last.row["test_start"]
    if fold is None or fold.number < last.number:
        raise ConfigurationError(
            f"{session} is before the last refit of model {model}\n  expected: a session from {start} on\n"
            f"  what to do: read its score in {PREDICTIONS.name}; the model that is registered is a later one"
        )
    if fold.number > last.number:
        raise UnscoredError(
            f"no model of {model} is trained for {session} yet: a fold begins at {fold.test_start}\n"
            f"  found: the model of fold {last.number}, which began at {start}\n"
            "  what to do: trading-assets run --select models"
        )
    if (fold.train_start, fold.train_end, fold.test_start) != tuple(
        last.row[name] for name in ("train_start", "train_end", "test_start")
    ):
        raise UnscoredError(
            f"sessions before fold {fold.number} of model {model} are others than those that it learnt from\n"
            "  what to do: trading-assets run --select models"
        )
