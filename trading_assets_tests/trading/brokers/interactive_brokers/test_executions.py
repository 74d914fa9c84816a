"""Executions, their corrections, and what they cost."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from ib_async import CommissionReport, Contract, Execution

from trading_assets.trading.brokers.interactive_brokers.executions import (
    PATIENCE,
    corrected,
    costs_of,
    fills_of,
    stem_of,
)

MADE = dt.datetime(2026, 11, 30, 14, 30, tzinfo=dt.UTC)
SHARE = Contract(secType="STK", symbol="AAPL", currency="USD", conId=1)


def executed(number: str, price: float = 200.0, side: str = "BOT") -> tuple[int, Contract, Execution]:
    return 1, SHARE, Execution(execId=number, time=MADE, side=side, shares=10.0, price=price, orderRef="one")


def fills(
    told: list[tuple[int, Contract, Execution]], *costs: CommissionReport, now: dt.datetime = MADE
) -> list[object]:
    said = costs_of((each,) for each in costs)
    found = fills_of(corrected(told), said, now, named=lambda each: each.symbol, zones=lambda _: dt.UTC)
    return [(each.broker_fill_id, each.price, each.fee) for each in found]


def test_the_last_version_counts_in_whatever_order_they_are_told() -> None:
    """Ten versions: the tenth is later than the second, by its number and not by its letters."""
    versions = [executed("a.b.01", 1.0), executed("a.b.02", 2.0), executed("a.b.10", 10.0)]
    cost = CommissionReport(execId="a.b.10", commission=0.5, currency="USD")
    for order in itertools.permutations(versions):
        assert fills(list(order), cost) == [("a.b", 10.0, 0.5)]


def test_ids_without_a_version_are_executions_of_their_own() -> None:
    assert [stem_of(each) for each in ("abc", "a.bc", "a.b.01")] == ["abc", "a.bc", "a.b"]
    assert len(corrected([executed("abc"), executed("abd"), executed("a.bc")])) == 3


def test_the_cost_of_the_first_version_is_not_that_of_the_correction() -> None:
    versions = [executed("a.b.01"), executed("a.b.02", 199.0)]
    first = CommissionReport(execId="a.b.01", commission=0.5, currency="USD")
    assert fills(versions, first) == []
    assert fills(versions, first, now=MADE + PATIENCE) == [("a.b", 199.0, 0.0)]


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 0), (3_599.0, 0), (3_600.0, 1)])
def test_a_cost_that_tws_has_not_computed_is_waited_for_an_hour(seconds: float, count: int) -> None:
    unset = CommissionReport(execId="a.b.01", commission=1.7976931348623157e308, currency="USD")
    assert len(fills([executed("a.b.01")], unset, now=MADE + dt.timedelta(seconds=seconds))) == count


def test_a_rebate_is_a_negative_fee() -> None:
    rebate = CommissionReport(execId="a.b.01", commission=-0.02, currency="USD")
    assert fills([executed("a.b.01")], rebate) == [("a.b", 200.0, -0.02)]


@pytest.mark.parametrize(("name", "ours"), [("ta-1", "ta-1"), ("by hand", None), ("", None)])
def test_what_another_program_or_a_person_calls_an_order_is_no_id_of_ours(name: str, ours: str | None) -> None:
    _, contract, execution = executed("a.b.01")
    execution.orderRef = name
    [fill] = fills_of({"a.b": (contract, execution)}, {}, MADE + PATIENCE, named=lambda _: "A", zones=lambda _: dt.UTC)
    assert fill.client_order_id == ours
