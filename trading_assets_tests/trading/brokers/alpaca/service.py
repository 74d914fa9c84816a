"""A local service that speaks the wire format of Alpaca, keeps orders and positions, and misbehaves when it is told to.

Shapes of answers are those of the public documentation: docs.alpaca.markets, Trading API reference (`openapi/
trading-api.json`: Account, Order, Position, Clock, Assets, AccountActivities) and Market Data API (latest quotes);
codes and words of refusals as in "How to fix common trading API errors at Alpaca" and in public issue reports of its
clients: 40310000 insufficient buying power, 40010001 client_order_id must be unique, 40410000 order not found.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY, SECRET = "the-key-itself", "the-secret-itself"
_FINAL = ("filled", "canceled", "expired", "rejected", "done_for_day", "replaced")


class Alpaca:
    """The state of the service, and what goes wrong next: a queue of faults, one for each request of `only`."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.faults: list[str] = []
        self.only = ("", "")  # method, and part of the path, that faults hit
        self.retry_after = "3"
        self.now = dt.datetime(2017, 7, 11, 2, 0, tzinfo=dt.UTC)  # Monday 22:00 in New York
        self.next_open = "2017-07-11T09:30:00-04:00"
        self.account: dict[str, Any] = {
            "id": str(uuid.UUID(int=1)),
            "account_number": "PA3TEST00001",
            "status": "ACTIVE",
            "currency": "USD",
            "cash": "100000",
            "equity": "100000",
            "buying_power": "200000",
            "trading_blocked": False,
            "account_blocked": False,
            "trade_suspended_by_user": False,
            "shorting_enabled": True,
        }
        self.assets = {name: self.asset(name) for name in ("AAA", "BBB", "HARD")}
        self.assets["HARD"] |= {"shortable": False, "easy_to_borrow": False}
        self.assets["GONE"] = self.asset("GONE") | {"status": "inactive", "tradable": False}
        self.assets["BTC/USD"] = self.asset("BTC/USD") | {
            "class": "crypto",
            "exchange": "CRYPTO",
            "shortable": False,
            "min_order_size": "0.0001",
            "min_trade_increment": "0.0001",
            "price_increment": "0.01",
        }
        self.assets["BTC/EUR"] = self.assets["BTC/USD"] | {"symbol": "BTC/EUR"}
        self.orders: list[dict[str, Any]] = []
        self.activities: list[dict[str, Any]] = []
        self.positions: dict[str, dict[str, Any]] = {}
        self.prices = {"AAA": 50.0, "BBB": 20.0, "HARD": 10.0, "BTC/USD": 40_000.0}

    @staticmethod
    def asset(name: str) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            "class": "us_equity",
            "exchange": "NASDAQ",
            "symbol": name,
            "status": "active",
            "tradable": True,
            "marginable": True,
            "shortable": True,
            "easy_to_borrow": True,
            "fractionable": True,
        }

    def hold(self, name: str, quantity: float, price: float) -> None:
        """Have a position; of a coin its name has no slash."""
        self.positions[name] = {
            "symbol": name.replace("/", ""),
            "qty": f"{quantity:.9g}",
            "avg_entry_price": f"{price:g}",
            "side": "long" if quantity > 0 else "short",
        }

    def fill(self, client_order_id: str, quantity: float, price: float, at: str, *, last: bool = True) -> None:
        """Fill an order, wholly or in part."""
        order = next(each for each in self.orders if each["client_order_id"] == client_order_id)
        order["filled_qty"] = f"{float(order['filled_qty']) + quantity:g}"
        order["status"] = "filled" if last else "partially_filled"
        self._tell(order["id"], order["symbol"], order["side"], quantity, price, at)

    def trade_by_hand(self, name: str, side: str, quantity: float, price: float, at: str) -> None:
        """A fill of no order of ours: the service makes up an id for it, and lists it with the others."""
        said = {"symbol": name, "qty": f"{quantity:g}", "side": side, "type": "market", "submitted_at": at}
        made = {"id": str(uuid.uuid4()), "client_order_id": str(uuid.uuid4()), "filled_qty": f"{quantity:g}"}
        self.orders.append({**made, **said, "status": "filled", "reject_reason": None})
        self._tell(made["id"], name, side, quantity, price, at)

    def _tell(self, order: str, name: str, side: str, quantity: float, price: float, at: str) -> None:
        units = quantity if side == "buy" else -quantity
        held = float(self.positions.get(name, {"qty": "0"})["qty"]) + units
        self.positions.pop(name, None)
        if held:
            self.hold(name, held, price)
        self.account["cash"] = f"{float(self.account['cash']) - units * price:.6f}"
        self.activities.append(
            {
                "id": f"{at[:10].replace('-', '')}000000000::{uuid.UUID(int=len(self.activities))}",
                "activity_type": "FILL",
                "transaction_time": at,
                "type": "fill",
                "price": f"{price:.9g}",
                "qty": f"{quantity:.9g}",
                "side": side,
                "symbol": name,
                "order_id": order,
            }
        )

    def answer(self, method: str, path: str, said: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of an answer."""
        if method == "POST":
            return self._take(said)
        if method == "DELETE":
            return self._take_back(path.rsplit("/", 1)[-1])
        if path.startswith("/v2/assets/"):
            found = self.assets.get(unquote(path.removeprefix("/v2/assets/")))
            return (200, found) if found else (404, {"code": 40410000, "message": "asset not found"})
        answers: dict[str, Callable[[], Any]] = {
            "/v2/account": lambda: self.account,
            "/v2/clock": lambda: {
                "timestamp": self.now.isoformat(),
                "is_open": False,
                "next_open": self.next_open,
                "next_close": self.next_open,
            },
            "/v2/positions": lambda: list(self.positions.values()),
            "/v2/orders": lambda: self._page_of_orders(said),
            "/v2/account/activities/FILL": lambda: self._page_of_activities(said),
            "/v2/stocks/quotes/latest": lambda: self._quotes(said),
            "/v1beta3/crypto/us/latest/quotes": lambda: self._quotes(said),
        }
        if path == "/v2/orders:by_client_order_id":
            own = [each for each in self.orders if each["client_order_id"] == said["client_order_id"]]
            return (200, own[0]) if own else (404, {"code": 40410000, "message": "order not found"})
        return (200, answers[path]()) if path in answers else (404, {"message": "Not Found"})

    def _take(self, said: dict[str, Any]) -> tuple[int, Any]:
        if any(each["client_order_id"] == said["client_order_id"] for each in self.orders):
            return 422, {"code": 40010001, "message": "client_order_id must be unique"}
        if said["time_in_force"] == "opg" and float(said["qty"]) % 1:
            return 422, {"code": 42210000, "message": "fractional orders must be DAY orders"}
        cost = float(said["qty"]) * float(said.get("limit_price") or self.prices[said["symbol"]])
        if said["side"] == "buy" and cost > float(self.account["buying_power"]):
            return 403, {
                "buying_power": self.account["buying_power"],
                "code": 40310000,
                "cost_basis": f"{cost:g}",
                "message": "insufficient buying power",
            }
        at = self.now + dt.timedelta(milliseconds=len(self.orders))
        made = {"id": str(uuid.uuid4()), **said, "status": "accepted", "filled_qty": "0", "reject_reason": None}
        self.orders.append({**made, "submitted_at": at.isoformat().replace("+00:00", "Z")})
        return 200, self.orders[-1]

    def _take_back(self, order: str) -> tuple[int, Any]:
        for each in self.orders:
            if each["id"] == order:
                if each["status"] in _FINAL:
                    return 422, {"code": 42210000, "message": f'order is already in "{each["status"]}" state'}
                each["status"] = "canceled"
                return 204, None
        return 404, {"code": 40410000, "message": "order not found"}

    def _page_of_orders(self, said: dict[str, Any]) -> list[Any]:
        after = dt.datetime.fromisoformat(said.get("after", "2000-01-01T00:00:00Z"))
        own = [each for each in self.orders if dt.datetime.fromisoformat(each["submitted_at"]) > after]
        own = own if said.get("status") == "all" else [each for each in own if each["status"] not in _FINAL]
        own.sort(
            key=lambda each: dt.datetime.fromisoformat(each["submitted_at"]), reverse=said.get("direction") != "asc"
        )
        return own[: int(said.get("limit", 50))]

    def _page_of_activities(self, said: dict[str, Any]) -> list[Any]:
        token, size = said.get("page_token"), int(said.get("page_size", 100))
        names = [each["id"] for each in self.activities]
        first = names.index(token) + 1 if token else 0
        return self.activities[first : first + size]

    def _quotes(self, said: dict[str, Any]) -> dict[str, Any]:
        own = [name for name in said["symbols"].split(",") if name in self.prices]
        at = "2017-07-10T19:59:59.123456789Z"
        return {"quotes": {name: {"bp": self.prices[name] - 0.1, "ap": self.prices[name], "t": at} for name in own}}


@contextlib.contextmanager
def alpaca() -> Iterator[Alpaca]:
    """The service, on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _served(self) -> None:
            parts = urlsplit(self.path)
            said: dict[str, Any] = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if length := int(self.headers.get("Content-Length") or 0):
                said |= json.loads(self.rfile.read(length))
            service.asked.append((self.command, parts.path, said))
            method, part = service.only
            is_hit = service.faults and method in self.command and part in parts.path
            fault = service.faults.pop(0) if is_hit else ""
            if (self.headers["APCA-API-KEY-ID"], self.headers["APCA-API-SECRET-KEY"]) != (KEY, SECRET):
                return self._send(403, {"message": "forbidden."})
            if fault == "deaf":
                return self._hang_up()
            if fault in ("429", "500", "504"):
                return self._send(int(fault), {"message": f"failed for {KEY}"})
            status, body = service.answer(self.command, parts.path, said)
            if fault == "mute":
                return self._hang_up()
            if fault == "slow":
                time.sleep(1.2)
            if fault == "strange":
                body = {"unexpected": True}
            return self._send(status, body, cut=fault == "cut")

        do_GET = do_POST = do_DELETE = _served  # noqa: N815

        def _send(self, status: int, body: Any, *, cut: bool = False) -> None:
            text = b"" if body is None else json.dumps(body).encode()
            text = text[: len(text) // 2] if cut else text
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", service.retry_after)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(text)

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    service = Alpaca()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
