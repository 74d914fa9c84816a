"""Programs: each operation runs once, arrays are used again, and results are those of the formulas."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.features.compiled.expression import Expression, col
from trading_assets.features.compiled.program import program_of, run

X, Y = col("x"), col("y")
COLUMNS = {"x": np.array([1.0, 2.0, 4.0]), "y": np.array([3.0, 5.0, 7.0])}


def values_of(expressions: dict[str, Expression]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    run(program_of(expressions), COLUMNS, np.array([0, 3]), lambda name, values: found.update({name: values.tolist()}))
    return found


def test_a_shared_part_is_computed_once_and_each_name_has_its_values() -> None:
    both = X + Y
    program = program_of({"a": both * 2, "b": both * 2, "c": both - X, "d": both, "e": X})
    operations = [step for step in program if step.operation is not None]
    assert len(operations) == 3
    expected = {"a": [8, 14, 22], "b": [8, 14, 22], "c": [3, 5, 7], "d": [4, 7, 11], "e": [1, 2, 4]}
    assert values_of({"a": both * 2, "b": both * 2, "c": both - X, "d": both, "e": X}) == expected


@settings(max_examples=50)
@given(st.data())
def test_arrays_that_are_used_again_spoil_nothing(data: st.DataObject) -> None:
    """Random formulas of what was made before, against NumPy on fresh arrays."""
    expressions, arrays = [X, Y], [COLUMNS["x"], COLUMNS["y"]]
    for _ in range(data.draw(st.integers(1, 15))):
        one, other = (data.draw(st.integers(0, len(expressions) - 1)) for _ in range(2))
        make: Callable[[Any, Any], Any] = data.draw(st.sampled_from([operator.add, operator.sub, operator.mul]))
        expressions.append(make(expressions[one], expressions[other]))
        arrays.append(make(arrays[one], arrays[other]))
    asked = data.draw(st.lists(st.integers(0, len(expressions) - 1), min_size=1))
    found = values_of({str(place): expressions[place] for place in asked})
    for place in asked:
        np.testing.assert_array_equal(found[str(place)], arrays[place])


def test_a_longer_block_after_a_shorter_one_has_longer_arrays() -> None:
    sizes = []
    for rows in (2, 5, 3):
        columns = {"x": np.arange(float(rows)), "y": np.ones(rows)}
        run(program_of({"a": X + Y}), columns, np.array([0, rows]), lambda _, values: sizes.append(values.size))
    assert sizes == [2, 5, 3]
