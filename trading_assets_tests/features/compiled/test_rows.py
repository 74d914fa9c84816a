"""Operations on single rows: what is undefined stays undefined, and dates are those of the calendar."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.features.compiled import rows

BOUNDS = np.array([0, 4])
NAN = math.nan


def result(operation: object, *arguments: object) -> list[float]:
    out = np.empty(4)
    assert callable(operation)
    operation(out, BOUNDS, *arguments)
    return out.tolist()


def test_comparisons_with_what_is_undefined_are_undefined() -> None:
    one, other = np.array([1.0, 2.0, NAN, 1.0]), np.array([2.0, 2.0, 1.0, NAN])
    np.testing.assert_array_equal(result(rows.less, one, other), [1, 0, NAN, NAN])
    np.testing.assert_array_equal(result(rows.greater, one, 1.0), [0, 1, NAN, 0])
    np.testing.assert_array_equal(result(rows.equal, one, other), [0, 1, NAN, NAN])


def test_only_where_a_condition_holds_is_a_value() -> None:
    condition, values = np.array([1.0, 0.0, NAN, 1.0]), np.array([5.0, 6.0, 7.0, NAN])
    np.testing.assert_array_equal(result(rows.where, condition, values, NAN), [5, NAN, NAN, NAN])
    np.testing.assert_array_equal(result(rows.where, condition, values, 0.0), [5, 0, 0, NAN])
    np.testing.assert_array_equal(result(rows.defined_with, values, condition), [5, 6, NAN, NAN])


def test_a_clip_has_one_bound_or_two() -> None:
    values = np.array([-2.0, 0.5, 2.0, NAN])
    np.testing.assert_array_equal(result(rows.clip, values, -1, 1), [-1, 0.5, 1, NAN])
    np.testing.assert_array_equal(result(rows.clip, values, 0, None), [0, 0.5, 2, NAN])
    np.testing.assert_array_equal(result(rows.clip, values, None, 0), [-2, 0, 0, NAN])


def test_logarithms_and_tangents_are_those_of_the_c_library() -> None:
    values = np.array([0.01, 0.9999, 1.0001, 250.0])
    assert result(rows.logarithm, values) == [math.log(value) for value in values]
    assert result(rows.hyperbolic_tangent, values) == [math.tanh(value) for value in values]


@settings(max_examples=50)
@given(st.dates())
def test_days_are_those_of_the_calendar(day: dt.date) -> None:
    days = np.full(4, float((day - dt.date(1970, 1, 1)).days))
    assert set(result(rows.weekday, days)) == {day.isoweekday()}
    assert set(result(rows.month, days)) == {day.month}


def test_a_value_is_looked_up_by_its_place() -> None:
    assert result(rows.look_up, np.array([1.0, 3.0, 2.0, 1.0]), (10.0, 20.0, 30.0)) == [10, 30, 20, 10]
