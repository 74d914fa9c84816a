"""What stood behind a score, by a real run of a model."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import xgboost

from trading_assets.features.tables import DAILY
from trading_assets.models.tables import FITS, PREDICTIONS
from trading_assets.reports.trade_explanation.score_contributions import SCHEMA, score_contributions
from trading_assets.warehouse import Whole
from trading_assets_tests.models.panels import SETTINGS
from trading_assets_tests.models.test_assets import Project, project


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project(tmp_path_factory.mktemp("data"), week=SETTINGS.model_dump())
    assert made.materialise().success
    return made


def scored(made: Project, place: int) -> tuple[dict[str, Any], dict[str, Any]]:
    prediction = made.warehouse.read(PREDICTIONS).sort("session", "symbol").row(place, named=True)
    key = [prediction["symbol"], prediction["session"]]
    features = made.warehouse.read(DAILY, where="symbol = ? AND session = ?", parameters=key).row(0, named=True)
    return prediction, features


@pytest.mark.parametrize("place", [0, 7, -1])
def test_the_parts_are_those_of_the_model_of_the_fold(place: int, done: Project) -> None:
    """With the bias they are the log-odds of the score, as XGBoost itself has them."""
    prediction, features = scored(done, place)
    found = score_contributions(done.warehouse, done.configuration, prediction, features)
    assert found.schema == SCHEMA
    assert sorted(found["feature"]) == sorted(set(features) - {"symbol", "session"})
    assert found["contribution"].abs().is_sorted(descending=True)
    assert all(features[name] == value for name, value, _ in found.iter_rows())
    kept = done.warehouse.read(FITS, where="fold = ?", parameters=[prediction["fold"]])
    raw = kept.select(pl.col("content").str.decode("base64")).item()
    names = sorted(found["feature"])
    row = pl.DataFrame([features]).select(pl.col(names).cast(pl.Float32)).fill_null(float("nan")).to_numpy()
    parts = xgboost.Booster(model_file=bytearray(raw)).predict(xgboost.DMatrix(row), pred_contribs=True)[0]
    assert dict(found.select("feature", "contribution").iter_rows()) == dict(zip(names, parts[:-1], strict=True))


def test_nothing_is_said_of_a_score_that_the_model_does_not_give_again(done: Project) -> None:
    """Revised features, other columns, no model of the fold, no model at all."""
    prediction, features = scored(done, 7)

    def said(prediction: dict[str, Any], features: dict[str, Any]) -> int:
        return score_contributions(done.warehouse, done.configuration, prediction, features).height

    assert said(prediction, features) > 0
    assert said(prediction, {**features, "signal": -features["signal"]}) == 0
    assert said(prediction, {**features, "another": 1.0}) == 0
    assert said({**prediction, "fold": 99}, features) == 0
    assert said({}, features) == 0
    assert said(prediction, {}) == 0
    done.warehouse.replace(Whole(), {FITS: FITS.empty()})
    assert said(prediction, features) == 0
