"""The local service, a broker at it, and a wall: nothing that is tested here reaches another machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from trading_assets.config.trading import AlpacaSettings
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.line import Line
from trading_assets_tests.trading.brokers.alpaca.service import KEY, SECRET, Alpaca, alpaca

KEYS = (SecretStr(KEY), SecretStr(SECRET))


@pytest.fixture(autouse=True)
def _wall(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] != "127.0.0.1":
            raise AssertionError(f"a test reached for {address[0]}")
        reach(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def service() -> Iterator[Alpaca]:
    with alpaca() as found:
        yield found


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the line would have waited."""
    return []


@pytest.fixture
def line(service: Alpaca, waits: list[float]) -> Line:
    settings = AlpacaSettings(base_url=service.url, data_url=service.url, timeout_seconds=0.6, attempts=3)
    return Line(settings, KEYS, is_live=False, sleep=waits.append)


@pytest.fixture
def broker(line: Line) -> AlpacaBroker:
    return AlpacaBroker(line, {"BTC": "BTC/USD", "BTCE": "BTC/EUR"})
