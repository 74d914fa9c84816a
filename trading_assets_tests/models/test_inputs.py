"""What is read of the warehouse for a model: no session that may not be seen, and no symbol of another universe."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.models.inputs import OF_SCORES, hashes_of_scores, labels_of, samples_of
from trading_assets.models.tables import METRICS, PREDICTIONS
from trading_assets.protocol.written_rows import is_as_written, last_written
from trading_assets.warehouse import Rows
from trading_assets_tests.models.panels import SETTINGS
from trading_assets_tests.models.test_assets import Project, project

UNTIL = dt.date(2010, 9, 1)


@pytest.fixture
def made(tmp_path: Path) -> Project:
    return project(tmp_path, week=SETTINGS.model_dump())


@pytest.mark.parametrize("until", [UNTIL, dt.date.max])
def test_labels_are_those_of_the_samples(until: dt.date, made: Project) -> None:
    samples, folds, bars = samples_of(made.warehouse, made.configuration, "week", until)
    labels, same_folds, same_bars = labels_of(made.warehouse, made.configuration, "week", until)
    assert samples.keys.equals(labels.keys, null_equal=True)
    assert np.array_equal(samples.relative_return, labels.relative_return, equal_nan=True)
    assert folds == same_folds and bars.equals(same_bars)
    assert samples.features.dtype == np.float32 and len(samples.names) > len(labels.names) == 0
    assert bars["asset_class"].unique().to_list() == ["equity"]
    assert (bars["session"] < until).all() and (samples.keys["session"] < until).all()


def test_what_may_not_be_seen_ends_labels_before(made: Project) -> None:
    """A label that would end on that day or later is not known."""
    known, _, _ = samples_of(made.warehouse, made.configuration, "week", UNTIL)
    whole, _, _ = samples_of(made.warehouse, made.configuration, "week", dt.date.max)
    early = whole.keys.filter(pl.col("session") < UNTIL)
    over = (early["label_end"] < UNTIL).fill_null(False)
    assert 0 < (~over).sum() < early.height
    assert known.keys["label"].filter(over).equals(early["label"].filter(over), null_equal=True)
    assert known.keys["label"].filter(~over).null_count() == (~over).sum()


@pytest.mark.slow
def test_rows_of_scores_are_on_record_and_an_edit_shows(made: Project) -> None:
    assert made.materialise().success
    on_record = last_written(made.configuration)
    hashes = list(hashes_of_scores(made.warehouse, ["week"]))
    assert [each.table for each in hashes] == [table.name for table in OF_SCORES]
    assert all(is_as_written(each, on_record) for each in hashes)
    rows = made.warehouse.read(METRICS)
    made.warehouse.replace(Rows("model", "week"), {METRICS: rows.with_columns(pl.col("value") + 1e-9)})
    stand = {each.table: is_as_written(each, on_record) for each in hashes_of_scores(made.warehouse, ["week"])}
    assert not stand[METRICS.name] and stand[PREDICTIONS.name]
