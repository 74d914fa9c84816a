"""What TWS says with empty fields, NaN, text and the largest float there is: refused in words, never a number."""

from __future__ import annotations

import pytest

from trading_assets.trading.brokers.port import BrokerUnavailableError
from trading_assets_tests.trading.brokers.interactive_brokers.asking import asking
from trading_assets_tests.trading.brokers.interactive_brokers.tws import Tws
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import AAPL, Executed


@pytest.mark.parametrize("text", ["", "NaN", "inf", "n/a", "null", "1.7976931348623157E308"])
@pytest.mark.parametrize("tag", ["TotalCashValue", "BuyingPower"])
def test_a_value_of_the_account_that_is_no_number_is_none(tag: str, text: str) -> None:
    with Tws() as tws:
        tws.values[tag] = (text, "USD")
        with pytest.raises(BrokerUnavailableError, match=f"not as documented: TWS says '{text}' of {tag}"):
            asking(tws).account()


def test_a_value_that_is_missing_is_named() -> None:
    with Tws() as tws:
        del tws.values["TotalCashValue"]
        with pytest.raises(BrokerUnavailableError, match="TWS does not tell TotalCashValue of DU123"):
            asking(tws).account()


def test_a_position_of_nan_is_none() -> None:
    with Tws() as tws:
        tws.positions = [("DU123", AAPL, float("nan"), 200.0)]
        with pytest.raises(BrokerUnavailableError, match="not as documented: position in AAPL"):
            asking(tws).positions()


@pytest.mark.parametrize("change", [{"side": "HELD"}, {"price": float("nan")}, {"quantity": float("nan")}])
def test_an_execution_that_is_no_fill_is_none(change: dict[str, object]) -> None:
    words: dict[str, object] = {"price": 50.0, "quantity": 10.0} | change
    with Tws() as tws:
        tws.executions.append(Executed("e.a.01", "ta-1", **words))  # type: ignore[arg-type]
        with pytest.raises(BrokerUnavailableError, match=r"not as documented: fill e.a of AAPL"):
            asking(tws).fills()
