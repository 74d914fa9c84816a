"""A version is another one with whatever the models depend on, and the same without."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from trading_assets.models.samples import build_samples
from trading_assets.models.splits import walk_forward
from trading_assets.models.version import model_version
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, dates_of, features, samples, trained


def test_version_follows_what_the_models_depend_on() -> None:
    data = samples()
    folds = walk_forward(dates_of(data), SETTINGS)
    version = model_version(data, folds, SETTINGS, 3)
    assert trained().version == version
    assert model_version(data, folds, SETTINGS.model_copy(update={"depth": 2}), 3) != version
    assert model_version(data, folds, SETTINGS, 4) != version
    assert model_version(samples(seed=9), folds, SETTINGS, 3) != version
    changed = data.features.copy()
    changed[500, 0] += 1
    assert model_version(replace(data, features=changed), folds, SETTINGS, 3) != version
    # A session more in the last fold trains nothing: the same models, the same version.
    panel = bars()
    shorter = panel.filter(pl.col("session") < panel["session"].max())
    data = build_samples(shorter, benchmark(shorter), features(panel, 5, 1.0), 5)
    assert model_version(data, walk_forward(dates_of(data), SETTINGS), SETTINGS, 3) == version
