"""Expressions: what they are made of, and that each of their operations is there."""

from __future__ import annotations

import inspect

import pytest

from trading_assets.features.catalog import FEATURES
from trading_assets.features.compiled import expression
from trading_assets.features.compiled.expression import Expression, col
from trading_assets.features.compiled.program import program_of
from trading_assets.features.compiled.words import CLOSE
from trading_assets.features.indicators import INDICATORS


def test_the_same_expression_has_the_same_key_and_another_one_another() -> None:
    assert (CLOSE / CLOSE.shift(1)).key == (col("close") / col("close").shift(1)).key
    keys = {each.key for each in (CLOSE.shift(1), CLOSE.shift(2), CLOSE.rolling_mean(2), CLOSE - 1, 1 - CLOSE)}
    assert len(keys) == 5


def test_columns_are_named_once() -> None:
    assert (CLOSE / col("open") + CLOSE.rolling_sum(3)).root_names() == ["close", "open"]


def test_only_squares_are_powers() -> None:
    assert (CLOSE**2).key == (CLOSE * CLOSE).key
    with pytest.raises(ValueError, match="only squares"):
        CLOSE**3


def test_every_word_has_an_operation_that_runs() -> None:
    """Each method and function is called with as many expressions and small numbers as it wants."""
    made = []
    of_a_record = {"__init__", "__post_init__", "__setattr__", "__delattr__", "__repr__"}
    named = {name: value for name, value in vars(Expression).items() if inspect.isfunction(value)}
    methods = [value for name, value in named.items() if name not in of_a_record]
    own = [value for value in vars(expression).values() if getattr(value, "__module__", "") == expression.__name__]
    functions = [value for value in own if inspect.isfunction(value)]
    for word in (*methods, *functions):
        values = {"self": CLOSE, "bars": (CLOSE, CLOSE, CLOSE), "values": CLOSE, "name": "close", "exponent": 2}
        parameters = inspect.signature(word).parameters.values()
        numbers = {"window", "sessions", "fast", "slow", "signal", "lower", "upper", "otherwise"}
        given = [values.get(each.name, 2 if each.name in numbers else CLOSE) for each in parameters]
        if word.__name__ == "look_up":
            given[1] = (1.0, 2.0)
        result = word(*given)
        made += [result] if isinstance(result, Expression) else []
    assert len(made) > 50
    assert program_of({str(place): each for place, each in enumerate(made)})


def test_the_house_is_written_in_these_words_alone() -> None:
    """What Polars computes would be computed with whole columns, and slowly."""
    assert all(isinstance(feature.expression, Expression) for feature in FEATURES)
    assert all(isinstance(each, Expression) for each in INDICATORS.values())
