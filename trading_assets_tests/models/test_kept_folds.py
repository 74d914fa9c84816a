"""Folds that are kept leave what folds that are trained again leave; none is kept that would leave something else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.models import run as training
from trading_assets.models.evaluation_tables import CONTRIBUTIONS, EXPLANATION_DRIFT
from trading_assets.models.fits import rows_to_keep
from trading_assets.models.fold_rows import FoldRows
from trading_assets.models.kept_folds import TABLES, KeptFolds
from trading_assets.models.run import ModelRun, run_model
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.tables import EXPLANATIONS, FITS
from trading_assets_tests.models.panels import NO_HOLDOUT, SETTINGS, bars, benchmark, dates_of, features

SESSIONS = 400
PANEL = bars(sessions=SESSIONS)
FEATURES = features(PANEL, 5, 1.0)
DAYS = PANEL["session"].unique().sort().to_list()


def samples_until(sessions: int, values: pl.DataFrame = FEATURES) -> Samples:
    known = pl.col("session") <= DAYS[sessions - 1]
    panel = PANEL.filter(known)
    return build_samples(panel, benchmark(panel), values.filter(known), 5)


def run(
    samples: Samples, holdout: dt.date, kept: KeptFolds | None, monkeypatch: pytest.MonkeyPatch
) -> tuple[ModelRun, list[int]]:
    """A run, and the folds that it trained."""
    trained, original = list[int](), training._run_fold

    def counted(known: training._Training, fold: Fold) -> FoldRows:
        trained.append(fold.number)
        return original(known, fold)

    with monkeypatch.context() as patched:
        patched.setattr(training, "_run_fold", counted)
        folds = walk_forward(dates_of(samples), SETTINGS)
        made = run_model(samples, folds, SETTINGS, name="m", seed=3, holdout_start=holdout, kept=kept)
    return made, sorted(trained)


def kept_of(made: ModelRun, kept: KeptFolds) -> KeptFolds:
    """What a run leaves."""
    fits = rows_to_keep("m", made.fits)
    tables = {**made.tables, FITS: pl.concat([kept.fits_of(made.untrained), fits])}
    rows = {table: tables[table] for table in TABLES}
    return KeptFolds(dict(kept.digests), rows)


@pytest.mark.parametrize("holdout", [NO_HOLDOUT, DAYS[300], DAYS[230]])
def test_a_session_more_trains_the_last_fold_alone(holdout: dt.date, monkeypatch: pytest.MonkeyPatch) -> None:
    first = KeptFolds()
    made, trained = run(samples_until(395), holdout, first, monkeypatch)
    folds = len(trained)
    assert folds >= 4
    known = kept_of(made, first)
    more, again = run(samples_until(396), holdout, known, monkeypatch)
    # The fold before has labels that ended meanwhile.
    assert again == [folds - 2, folds - 1] or again == [folds - 1]
    whole, _ = run(samples_until(396), holdout, None, monkeypatch)
    assert (more.version, more.artifact) == (whole.version, whole.artifact)
    for table, frame in whole.tables.items():
        assert more.tables[table].equals(frame), table.name


def test_the_same_samples_keep_all_but_the_model_that_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    first, samples = KeptFolds(), samples_until(395)
    made, folds = run(samples, NO_HOLDOUT, first, monkeypatch)
    again, trained = run(samples, NO_HOLDOUT, kept_of(made, first), monkeypatch)
    assert trained == folds[-1:]
    assert all(frame.equals(again.tables[table]) for table, frame in made.tables.items())
    assert again.artifact == made.artifact
    assert again.untrained == set(folds[:-1])
    left, before = kept_of(again, kept_of(made, first)).rows[FITS], kept_of(made, first).rows[FITS]
    assert left.equals(before)


def test_a_revised_value_trains_every_fold_that_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, samples = KeptFolds(), samples_until(395)
    made, _ = run(samples, NO_HOLDOUT, first, monkeypatch)
    folds = walk_forward(dates_of(samples), SETTINGS)
    day = folds[1].test_start  # of which fold 0 knows nothing
    values = samples.features.copy()
    values[np.flatnonzero(samples.session == (day - dt.date(1970, 1, 1)).days)[0], 0] += 0.5
    revised = replace(samples, features=values)
    again, trained = run(revised, NO_HOLDOUT, kept_of(made, first), monkeypatch)
    seen = [fold.number for fold in folds if fold.train_start <= day <= fold.test_end]
    assert trained == sorted({*seen, folds[-1].number}) and 0 not in trained
    whole, _ = run(revised, NO_HOLDOUT, None, monkeypatch)
    assert all(frame.equals(again.tables[table]) for table, frame in whole.tables.items())


def test_what_moved_scores_of_kept_folds_stays_on_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of the fold that is explained, which no other step trains where the holdout begins before the last one."""
    first, samples = KeptFolds(), samples_until(395)
    made, folds = run(samples, DAYS[300], first, monkeypatch)
    again, trained = run(samples, DAYS[300], kept_of(made, first), monkeypatch)
    assert trained == folds[-1:] != made.tables[EXPLANATIONS]["fold"].unique().to_list()
    assert made.tables[CONTRIBUTIONS]["fold"].n_unique() > 1
    for table in (CONTRIBUTIONS, EXPLANATION_DRIFT, EXPLANATIONS):
        assert again.tables[table].equals(made.tables[table]), table.name


def test_another_holdout_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured ends with it."""
    first, samples = KeptFolds(), samples_until(395)
    made, folds = run(samples, DAYS[300], first, monkeypatch)
    _, trained = run(samples, DAYS[299], kept_of(made, first), monkeypatch)
    assert trained == folds
