from __future__ import annotations

import polars as pl
import xgboost

from trading_assets.models.samples import build_samples
from trading_assets.models.tables import EXPLANATIONS, FOLDS, METRICS, OUTCOMES, PREDICTIONS
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, dates_of, features, run, samples, trained
from trading_assets_tests.narrow import as_date, as_number


def test_tables_keep_their_contracts() -> None:
    made = run(samples(missing=0.1))
    for table, frame in made.tables.items():
        table.validate(frame)
        assert frame.equals(table.conform(frame).sort(table.key))
    folds, predictions = made.tables[FOLDS], made.tables[PREDICTIONS]
    assert folds["test_rows"].sum() == predictions.height
    assert folds.height == 3
    assert made.tables[OUTCOMES].row(0)[2:6] == ("ok", None, 3, 3)


def test_every_tested_bar_is_scored_once_and_by_its_own_fold() -> None:
    data = samples()
    made = trained()
    predictions = made.tables[PREDICTIONS]
    first = made.tables[FOLDS]["test_start"].min()
    scored = data.keys.with_row_index().filter(pl.col("session") >= first, pl.Series(data.scorable()))
    assert predictions.select("symbol", "session").equals(scored.select("symbol", "session"))


def test_nothing_of_the_holdout_is_shown() -> None:
    data = samples()
    start = dates_of(data)[230]
    made = run(data, holdout_start=start)
    predictions = made.tables[PREDICTIONS]
    assert predictions["session"].max() == dates_of(data)[-1]
    shown = predictions.filter(pl.col("label_end").is_not_null())
    assert as_date(shown["label_end"].max()) < start
    hidden = predictions.filter(pl.col("label_end").is_null())
    assert hidden["label"].null_count() == hidden.height
    # The fold that reaches into the holdout is measured on what ends before it; the one inside, not at all.
    everything = trained().tables
    assert everything[FOLDS]["fold"].to_list() == [0, 1, 2]
    assert made.tables[METRICS]["fold"].unique().sort().to_list() == [0, 1]
    rows = made.tables[METRICS].filter(pl.col("metric") == "rows")["value"].to_list()
    assert rows == [shown.filter(pl.col("fold") == fold)["label"].count() for fold in (0, 1)]
    assert made.tables[EXPLANATIONS]["fold"].unique().to_list() == [0]
    # Scores themselves do not depend on where the holdout is.
    assert predictions["score"].equals(everything[PREDICTIONS]["score"])


def test_order_of_symbols_and_features_changes_no_bit() -> None:
    panel = bars()
    made = features(panel, 5, 1.0)
    one = trained()
    shuffled = made.sample(fraction=1.0, shuffle=True, seed=8).select("session", "other", "noise", "symbol", "signal")
    other = run(build_samples(panel.reverse(), benchmark(panel).reverse(), shuffled, 5))
    assert one.version == other.version
    assert one.artifact == other.artifact
    assert all(frame.equals(other.tables[table]) for table, frame in one.tables.items())


def test_the_booster_is_that_of_the_last_fold() -> None:
    data = samples()
    made = trained()
    assert made.artifact is not None
    booster = xgboost.Booster(model_file=bytearray(made.artifact))
    last = made.tables[PREDICTIONS].filter(pl.col("fold") == 2)
    rows = data.keys.with_row_index().join(last, on=["symbol", "session"], how="semi")["index"].to_numpy()
    assert booster.inplace_predict(data.features[rows]).astype(float).tolist() == last["score"].to_list()


def test_a_rolling_window_forgets() -> None:
    rolling = SETTINGS.model_copy(update={"expanding": False})
    folds = run(samples(), rolling).tables[FOLDS]
    sessions = dates_of(samples())
    assert folds["train_start"].to_list() == [sessions[0], sessions[60], sessions[120]]
    assert as_number(folds["train_rows"].max()) < 6 * 150
