from __future__ import annotations

import numpy as np
import polars as pl

from trading_assets.backtests.inputs.axis_labels import named


def test_names_by_number_and_none_for_minus_one() -> None:
    found = named(["a", "b"], np.array([1, -1, 0, 1]))
    assert found.to_list() == ["b", None, "a", "b"]
    assert found.dtype == pl.String


def test_without_names_every_number_is_none() -> None:
    assert named([], np.array([-1, -1]), pl.Date).to_list() == [None, None]
