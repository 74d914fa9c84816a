from __future__ import annotations

import polars as pl

from trading_assets.robustness.rows_by_span import put


def test_rows_of_a_split_are_replaced_and_the_others_stay() -> None:
    existing = pl.DataFrame({"split": ["train", "full", "holdout"], "value": [1, 2, 3]})
    new = pl.DataFrame({"value": [9], "split": ["full"]})
    found = put(existing, ("full", "holdout"), new)
    assert found.columns == existing.columns
    assert found.rows() == [("train", 1), ("full", 9)]
