"""A plan says what a person decided, and nothing of the data."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.strategies import equity_momentum
from trading_assets.strategies.evaluation.plan import Plan, plan_of
from trading_assets.strategies.interface.resolved import configured_strategy

REGISTERED = {"registered_on": "2020-01-05", "hypothesis": "Breakouts go on for a while."}
SPANS = {
    name: Interval(start=dt.date(2020, month, 1), end=dt.date(2020, month, 28))
    for name, month in (("train", 1), ("validation", 2), ("holdout", 3))
}


def plan(stop_atr: float = 2.5, spans: dict[str, Interval] = SPANS, **changes: object) -> Plan:
    values = {
        "name": "test",
        "start": "2020-01-01",
        "market_data": [{"source": "sample"}],
        "strategies": {"s": {"type": "equity_momentum", "parameters": equity_momentum.Parameters(stop_atr=stop_atr)}},
        "registration": {"s": REGISTERED},
        "data": Path("somewhere"),
    }
    configuration = Configuration.model_validate({**values, **changes})
    return plan_of(configuration, configured_strategy(configuration, "s"), spans)


def test_a_plan_says_what_was_decided_and_nothing_of_the_data() -> None:
    content = json.loads(plan(stop_atr=3.0).content)
    assert (content["parameters"], content["splits"]["holdout"]) == ({"stop_atr": 3.0}, ["2020-03-01", "2020-03-28"])
    assert not {"data_hash", "quarantine", "delisted", "sectors"} & content.keys()


@pytest.mark.parametrize(
    "changed",
    [
        plan(stop_atr=3.0),
        plan(spans={**SPANS, "holdout": Interval(start=dt.date(2020, 3, 2), end=dt.date(2020, 3, 28))}),
        plan(seed=1),
        plan(robustness={"verdict": {"reject_dsr": 0.9}}),
        plan(costs={"equity": {"fee_bps": 2}}),
        plan(registration={"s": {**REGISTERED, "indices": {"SPY": "S&P 500"}}}),
    ],
)
def test_what_a_person_changes_is_another_plan(changed: Plan) -> None:
    assert changed.hash != plan().hash


def test_what_equals_a_default_or_decides_nothing_of_it_is_the_same_plan() -> None:
    assert plan(costs={"equity": {"fee_bps": 1}}, as_of="2021-01-01", reports={"data_docs": False}).hash == plan().hash
    assert plan(registration={"s": {**REGISTERED, "indices": {}}}).content == plan().content
