"""Answers with null, NaN, text, lists and what is missing: refused in words, and never taken for a number."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.line import Line
from trading_assets.trading.brokers.port import BrokerFill, BrokerOrder, BrokerUnavailableError
from trading_assets_tests.trading.brokers.alpaca.service import Alpaca
from trading_assets_tests.trading.brokers.alpaca.test_broker import OPEN, coin, order

MISSING, _NUMBERS = object(), itertools.count(100)


def _new() -> str:
    """An id that the service has not heard."""
    return f"ta-{next(_NUMBERS)}"


BAD: tuple[Any, ...] = (None, math.nan, "NaN", "text", "", [], {}, MISSING)
#: Question of the port, path of its answers, and the name of a key that it cannot do without.
ASKED: dict[str, tuple[Callable[[AlpacaBroker], Any], str]] = {
    "account": (lambda broker: broker.account(), "/v2/account"),
    "clock": (lambda broker: broker.clock(), "/v2/clock"),
    "positions": (lambda broker: broker.positions(), "/v2/positions"),
    "orders": (lambda broker: broker.orders(), "/v2/orders"),
    "fills": (lambda broker: broker.fills(), "/v2/account/activities/FILL"),
    "fills by order": (lambda broker: broker.fills(), "/v2/orders"),
    "quotes": (lambda broker: broker.quotes(["AAA"]), "/v2/stocks/quotes/latest"),
    "cancel": (lambda broker: broker.cancel("ta-1"), "/v2/orders:by_client_order_id"),
    "asset": (lambda broker: broker.submit(order(_new())), "/v2/assets/AAA"),
    "coin": (lambda broker: broker.submit(coin(_new())), "/v2/assets/BTC/USD"),
    "submit by account": (lambda broker: broker.submit(order(_new())), "/v2/account"),
    "submit by clock": (lambda broker: broker.submit(order(_new())), "/v2/clock"),
    "sell by positions": (lambda broker: broker.submit(order(_new(), side="sell")), "/v2/positions"),
}


def made_bad(body: Any, key: str, value: object) -> Any:
    """A copy of an answer in which a key, at whatever depth, has a bad value, or is missing."""
    if isinstance(body, list):
        return [made_bad(each, key, value) for each in body]
    if not isinstance(body, dict):
        return body
    found = {name: made_bad(each, key, value) for name, each in body.items() if name != key or value is not MISSING}
    return found | ({key: value} if key in found else {})


def keys_of(body: Any) -> Iterator[str]:
    if isinstance(body, list):
        yield from (key for each in body for key in keys_of(each))
    elif isinstance(body, dict):
        for name, each in body.items():
            yield name
            yield from keys_of(each)


@pytest.fixture
def bad(service: Alpaca, line: Line, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[AlpacaBroker, set[str]]]:
    """A broker whose service answers at a path with a change, and the keys that its answer there has."""
    broker = AlpacaBroker(line, {"BTC": "BTC/USD"})
    broker.submit(order())
    service.hold("AAA", 4, 50.0)
    service.fill("ta-1", 4, 50.0, OPEN, last=False)
    answer, direct = service.answer, copy.copy(service)

    def made(path: str, change: Callable[[Any], Any]) -> tuple[AlpacaBroker, set[str]]:
        asked = {"client_order_id": "ta-1", "symbols": "AAA", "status": "all"}
        keys = set(keys_of(direct.answer("GET", path, asked)[1]))

        def changed(method: str, asked_path: str, said: dict[str, Any]) -> tuple[int, Any]:
            status, body = answer(method, asked_path, said)
            is_it = method == "GET" and asked_path.replace("%2F", "/") == path
            return (status, change(body)) if is_it else (status, body)

        monkeypatch.setattr(service, "answer", changed)
        return AlpacaBroker(line, {"BTC": "BTC/USD"}), keys

    return made


@pytest.mark.parametrize("asked", ASKED)
def test_whatever_a_service_answers_is_a_sound_answer_or_refused_in_words(
    asked: str, bad: Callable[..., tuple[AlpacaBroker, set[str]]]
) -> None:
    """Each key of each answer with each bad value: numbers are finite, and nothing else is raised."""
    ask, path = ASKED[asked]
    _, keys = bad(path, lambda body: body)
    assert keys
    for key in sorted(keys):
        for value in BAD:
            broker, _ = bad(path, lambda body, key=key, value=value: made_bad(body, key, value))
            try:
                found = ask(broker)
            except BrokerUnavailableError as error:
                assert "documented" in str(error) or "empty" in str(error), (key, value, error)
                continue
            for each in found if isinstance(found, list) else [found]:
                for name, held in vars(each).items() if hasattr(each, "__dict__") else ():
                    assert not isinstance(held, float) or math.isfinite(held), (key, value, name)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("body", [[], [None], ["text"], "text", 5, {"unexpected": True}])
def test_an_answer_of_another_shape_is_none(
    asked: str, body: Any, bad: Callable[..., tuple[AlpacaBroker, set[str]]]
) -> None:
    ask, path = ASKED[asked]
    broker, _ = bad(path, lambda _: body)
    try:
        found = ask(broker)
    except BrokerUnavailableError:
        return
    is_refused = isinstance(found, BrokerOrder) and found.status == "rejected"
    assert is_refused or not found or body == [] or asked in ("quotes", "sell by positions"), found


@pytest.mark.parametrize(
    ("path", "key", "value", "ask"),
    [
        ("/v2/account/activities/FILL", "side", None, "fills"),
        ("/v2/account/activities/FILL", "qty", "NaN", "fills"),
        ("/v2/account/activities/FILL", "price", None, "fills"),
        ("/v2/account/activities/FILL", "id", None, "fills"),
        ("/v2/account/activities/FILL", "transaction_time", "2017-07-11T13:30:00", "fills"),
        ("/v2/orders", "status", None, "orders"),
        ("/v2/positions", "qty", "NaN", "positions"),
        ("/v2/account", "cash", None, "account"),
        ("/v2/clock", "next_open", "2017-07-11T09:30:00", "clock"),
    ],
)
def test_what_is_decided_by_is_not_guessed(
    path: str, key: str, value: object, ask: str, bad: Callable[..., tuple[AlpacaBroker, set[str]]]
) -> None:
    """A fill without a side is no sale, one without a zone is of no session, an order without a status is not open."""
    broker, _ = bad(path, lambda body: made_bad(body, key, value))
    with pytest.raises(BrokerUnavailableError, match="not as documented"):
        ASKED[ask][0](broker)


@pytest.mark.parametrize(
    "change",
    [{"quantity": math.nan}, {"price": math.inf}, {"fee": math.nan}, {"side": "BOT"}, {"quantity": -1.0}],
)
def test_a_fill_that_is_none_is_refused_by_the_port_itself(change: dict[str, Any]) -> None:
    words: dict[str, Any] = {"quantity": 1.0, "price": 1.0, "fee": 0.0, "side": "buy"} | change
    with pytest.raises(BrokerUnavailableError, match="not as documented: fill f of AAA"):
        BrokerFill("f", "ta-1", order().for_session, "AAA", **words)
