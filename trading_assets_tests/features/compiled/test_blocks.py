from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.features.compiled.blocks import (
    blocks_of,
    bounds_of,
    columns_of,
    days_of,
    defined,
    finite,
    in_threads,
)


def test_blocks_hold_whole_groups_and_all_of_them() -> None:
    """Groups of 3, 1, 9 and 2 rows in blocks of 4: the first two, the long one, the last."""
    bounds = bounds_of(pl.Series(list("AAABCCCCCCCCCDD")))
    assert bounds.tolist() == [0, 3, 4, 13, 15]
    assert list(blocks_of(bounds, 4)) == [(0, 2), (2, 3), (3, 4)]
    assert list(blocks_of(np.array([0]))) == []


def test_what_is_not_finite_is_null_in_a_column() -> None:
    column = defined("x", np.array([1.0, np.nan, np.inf, 4.0]))
    assert column.to_list() == [1.0, None, None, 4.0]
    assert defined("x", np.array([1.0])).null_count() == 0
    np.testing.assert_array_equal(finite(np.array([1.0, np.inf, np.nan])), [1.0, np.nan, np.nan])


def test_columns_outlive_the_memory_they_were_cut_from() -> None:
    first, second = columns_of(2, 1_000)
    first[:], second[:] = 1.0, 2.0
    column = defined("x", second)
    del first, second
    assert column.sum() == 2_000.0
    assert columns_of(3, 0).shape == (3, 0)


def test_days_count_from_the_epoch() -> None:
    assert days_of(pl.Series(["1970-01-02", "1969-12-31"]).str.to_date()).tolist() == [1, -1]


def test_an_error_in_a_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda block: print(1 / block), [1, 0, 2])
