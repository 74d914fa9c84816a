"""The money of a run, from its fills alone: replayed with splits, dividends and borrow, it is the cash on record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trading_assets.backtests.engine.dtypes import BUY
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets_tests.backtests.random_markets import Case, cases, target_cases
from trading_assets_tests.backtests.reference_arithmetic import floor_to_lot


def _replayed(case: Case, found: Simulation) -> tuple[list[float], list[float]]:
    """Cash and equity at every close."""
    market, cash = case.market, case.settings.starting_equity
    a_day = float(case.run_parameters["borrow_multiplier"][0]) / 1e4 / 365
    held: dict[int, dict[str, Any]] = {}
    cashes, equities = [], []
    for t in range(found.first_session, found.first_session + found.equity.size):
        for lot in held.values():
            i, quantity = lot["symbol"], lot["quantity"]
            if quantity < 0:
                rate = market.borrow_bps[t - 1, i] * a_day
                cash += quantity * lot["mark"] * rate * (market.day[t] - market.day[t - 1])
            cash += quantity * market.cash_dividend[t, i]
            if (ratio := market.split_ratio[t, i]) != 1:
                for name in ("mark", "believed", "doubted"):
                    lot[name] /= ratio
                lot["quantity"] = np.copysign(floor_to_lot(abs(quantity * ratio), market.lot[i]), quantity)
                price = market.open[t, i] if np.isfinite(market.open[t, i]) else lot["mark"]
                cash += (quantity * ratio - lot["quantity"]) * price
        for fill in found.fills[found.fills["session"] == t]:
            change = fill["quantity"] if fill["side"] == BUY else -fill["quantity"]
            cash -= change * fill["price"] + fill["fee"]
            lot = held.setdefault(
                int(fill["round_trip"]),
                {
                    "symbol": fill["symbol"], "quantity": 0.0, "mark": fill["price"], "believed": fill["price"],
                    "doubt": -1, "doubted": 0.0, "short": fill["side"] != BUY,
                },
            )  # fmt: skip
            lot["quantity"] += change
        for lot in held.values():
            i, close = lot["symbol"], market.close[t, lot["symbol"]]
            if not market.expected[t, i] or np.isnan(close):
                continue
            if lot["doubt"] >= 0 and not market.refuted[lot["doubt"], i]:
                lot["believed"] = lot["doubted"]
            lot["doubt"] = -1
            if market.present[t, i]:
                lot["mark"] = lot["believed"] = close
            else:
                lot["doubt"], lot["doubted"] = t, close
                lot["mark"] = max(lot["believed"], close) if lot["short"] else min(lot["believed"], close)
        cashes.append(cash)
        equities.append(cash + sum(lot["quantity"] * lot["mark"] for lot in held.values()))
    return cashes, equities


def _assert_adds_up(case: Case) -> None:
    found = simulate(case.market, case.signals, case.run_parameters, case.settings)
    money = case.settings.starting_equity
    cash, equity = _replayed(case, found)
    np.testing.assert_allclose(found.cash, cash, rtol=1e-9, atol=1e-9 * money)
    np.testing.assert_allclose(found.equity, equity, rtol=1e-9, atol=1e-9 * money)
    left = found.positions_at_end
    open_pnl = left["flow"] + left["quantity"] * left["mark"]
    earned = found.trades["pnl"].sum() + open_pnl.sum()
    assert found.equity[-1] - money == pytest.approx(earned, rel=1e-9, abs=1e-8 * money)


@hypothesis_settings(max_examples=80, database=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(cases(), target_cases()))
def test_fills_explain_the_cash_of_every_session(case: Case) -> None:
    _assert_adds_up(case)
