"""Rows that are read for some sessions are those that a walk forward scores on them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.models.fold_inputs import scored_rows
from trading_assets.models.run import samples_and_folds
from trading_assets_tests.models.panels import SETTINGS, bars, benchmark, features, weekdays


def test_rows_are_those_of_the_walk_forward_to_the_bit() -> None:
    """Symbols that join late, have no bar, no feature at all, or a value that single precision has no number for."""
    panel = bars(missing=0.1).with_columns(asset_class=pl.lit("equity"))
    index = benchmark(panel).with_columns(asset_class=pl.lit("index"))
    made = features(panel, 5, 1.0)
    hole, huge = pl.col("session") == weekdays(310)[-1], pl.col("session") == weekdays(305)[-1]
    made = made.with_columns(
        pl.when(hole).then(None).when(huge).then(1e300).otherwise(pl.col(each)).alias(each)
        for each in ("signal", "noise", "other")
    )
    made = pl.concat([made, made.filter(symbol="S0").with_columns(symbol=pl.lit("ELSE"))])
    universe = pl.DataFrame(
        {
            "symbol": [f"S{number}" for number in range(6)],
            "start": [weekdays(300)[-1] if number == 2 else weekdays(1)[0] for number in range(6)],
            "end": [weekdays(320)[-1] if number == 4 else None for number in range(6)],
            "asset_class": "equity",
        },
        schema_overrides={"end": pl.Date},
    )
    samples, _ = samples_and_folds(
        SETTINGS,
        bars=pl.concat([panel, index.select(panel.columns)]),
        features=made,
        universe=universe,
        benchmark="INDEX",
    )
    first, last = weekdays(295)[-1], weekdays(325)[-1]
    inside = pl.col("session").is_between(first, last)
    found = scored_rows(panel.filter(inside).select("symbol", "session"), made.filter(inside), universe)
    wanted = samples.keys.select(inside).to_series().to_numpy() & samples.scorable()
    assert 100 < wanted.sum() < 180
    assert found.keys.equals(samples.keys.filter(pl.Series(wanted)).select("symbol", "session"))
    assert found.columns == samples.names
    assert np.array_equal(found.features, samples.features[wanted], equal_nan=True)
    assert np.array_equal(found.session, samples.session[wanted])
    assert np.array_equal(found.of(("signal", "noise")), found.features[:, [2, 0]], equal_nan=True)
    with pytest.raises(KeyError):
        found.of(("signal", "absent"))
