"""The section `rollout`: it decides no result, and names strategies that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_assets.config.rollout import Rollout
from trading_assets_tests.backtests.frames import loaded


def test_what_is_asked_for_is_in_no_hash(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    changed = configuration.model_copy(update={"rollout": Rollout(shadow_sessions=3, sharpe_margin=0.1)})
    assert changed.hash == configuration.hash
    assert changed.hash_for("breakout") == configuration.hash_for("breakout")


def test_a_strategy_that_is_replaced_has_to_be_there(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    said = configuration.model_dump() | {"rollout": {"replaces": {"breakout": "nobody"}}}
    with pytest.raises(ValidationError, match=r"rollout.replaces: 'nobody' is not one of the strategies"):
        type(configuration).model_validate(said)


@pytest.mark.parametrize("wrong", [{"shadow_sessions": 0}, {"sharpe_level": 0.5}, {"sharpe_margin": -0.1}])
def test_numbers_that_would_ask_for_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Rollout.model_validate(wrong)
