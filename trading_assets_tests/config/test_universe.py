from __future__ import annotations

import pytest
from pydantic import ValidationError

from trading_assets.config.universe import DynamicUniverse


def test_defaults_leave_out_what_is_young_small_or_pegged() -> None:
    found = DynamicUniverse()
    assert (found.rebalance, found.largest, found.min_age, found.min_dollar_volume) == ("monthly", 20, 90, 1e6)


@pytest.mark.parametrize("wrong", [{"rebalance": "daily"}, {"largest": 0}, {"window": 4}, {"min_market_cap": -1}])
def test_what_makes_no_universe_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DynamicUniverse.model_validate(wrong)
