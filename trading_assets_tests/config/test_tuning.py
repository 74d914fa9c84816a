from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trading_assets.config.tuning import Choices, Range, Tuning


@pytest.mark.parametrize(
    ("made", "inside", "outside"),
    [
        (Range(low=2, high=6), [2, 4, 6, 4.5], [1, 7, "4", True, None]),
        (Range(low=50, high=200, step=50), [50, 150], [75, 250]),
        (Range(low=0.0, high=0.3, step=0.1), [0.1, 0.2, 0.30000000000000004 - 1e-16], [0.15]),
        (Range(low=0.01, high=1.0, log=True), [0.01, 0.5], [0.0]),
        (Choices(choices=[1, 2]), [1, 2], [3, 1.0, True]),
        (Choices(choices=[[8], [16, 8]]), [[8], [16, 8]], [[16], 8]),
    ],
)
def test_what_a_range_has(made: Range | Choices, inside: list[Any], outside: list[Any]) -> None:
    assert [each for each in inside if not made.has(each)] == []
    assert [each for each in outside if made.has(each)] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"low": 3, "high": 3}, "the range ends at 3, and begins at 3"),
        ({"low": 0, "high": 3, "log": True}, "log asks for a range above 0"),
        ({"low": 1, "high": 3, "log": True, "step": 1}, "a step or is log, not both"),
        ({"low": 1, "high": float("nan")}, "finite"),
        ({"low": "1", "high": 3}, "valid"),
        ({"low": 1}, "required"),
        ({"low": 1, "high": 3, "stop": 2}, "Extra inputs"),
        ({"choices": [1]}, "at least 2"),
    ],
)
def test_what_is_no_range(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Tuning.model_validate({"search": {"depth": values}})


@pytest.mark.parametrize(
    "values", [{"trials": 1}, {"inner_folds": 11}, {"search": {"a": {"low": 1, "high": 2}}, "trials": 201}]
)
def test_a_search_has_an_end(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Tuning.model_validate(values)
