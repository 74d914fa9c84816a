"""The broker of an account: simulated, or a real one that has said who it is; nothing is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.connect import broker_of
from trading_assets.trading.brokers.interactive_brokers.broker import InteractiveBrokersBroker
from trading_assets.trading.brokers.port import BrokerRefusedError, BrokerUnavailableError
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.opening import Opening
from trading_assets_tests.config.test_loading import MINIMAL, load
from trading_assets_tests.trading.brokers.alpaca.service import KEY, SECRET, Alpaca, alpaca
from trading_assets_tests.trading.brokers.interactive_brokers.tws import Tws

NOW = dt.datetime(2017, 7, 11, 2, 0)
SIMULATED = Opening("known", "known-1", NOW.date(), 50_000.0, "go", "0" * 64, "ops", NOW)
PAPER, LIVE = (replace(SIMULATED, broker="alpaca", mode=mode) for mode in ("paper", "live"))


def then() -> dt.datetime:
    return NOW


def a_minute_later() -> dt.datetime:
    return NOW + dt.timedelta(minutes=1)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Alpaca]:
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    with alpaca() as found:
        yield found


def configured(folder: Path, url: str, more: str = "") -> Configuration:
    return load(folder, MINIMAL + f"trading: {{broker: alpaca, alpaca: {{base_url: '{url}'}}{more}}}\n")


def test_the_broker_is_that_of_the_opening_whatever_is_configured_since(tmp_path: Path, service: Alpaca) -> None:
    configuration = configured(tmp_path, service.url)
    made = broker_of(configuration, SIMULATED, then)
    assert isinstance(made, SimulatedBroker)
    assert made.account().cash == 50_000.0
    assert service.asked == []
    assert isinstance(broker_of(configuration, PAPER, then), AlpacaBroker)
    assert {method for method, _, _ in service.asked} == {"GET"}


def test_a_live_account_is_nothing_where_live_trading_is_off(tmp_path: Path, service: Alpaca) -> None:
    with pytest.raises(BrokerRefusedError, match="live trading is off"):
        broker_of(configured(tmp_path, service.url), LIVE, then)
    assert service.asked == []


def test_live_and_paper_are_not_taken_for_each_other(tmp_path: Path, service: Alpaca) -> None:
    configuration = configured(tmp_path, service.url, ", live: true, live_account: '123456789'")
    with pytest.raises(BrokerRefusedError, match="is a paper account, and a live one was meant"):
        broker_of(configuration, LIVE, then)
    service.account["account_number"] = "123456789"
    assert isinstance(broker_of(configuration, LIVE, then), AlpacaBroker)
    with pytest.raises(BrokerRefusedError, match="paper was meant"):
        broker_of(configuration, PAPER, then)


def test_a_clock_that_is_wrong_stops_everything(tmp_path: Path, service: Alpaca) -> None:
    with pytest.raises(BrokerRefusedError, match="clock is -60 s from ours"):
        broker_of(configured(tmp_path, service.url), PAPER, a_minute_later)


def test_our_time_is_taken_beside_that_of_the_broker(tmp_path: Path, service: Alpaca) -> None:
    """Its first answer comes after a minute of retries: both clocks have gone on by then."""

    def by_the_service() -> dt.datetime:
        return NOW + dt.timedelta(minutes=1 if service.asked else 0)

    service.now += dt.timedelta(minutes=1)
    assert isinstance(broker_of(configured(tmp_path, service.url), PAPER, by_the_service), AlpacaBroker)


def test_bad_keys_and_missing_ones_are_said_without_them(
    tmp_path: Path, service: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configured(tmp_path, service.url)
    monkeypatch.setenv("APCA_API_SECRET_KEY", "another-secret")
    with pytest.raises(BrokerRefusedError, match="APCA_API_SECRET_KEY") as caught:
        broker_of(configuration, PAPER, then)
    assert "another-secret" not in str(caught.value)
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    with pytest.raises(ConfigurationError, match="APCA_API_SECRET_KEY"):
        broker_of(configuration, PAPER, then)


def test_a_broker_that_does_not_answer_is_unavailable(tmp_path: Path, service: Alpaca) -> None:
    service.faults = ["deaf"] * 8
    with pytest.raises(BrokerUnavailableError):
        broker_of(configured(tmp_path, service.url), PAPER, then)


AT_IB, LIVE_AT_IB = (replace(SIMULATED, broker="interactive_brokers", mode=mode) for mode in ("paper", "live"))


def at_ib(folder: Path, tws: Tws, more: str = "") -> Configuration:
    return load(folder, MINIMAL + f"trading: {{interactive_brokers: {{port: {tws.port}}}{more}}}\n")


def test_interactive_brokers_says_who_it_is_and_what_time_it_is_before_anything_is_sent(tmp_path: Path) -> None:
    with Tws(now=NOW.replace(tzinfo=dt.UTC)) as tws:
        broker = broker_of(at_ib(tmp_path, tws), AT_IB, then)
        assert isinstance(broker, InteractiveBrokersBroker)
        assert broker.account().account_id == "DU123"
        assert tws.orders == []
        with pytest.raises(BrokerRefusedError, match="clock is -60 s from ours"):
            broker_of(at_ib(tmp_path, tws), AT_IB, a_minute_later)


def test_a_live_account_at_interactive_brokers_is_the_one_that_is_said_twice(tmp_path: Path) -> None:
    said = ", live: true, live_account: U125"
    with Tws(accounts=["U125"], now=NOW.replace(tzinfo=dt.UTC)) as tws:
        with pytest.raises(BrokerRefusedError, match="U125 is a live account"):
            broker_of(at_ib(tmp_path, tws, said), AT_IB, then)
        made = broker_of(at_ib(tmp_path, tws, said), LIVE_AT_IB, then)
        assert not made.account().is_paper
        with pytest.raises(BrokerRefusedError, match="live trading is off"):
            broker_of(at_ib(tmp_path, tws), LIVE_AT_IB, then)
        tws.accounts = ["U124"]
        with pytest.raises(BrokerRefusedError, match="the login has no account U125"):
            broker_of(at_ib(tmp_path, tws, said), LIVE_AT_IB, then)
