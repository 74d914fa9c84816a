"""Rows become what the pipeline gives a model, to the bit; whatever else is sent is named by row and feature."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.models.samples import matrix_of
from trading_assets.serving.rows import MOST_FAULTS, MOST_ROWS, RowsError, features_of_rows

NAMES = ("a", "b", "c")
NUMBERS = st.floats(-1e30, 1e30) | st.integers(-(10**9), 10**9)


@given(st.lists(st.tuples(NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS), min_size=1, max_size=20))
def test_numbers_are_those_of_the_pipeline_to_the_bit(rows: list[tuple[Any, ...]]) -> None:
    """Through JSON and back; `matrix_of` is what a run makes of the same values in `features.daily`."""
    body = json.loads(json.dumps({"rows": [dict(zip(reversed(NAMES), reversed(row), strict=True)) for row in rows]}))
    found = features_of_rows(body, NAMES)
    frame = pl.DataFrame([[*map(_number, row)] for row in rows], schema=dict.fromkeys(NAMES, pl.Float64), orient="row")
    wanted = matrix_of(frame, NAMES, pl.Series(range(frame.height)))
    assert found.dtype == np.float32
    assert found.tobytes() == wanted.tobytes()


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def faults_of(*rows: Any) -> list[tuple[int | None, str | None, str]]:
    sound = {"a": 1, "b": 2.0, "c": None}
    with pytest.raises(RowsError) as error:
        features_of_rows({"rows": [sound, *rows]}, NAMES)
    return [(each.row, each.feature, each.fault) for each in error.value.faults]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("1.5", "a text, expected a number or null"),
        (True, "a truth value, expected a number or null"),
        ([1], "no number, expected a number or null"),
        (float("nan"), "NaN, expected a number or null"),
        (float("inf"), "larger than single precision has"),
        (-1e39, "larger than single precision has"),
        (10**400, "larger than single precision has"),
    ],
)
def test_a_value_that_is_none_is_named_by_row_and_feature(value: Any, fault: str) -> None:
    assert faults_of({"a": 1.0, "b": value, "c": 3.0}) == [(1, "b", fault)]
    # Beside a value that is not known it is no less seen.
    assert faults_of({"a": None, "b": value, "c": 3.0}) == [(1, "b", fault)]


def test_features_that_are_missing_or_unknown_are_named() -> None:
    assert faults_of({"a": 1.0, "c": 3.0}, {"a": 1.0, "b": 1.0, "c": 1.0, "d": 2.0}) == [
        (1, "b", "missing, expected a number or null"),
        (2, "d", "unknown, the model has no such feature"),
    ]
    assert faults_of({"A": 1.0, "b": "x", "c": 1.0}) == [
        (1, "a", "missing, expected a number or null"),
        (1, "b", "a text, expected a number or null"),
        (1, "A", "unknown, the model has no such feature"),
    ]


def test_a_row_without_any_value_or_that_is_none_is_named() -> None:
    assert faults_of(dict.fromkeys(NAMES)) == [(1, None, "no feature has a value")]
    assert faults_of([1.0, 2.0, 3.0]) == [(1, None, "no object of features")]


@pytest.mark.parametrize("body", [None, [], {}, {"rows": []}, {"rows": {"a": 1}}, {"row": [{"a": 1}]}, "rows"])
def test_a_request_without_rows_is_told_what_is_expected(body: Any) -> None:
    with pytest.raises(RowsError) as error:
        features_of_rows(body, NAMES)
    assert error.value.as_json()["faults"][0]["row"] is None
    assert error.value.as_json()["faults"][0]["fault"].startswith('expected {"rows": ')


def test_no_answer_is_longer_than_its_reader_has_patience() -> None:
    with pytest.raises(RowsError) as error:
        features_of_rows({"rows": [{}] * 50}, NAMES)
    assert len(error.value.faults) == MOST_FAULTS
    assert error.value.as_json()["more"] is True
    with pytest.raises(RowsError, match=f"expected at most {MOST_ROWS} in one request"):
        features_of_rows({"rows": [{}] * (MOST_ROWS + 1)}, NAMES)
