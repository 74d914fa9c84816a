"""Groups of a cross-validation: how many there may be."""

from __future__ import annotations

from math import comb

import pytest
from pydantic import ValidationError

from trading_assets.config.cross_validation import MOST_TRAININGS, CrossValidation


@pytest.mark.parametrize(
    ("groups", "tested", "said"),
    [(4, 4, "none is left to train"), (12, 6, f"924 trainings, and at most {MOST_TRAININGS} are allowed")],
)
def test_too_many_groups_are_refused(groups: int, tested: int, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CrossValidation(groups=groups, tested=tested)


def test_six_groups_of_which_two_are_tested_are_the_default() -> None:
    own = CrossValidation()
    assert (own.groups, own.tested, own.embargo_sessions) == (6, 2, 5)


def test_the_most_trainings_are_taken() -> None:
    assert CrossValidation(groups=12, tested=4).groups == 12
    assert comb(12, 4) == 495 <= MOST_TRAININGS
