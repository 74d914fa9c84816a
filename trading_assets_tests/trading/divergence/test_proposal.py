"""The proposal: what was put into fills comes out, with few fills nothing does."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import Costs
from trading_assets.trading.divergence.proposal import LEAST_FILLS, slippage_proposal
from trading_assets.trading.divergence.tables import SLIPPAGE
from trading_assets_tests.backtests.frames import weekdays

CLASSES = {"AAA": "equity", "BTC": "crypto"}


def fills(paid: list[float], modelled: float = 8.0, a_day: int = 2, symbol: str = "AAA") -> pl.DataFrame:
    days = weekdays(len(paid))
    rows = [
        {
            "strategy": "s",
            "account": "s-1",
            "label": "paper, verdict reject",
            "session": days[number // a_day],
            "client_order_id": f"{symbol}-{number:03d}",
            "symbol": symbol,
            "side": "buy",
            "quantity": 1.0,
            "raw_price": 10.0,
            "price": 10.0,
            "paid_bps": bps,
            "modelled_bps": modelled,
            "deviation_bps": 6.0,
            "excess": 0.0,
        }
        for number, bps in enumerate(paid)
    ]
    return SLIPPAGE.conform(pl.DataFrame(rows))


def test_doubled_slippage_doubles_the_base_and_lowers_the_error() -> None:
    """Each fill pays 14 or 18 where 8 was modelled: 16, twice; errors of sqrt(68) before, of 2 or so after."""
    [row] = slippage_proposal(fills([14.0, 18.0] * 20), CLASSES, Costs(), 7).to_dicts()
    assert (row["key"], row["fills"], row["sessions"], row["before"]) == ("costs.equity.slippage_bps", 40, 20, 8.0)
    assert row["after"] == pytest.approx(16.0)
    assert row["low"] == pytest.approx(row["high"]) == pytest.approx(16.0), "sessions are all alike"
    assert row["error_before"] == pytest.approx(68**0.5)
    assert row["error_after"] == pytest.approx(2.0)
    assert row["advice"] == "change, by a new registration"


def test_what_is_as_modelled_is_left_as_it_is() -> None:
    paid = np.maximum(0.0, 8.0 + 6.0 * np.random.default_rng(3).standard_normal(80)).tolist()
    [row] = slippage_proposal(fills(paid), CLASSES, Costs(), 7).to_dicts()
    assert row["low"] < 8.0 < row["high"]
    assert row["advice"] == "none: what there is explains it"


def test_with_few_fills_nothing_is_proposed() -> None:
    for few in (fills([16.0] * (LEAST_FILLS - 1)), fills([16.0] * 40, a_day=5)):
        [row] = slippage_proposal(few, CLASSES, Costs(), 7).to_dicts()
        assert row["after"] is None
        assert row["advice"].startswith("none: it takes 30 fills")


def test_asset_classes_are_apart_and_order_and_seed_decide_nothing_else() -> None:
    both = pl.concat([fills([14.0, 18.0] * 20), fills([5.0, 25.0] * 20, 10.0, symbol="BTC")])
    found = slippage_proposal(both, CLASSES, Costs(), 7)
    assert found["key"].to_list() == ["costs.crypto.slippage_bps", "costs.equity.slippage_bps"]
    assert found["before"].to_list() == [10.0, 8.0]
    assert slippage_proposal(both.reverse(), CLASSES, Costs(), 7).equals(found)
    assert slippage_proposal(both.clear(), CLASSES, Costs(), 7).is_empty()


def test_a_better_price_than_the_open_proposes_no_negative_slippage() -> None:
    [row] = slippage_proposal(fills([-2.0] * 40), CLASSES, Costs(), 7).to_dicts()
    assert row["after"] == 0.0
