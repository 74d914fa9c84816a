"""Slippage by order and session, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.trading.brokers.simulated import Hostility, SimulatedBroker
from trading_assets.trading.divergence.fill_bets import wealth_of_fills
from trading_assets.trading.divergence.slippage import excess_by_session, slippage_of_fills
from trading_assets.trading.settlement import Settling, settle
from trading_assets.trading.tables import FILLS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.trading.divergence.accounts import (
    CONFIGURATION,
    DAYS,
    OPENING,
    broker_fill,
    broker_fills,
    engine_fill,
    engine_fills,
)
from trading_assets_tests.trading.test_settlement import NOW, account, never, settled_by_evening

__all__ = ["account"]


def test_parts_of_an_order_are_one_by_their_quantities() -> None:
    """10.01 for 4 and 10.03 for 6: 10.022, 22 bp of 10.00; (22 - 8) / 6 deviations."""
    fill = engine_fill(1)
    parts = [broker_fill(fill, quantity=4.0), broker_fill(fill, 2, quantity=6.0, price=10.03)]
    [row] = slippage_of_fills(CONFIGURATION, OPENING, broker_fills(*parts), engine_fills(fill)).to_dicts()
    assert (row["quantity"], row["raw_price"], row["modelled_bps"]) == (10.0, 10.0, 8.0)
    assert row["price"] == pytest.approx(10.022)
    assert row["paid_bps"] == pytest.approx(22.0)
    assert row["excess"] == pytest.approx(14 / 6)


def test_a_sale_pays_what_it_receives_less() -> None:
    fill = engine_fill(1, side="sell")
    [row] = slippage_of_fills(
        CONFIGURATION, OPENING, broker_fills(broker_fill(fill, price=9.98)), engine_fills(fill)
    ).to_dicts()
    assert row["paid_bps"] == pytest.approx(20.0)


def test_what_no_open_is_known_of_is_left_out() -> None:
    """Of another session, of no order of ours, at the value of a delisting, and what the engine did not book."""
    late, desk, ended, alone = (engine_fill(1, name) for name in ("AAA", "BBB", "CCC", "DDD"))
    told = broker_fills(
        broker_fill(late, session=DAYS[2]),
        broker_fill(desk, client_order_id=None),
        broker_fill(ended),
        broker_fill(alone),
    )
    booked = engine_fills(late, desk, ended | {"modelled_slippage_bps": None, "slippage_deviation_bps": None})
    assert slippage_of_fills(CONFIGURATION, OPENING, told, booked).is_empty()


def test_fills_of_a_session_come_in_the_order_of_their_ids() -> None:
    """Two of (10 - 8) / 6 = 1/3 in a session, one in a later one; a session without any has none."""
    fills = [engine_fill(1), engine_fill(1, "BBB"), engine_fill(3)]
    told = broker_fills(*map(broker_fill, fills))
    slippage = slippage_of_fills(CONFIGURATION, OPENING, told, engine_fills(*fills))
    found = excess_by_session(slippage, DAYS[:4])
    assert [each.tolist() for each in found] == [[], pytest.approx([1 / 3, 1 / 3]), [], pytest.approx([1 / 3])]
    assert [each.size for each in excess_by_session(slippage.clear(), DAYS[:2])] == [0, 0]
    shuffled = slippage_of_fills(CONFIGURATION, OPENING, told.reverse(), engine_fills(*fills).reverse())
    assert shuffled.equals(slippage)


@pytest.mark.slow
def test_doubled_slippage_of_a_broker_is_found_and_a_clean_one_is_not_accused(
    account: Settling, tmp_path: Path
) -> None:
    """An account of a year at brokers on files of their own: the money of the bet after its last fill.

    Each evening a person accepts what differs: entries would stop at the first other price.
    """
    money = {}
    for multiple in (1.0, 2.0):
        folder = tmp_path / str(multiple)
        folder.mkdir()
        broker = SimulatedBroker(folder / "b.db", Hostility(slippage=multiple))
        warehouse = Warehouse(folder / "w.duckdb")
        if multiple == 1.0:  # nothing differs
            settle(warehouse, broker, account, None, is_halted=never, now=NOW)
        else:
            settled_by_evening(account, warehouse, broker)
        slippage = slippage_of_fills("small", account.opening, warehouse.read(FILLS), account.engine_fills)
        assert slippage.height > 20
        money[multiple] = wealth_of_fills(excess_by_session(slippage, account.sessions))
    assert money[1.0].max() < 100.0
    assert money[2.0].max() >= 100.0
