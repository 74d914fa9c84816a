from __future__ import annotations

import polars as pl
import pytest

from trading_assets.features.feature import Feature, change, correlation, share, varies


def values(expression: pl.Expr, **columns: list[float]) -> list[float | None]:
    return pl.DataFrame(columns).select(expression).to_series().to_list()


def test_change_and_share_by_hand() -> None:
    assert values(change(pl.col("x"), 2), x=[4.0, 5.0, 5.0]) == [None, None, 0.25]
    assert values(share(pl.col("x"), 2), x=[1.0, 2.0, 3.0], dollar_volume=[0.0, 0.0, 10.0]) == [None, None, 0.5]


def test_last_bits_are_no_variation_and_have_no_correlation() -> None:
    steady, moving = [1.0, 1.0 + 1e-15, 1.0], [1.0, 2.0, 4.0]
    assert values(varies(pl.col("x"), 3), x=steady)[-1] is False
    assert values(correlation(pl.col("x"), pl.col("y"), 3), x=steady, y=moving)[-1] is None
    assert values(correlation(pl.col("x"), pl.col("y"), 3), x=[2.0, 4.0, 8.0], y=moving)[-1] == pytest.approx(1.0)


def test_a_feature_has_a_name_and_a_warm_up() -> None:
    made = Feature("half", "trend", pl.col("x") / 2, 3, "half of it", "definition")
    assert (made.name, made.warm_up) == ("trend.polars.half", 3)
    with pytest.raises(ValueError, match="half: a recursive feature states its warm_up"):
        Feature("half", "trend", pl.col("x") / 2, None, "half of it", "definition")
