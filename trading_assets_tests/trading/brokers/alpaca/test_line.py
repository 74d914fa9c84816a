"""The line: what is asked again, what is not, how long is waited, and that no key is told."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from trading_assets.config.trading import AlpacaSettings
from trading_assets.trading.brokers.alpaca.line import Line, NotTakenError
from trading_assets.trading.brokers.port import BrokerRefusedError, BrokerUnavailableError
from trading_assets_tests.trading.brokers.alpaca.conftest import KEYS
from trading_assets_tests.trading.brokers.alpaca.service import KEY, SECRET, Alpaca

ORDER = {"symbol": "AAA", "qty": "1", "side": "buy", "type": "market", "time_in_force": "opg", "client_order_id": "one"}


@pytest.mark.parametrize("fault", ["deaf", "mute", "500", "504", "cut", "slow"])
def test_a_question_is_asked_again(fault: str, line: Line, service: Alpaca, waits: list[float]) -> None:
    service.faults = [fault, fault]
    assert line.get("/account")["account_number"] == "PA3TEST00001"
    assert waits == [0.5, 1.0]
    service.faults = [fault] * 3
    with pytest.raises(BrokerUnavailableError) as caught:
        line.get("/account")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["deaf", "mute", "500", "504", "cut", "slow"])
def test_an_order_is_sent_once_whatever_happens(fault: str, line: Line, service: Alpaca, waits: list[float]) -> None:
    service.faults = [fault]
    with pytest.raises(BrokerUnavailableError):
        line.post("/orders", ORDER)
    assert [method for method, _, _ in service.asked] == ["POST"]
    assert waits == []


@pytest.mark.parametrize(("said", "waited"), [("3", [3.0]), ("900", [30.0]), ("Wed, 21 Oct 2015 07:28:00 GMT", [0.5])])
def test_who_is_asked_to_wait_waits_and_sends_again(
    said: str, waited: list[float], line: Line, service: Alpaca, waits: list[float]
) -> None:
    """Alpaca has not looked at an order that it answers with 429."""
    service.faults, service.retry_after = ["429"], said
    assert line.post("/orders", ORDER)["status"] == "accepted"
    assert waits == waited
    assert len(service.orders) == 1


def test_bad_keys_are_refused_with_the_names_of_the_keys_alone(service: Alpaca) -> None:
    settings = AlpacaSettings(base_url=service.url, key_variable="MY_KEY", secret_variable="MY_SECRET")
    line = Line(settings, (SecretStr("another-key"), SecretStr("another-secret")), is_live=False)
    with pytest.raises(BrokerRefusedError, match="MY_KEY and MY_SECRET") as caught:
        line.get("/account")
    assert "another" not in str(caught.value)


def test_a_no_to_one_request_has_its_code_and_words(line: Line) -> None:
    with pytest.raises(NotTakenError) as caught:
        line.get("/assets/NONE")
    assert (caught.value.status, caught.value.code, caught.value.message) == (404, 40410000, "asset not found")


def test_paper_is_asked_unless_it_is_said_that_money_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the addresses alone: nothing is sent."""
    monkeypatch.setenv("APCA_API_BASE_URL", "https://api.alpaca.markets")
    addresses = [Line(AlpacaSettings(), KEYS, is_live=live)._client._base_url for live in (False, True)]
    assert [str(getattr(each, "value", each)) for each in addresses] == [
        "https://paper-api.alpaca.markets",
        "https://api.alpaca.markets",
    ]
    assert SECRET not in repr(Line(AlpacaSettings(), KEYS, is_live=False).__dict__["_keys"])
