"""How the asset of a champion computes: from the scores of its candidates to those that are traded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.models.champions import Succession, succession_of
from trading_assets.models.evaluation import score_metrics
from trading_assets.models.inputs import OF_SCORES, hashes_of_scores, labels_of
from trading_assets.models.on_record import STAGE, assert_inputs_as_written, hash_of_model, opened_by, put_on_record
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold, holdout_start
from trading_assets.models.tables import (
    CHAMPIONS,
    EXPLANATIONS,
    FOLDS,
    INSUFFICIENT_DATA,
    METRICS,
    NO_FOLDS,
    OK,
    OUTCOMES,
    PREDICTIONS,
    SPLITS,
)
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import decisions_of, void_decisions_of
from trading_assets.protocol.made_under import assert_made_under, settings_of_scores
from trading_assets.protocol.written_rows import assert_read_as_written, hash_whole, last_written, record_written
from trading_assets.warehouse import Rows, Table

#: What a candidate left: its rows by table.
Left = Mapping[Table, pl.DataFrame]


def choose(step: Step, name: str) -> Mapping[str, Any]:
    """Decide who was champion at each refit, and write the scores that are traded.

    What a closed holdout would tell is not read: sessions, scores and labels end before it.
    """
    configuration = step.configuration
    candidates = configuration.champions[name].candidates
    assert_inputs_as_written(configuration, step.work, [])
    assert_read_as_written(configuration, step.work, lambda held, _: hashes_of_scores(held, candidates))
    on_record = last_written(configuration)
    for candidate in candidates:
        assert_made_under(settings_of_scores(configuration, candidate), on_record)
    holdout, readers = holdout_start(step.work.read(SPLITS)), opened_by(configuration, name)
    samples, folds, bars = labels_of(step.work, configuration, candidates[0], dt.date.max if readers else holdout)
    left = {each: _left_by(step, each, None if readers else holdout) for each in candidates}
    by_hand = decisions_of(configuration, [name])
    for each in by_hand:
        if each.candidate not in candidates:
            step.log.warning(f"without effect: {each.in_words()}; {each.candidate} is no candidate any more")
    for each in void_decisions_of(configuration, [name]):
        step.log.warning(f"without effect: {each.in_words()}; {each.candidate} is another model since")
    found = succession_of(
        configuration, name, samples, folds, {each: left[each][PREDICTIONS] for each in candidates}, by_hand
    )
    tables = _tables(name, found, folds, left, samples, None if readers else holdout)
    put_on_record(step, name, bars, holdout, readers)
    step.work.replace(Rows("model", name), tables)
    written = [hash_of_model(table, step.work.written[table], name) for table in OF_SCORES]
    written += [hash_whole(CHAMPIONS, step.work.written[CHAMPIONS], name), settings_of_scores(configuration, name)]
    record_written(Protocol.of(configuration), f"{STAGE}/champion/{name}", written, step.now)
    changes = found.rows.filter(decision="champion").select("session", "cause", "candidate", "reason")
    return {
        "champion": found.reigns[-1].champion if found.reigns else "",
        "since": found.reigns[-1].start if found.reigns else None,
        "refits": len(folds),
        "champions": changes.tail(20),
    }


def _left_by(step: Step, candidate: str, end: dt.date | None) -> Left:
    own = Rows("model", candidate)
    left = {table: step.work.read_or_empty(table, rows=own) for table in (*OF_SCORES, OUTCOMES)}
    if end is not None:
        left[PREDICTIONS] = left[PREDICTIONS].filter(pl.col("session") < end)
    return left


def _tables(
    name: str,
    found: Succession,
    folds: Sequence[Fold],
    left: Mapping[str, Left],
    samples: Samples,
    end: dt.date | None,
) -> dict[Table, pl.DataFrame]:
    """Rows of the champion: of each session and fold those of who was champion then."""
    champions = {fold.number: found.at(fold.test_start) for fold in folds}

    def of_folds(table: Table) -> pl.DataFrame:
        parts = [
            rows[table].filter(pl.col("fold").is_in([fold for fold, each in champions.items() if each == candidate]))
            for candidate, rows in left.items()
        ]
        return pl.concat(parts)

    predictions = found.traded({candidate: rows[PREDICTIONS] for candidate, rows in left.items()})
    explained = of_folds(EXPLANATIONS)
    own_folds = of_folds(FOLDS)
    trained = own_folds.filter(status=OK)
    until = [each for rows in left.values() for each in rows[OUTCOMES]["until"].drop_nulls()]
    if end is not None and end != dt.date.max:
        until.append(end)
    now = left[found.reigns[-1].champion] if found.reigns else next(iter(left.values()))
    outcome = {
        "version": next(iter(now[OUTCOMES]["version"]), ""),
        "status": OK if trained.height else INSUFFICIENT_DATA,
        "reason": None if trained.height else next(iter(own_folds["reason"]), NO_FOLDS),
        "folds": len(folds),
        "scored_folds": trained.height,
        "scored_rows": predictions.height,
        "unscored_rows": int(own_folds["unscored_rows"].sum()),
        "until": min(until, default=None),
    }
    frames = {
        PREDICTIONS: predictions,
        FOLDS: own_folds,
        METRICS: _as_traded(of_folds(METRICS), found, folds, predictions, samples),
        EXPLANATIONS: explained.filter(pl.col("fold") == pl.col("fold").max()),
        OUTCOMES: pl.DataFrame([outcome], schema=OUTCOMES.empty().drop("model").schema),
        CHAMPIONS: found.rows,
    }
    own = pl.lit(name).alias("model")
    return {table: table.conform(frame.with_columns(own)).sort(table.key) for table, frame in frames.items()}


def _as_traded(
    metrics: pl.DataFrame, found: Succession, folds: Sequence[Fold], predictions: pl.DataFrame, samples: Samples
) -> pl.DataFrame:
    """Metrics of folds, measured anew where a person's word changed the champion within one."""
    starts = [each.start for each in found.reigns]
    split = [fold.number for fold in folds if any(fold.test_start < each <= fold.test_end for each in starts)]
    earned = samples.keys.select("symbol", "session", relative_return=pl.Series(samples.relative_return))
    for fold in split:
        rows = predictions.filter(pl.col("fold") == fold).drop_nulls("label").join(earned, on=["symbol", "session"])
        arrays = (rows[name].cast(pl.Float64).to_numpy() for name in ("score", "label", "relative_return"))
        values = score_metrics(*arrays)
        own, name = pl.col("fold") == fold, pl.col("metric")
        # What the scores were before their curves is of the models, and not of what was traded.
        metrics = metrics.filter(~(own & name.str.starts_with("uncalibrated_")))
        new = name.replace_strict(values, default=None, return_dtype=pl.Float64)
        measured = pl.when(own & name.is_in([*values])).then(new).otherwise("value")
        metrics = metrics.with_columns(measured.alias("value"))
    return metrics
