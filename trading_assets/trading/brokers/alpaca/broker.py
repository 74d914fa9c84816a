"""An account at Alpaca: market orders for the open of an exchange, limits for coins, each under an id of ours."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from trading_assets.trading.brokers.alpaca.line import Line, NotTakenError
from trading_assets.trading.brokers.alpaca.names import NEW_YORK, Names, number_of, time_of, zoned
from trading_assets.trading.brokers.alpaca.order_form import Clock, form_of, why_not
from trading_assets.trading.brokers.port import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    FINAL,
    OUR_IDS,
    PARTIALLY_FILLED,
    REJECTED,
    BrokerAccount,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    BrokerQuote,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
    UnknownOrderError,
)

Value = TypeVar("Value")

_NOT_FOUND = 404
#: Seconds for which the answers that every order needs are good for the next one, too: Alpaca counts requests.
_GOOD_FOR = 20.0
#: Orders and activities of a page, as many as Alpaca gives.
_ORDERS, _ACTIVITIES = 500, 100
_MOST_PAGES = 10_000
#: Pages of orders overlap by this: an order of the same moment as the last one is on the next page.
_OVERLAP = dt.timedelta(milliseconds=1)
#: What the statuses of Alpaca are to us; all others are of orders that it has and works on.
_STATUSES = {
    "filled": FILLED,
    "partially_filled": PARTIALLY_FILLED,
    "canceled": CANCELLED,
    "expired": EXPIRED,
    "rejected": REJECTED,
    "done_for_day": EXPIRED,
    "replaced": CANCELLED,
    "suspended": ACCEPTED,
}
#: Sides of fills.
_SIDES = {"buy": "buy", "sell": "sell", "sell_short": "sell"}
_WORDS = {
    "done_for_day": "Alpaca is done with it for the day",
    "replaced": "it was replaced at Alpaca's own desk",
    "suspended": "it is suspended: the symbol may be halted",
}


@dataclass(frozen=True)
class AlpacaBroker:
    """An account at Alpaca.

    Parameters
    ----------
    line
        To Alpaca, with the keys of the account.
    symbols
        Symbols that Alpaca writes otherwise: ours, and its own.
    since
        Orders and fills before it are not asked for, UTC.
    feed
        Of quotes of stocks.
    """

    line: Line
    symbols: Mapping[str, str] = field(default_factory=dict)
    since: dt.datetime = dt.datetime(2000, 1, 1)
    feed: str = "iex"
    _answers: dict[str, tuple[float, Any]] = field(default_factory=dict, repr=False, compare=False)

    def account(self) -> BrokerAccount:
        """Return the account whose keys these are; the names of paper accounts begin with PA."""
        said = self._read("/account")
        blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        with _as_documented():
            name = _text(said["account_number"])
            return BrokerAccount(
                account_id=name,
                currency=_text(said["currency"]),
                cash=number_of(said["cash"]),
                equity=number_of(said["equity"]),
                buying_power=number_of(said["buying_power"]),
                is_paper=name.startswith("PA"),
                may_trade=said["status"] == "ACTIVE" and not any(said.get(each) for each in blocks),
                may_short=bool(said.get("shorting_enabled")),
            )

    def clock(self) -> Clock:
        """Return Alpaca's time, and the session that opens next."""
        said = self._read("/clock")
        with _as_documented():
            opens = zoned(said["next_open"]).astimezone(NEW_YORK)
            return Clock(time_of(said["timestamp"]), opens.date())

    def positions(self) -> Sequence[BrokerPosition]:
        """Return what is held, by symbol."""
        names = self._names
        with _as_documented():
            found = [
                BrokerPosition(names.ours(each["symbol"]), number_of(each["qty"]), number_of(each["avg_entry_price"]))
                for each in self._read("/positions")
            ]
        return sorted(found, key=lambda each: each.symbol)

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, BrokerQuote]:
        """Return the last quote of each symbol that has both sides."""
        names, found = self._names, dict[str, BrokerQuote]()
        coins = [each for each in symbols if names.is_coin(each)]
        shares = [each for each in symbols if not names.is_coin(each)]
        for path, version, own, more in (
            ("/stocks/quotes/latest", "v2", shares, {"feed": self.feed}),
            ("/crypto/us/latest/quotes", "v1beta3", coins, {}),
        ):
            if not own:
                continue
            asked = {"symbols": ",".join(names.theirs(each) for each in own), **more}
            with _as_documented():
                said = self.line.get_data(path, version, asked)["quotes"]
                for symbol in own:
                    quote = said.get(names.theirs(symbol))
                    if quote and number_of(quote["bp"]) > 0 and number_of(quote["ap"]) > 0:
                        bid, ask = number_of(quote["bp"]), number_of(quote["ap"])
                        found[symbol] = BrokerQuote(symbol, bid, ask, time_of(quote["t"]))
        return found

    def orders(self) -> Sequence[BrokerOrder]:
        """Return all orders since `since` that it took, in the order in which it heard them."""
        with _as_documented():
            return [_order_of(each) for each in self._orders()]

    def submit(self, order: OrderRequest) -> BrokerOrder:
        """Send an order; one whose answer is lost is asked for by its id.

        Raises
        ------
        BrokerUnavailableError
            Nobody knows whether it was heard.
        BrokerRefusedError
            The keys are refused.
        DuplicateOrderError
            Alpaca has an order of this id.
        """
        name, names = order.client_order_id, self._names
        asset = self._asset(names.theirs(order.symbol))
        account = self._lately("account", self.account)
        with _as_documented():
            against = why_not(order, names, asset, account.currency, self._lately("clock", self.clock))
            if against is None and not account.may_trade:
                against = "the account is blocked at Alpaca"
            if against is None and order.side == "sell":
                against = self._why_not_short(order, asset, may_short=account.may_short)
            if against is not None:
                return BrokerOrder(name, REJECTED, against)
            form = form_of(order, names, asset)
        try:
            return _order_of(self.line.post("/orders", form))
        except NotTakenError as error:
            if "client_order_id must be unique" in error.message:
                raise DuplicateOrderError(name) from None
            return BrokerOrder(name, REJECTED, f"Alpaca: {error.message}")
        except BrokerUnavailableError:
            known = self._known(name)
            if known is None:
                raise
            return known

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Take an order back: how it stands after Alpaca has heard that, as long as it works on it still `accepted`.

        Raises
        ------
        UnknownOrderError
            There is none of this id.
        """
        said = self._found(client_order_id)
        if said is None:
            raise UnknownOrderError(client_order_id)
        if _order_of(said).status not in FINAL:
            with _as_documented():
                number = _text(said["id"])
            with contextlib.suppress(NotTakenError):  # it became final meanwhile
                self.line.delete(f"/orders/{urllib.parse.quote(number, safe='')}")
            said = self._found(client_order_id) or said
        return _order_of(said)

    def fills(self) -> Sequence[BrokerFill]:
        """Return all fills since `since`, in the order in which they were made; fees are told apart, and later."""
        names, found = self._names, []
        with _as_documented():
            named = ((_text(each["id"]), _text(each["client_order_id"])) for each in self._orders())
            ours = {number: name for number, name in named if name.startswith(OUR_IDS)}
            for said in self._activities():
                symbol = names.ours(said["symbol"])
                found.append(
                    BrokerFill(
                        broker_fill_id=_text(said["id"]),
                        client_order_id=ours.get(_text(said["order_id"])),
                        session=names.session_of(symbol, time_of(said["transaction_time"])),
                        symbol=symbol,
                        side=_SIDES[said["side"]],
                        quantity=number_of(said["qty"]),
                        price=number_of(said["price"]),
                        fee=0.0,
                    )
                )
        return found

    @property
    def _names(self) -> Names:
        return Names(self.symbols)

    def _lately(self, name: str, ask: Callable[[], Value]) -> Value:
        """An answer of some seconds ago, or a new one."""
        at, found = self._answers.get(name, (float("-inf"), None))
        if found is not None and time.monotonic() - at <= _GOOD_FOR:
            return cast(Value, found)
        new = ask()
        self._answers[name] = (time.monotonic(), new)
        return new

    def _asset(self, name: str) -> Mapping[str, Any]:
        """What Alpaca says of a symbol; nothing of one that it does not know."""
        try:
            found: Mapping[str, Any] = self.line.get(f"/assets/{urllib.parse.quote(name, safe='')}")
        except NotTakenError as error:
            if error.status != _NOT_FOUND:
                raise BrokerUnavailableError(f"Alpaca says nothing of {name}: {error.message}") from None
            return {}
        if not isinstance(found, dict):
            raise BrokerUnavailableError(f"an answer that is not as documented: what Alpaca says of {name}")
        return found

    def _why_not_short(self, order: OrderRequest, asset: Mapping[str, Any], *, may_short: bool) -> str | None:
        """Why what is sold beyond what is held cannot be; None: it can, or all is held."""
        positions = self._lately("positions", self.positions)
        held = {each.symbol: each.quantity for each in positions}.get(order.symbol, 0.0)
        if order.quantity <= held * (1.0 + 1e-9):
            return None
        if self._names.is_coin(order.symbol):
            return f"{order.quantity:g} of {order.symbol} are sold and {held:g} held: coins are not sold short"
        if not asset.get("shortable") or not asset.get("easy_to_borrow", True):
            return f"{order.symbol} is not shortable at Alpaca, and {held:g} are held"
        if not may_short:
            return "the account may not sell short (shorting_enabled of the account at Alpaca)"
        if held > 0:
            return f"it sells {order.quantity:g}, and {held:g} are held: Alpaca takes no order that turns a position"
        return None

    def _known(self, name: str) -> BrokerOrder | None:
        """An order whose answer was lost, asked for by its id; None where nobody knows of it, or answers."""
        try:
            said = self._found(name)
        except BrokerUnavailableError:
            return None
        return None if said is None else _order_of(said)

    def _found(self, name: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self.line.get("/orders:by_client_order_id", {"client_order_id": name})
        except NotTakenError as error:
            if error.status != _NOT_FOUND:
                raise BrokerUnavailableError(f"Alpaca says nothing of {name}: {error.message}") from None
            return None
        if not isinstance(found, dict):
            raise BrokerUnavailableError(f"an answer that is not as documented: what Alpaca says of {name}")
        return found

    def _orders(self) -> Iterator[Mapping[str, Any]]:
        """All orders since `since`, oldest first, each once: page after page by the time of the last one."""
        seen, after = set[str](), self.since
        for _ in range(_MOST_PAGES):
            page = self._page("/orders", {"status": "all", "direction": "asc", "limit": _ORDERS}, after)
            new = [each for each in page if each["id"] not in seen]
            yield from new
            if len(page) < _ORDERS:
                return
            if not new:
                break
            seen |= {each["id"] for each in new}
            after = time_of(page[-1]["submitted_at"]) - _OVERLAP
        raise BrokerUnavailableError("the list of orders does not end")

    def _activities(self) -> Iterator[Mapping[str, Any]]:
        """All fills since `since`, oldest first, page after page by the id of the last one."""
        token = None
        for _ in range(_MOST_PAGES):
            asked = {"direction": "asc", "page_size": _ACTIVITIES} | ({} if token is None else {"page_token": token})
            page = self._page("/account/activities/FILL", asked, self.since)
            yield from page
            if len(page) < _ACTIVITIES:
                return
            token = page[-1]["id"]
        raise BrokerUnavailableError("the list of fills does not end")

    def _page(self, path: str, asked: Mapping[str, Any], after: dt.datetime) -> Sequence[Mapping[str, Any]]:
        page = self._read(path, {**asked, "after": after.isoformat(timespec="microseconds") + "Z"})
        if not isinstance(page, list):
            raise BrokerUnavailableError(f"an answer that is not as documented: {path} is no list")
        return page

    def _read(self, path: str, asked: Mapping[str, Any] | None = None) -> Any:
        """An answer about the account as a whole; where Alpaca says no to that, nothing is known of it."""
        try:
            return self.line.get(path, asked)
        except NotTakenError as error:
            raise BrokerUnavailableError(f"Alpaca does not answer (HTTP {error.status}): {error.message}") from None


def _order_of(said: Mapping[str, Any]) -> BrokerOrder:
    with _as_documented():
        theirs = _text(said["status"])
        return BrokerOrder(_text(said["client_order_id"]), _STATUSES.get(theirs, ACCEPTED), _WORDS.get(theirs))


def _text(said: object) -> str:
    """A text that says something."""
    if not isinstance(said, str) or not said:
        raise ValueError(f"{said!r} is no text")
    return said


@contextlib.contextmanager
def _as_documented() -> Iterator[None]:
    """An answer that is not as documented is as good as none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BrokerUnavailableError(f"an answer that is not as documented: {type(error).__name__}: {error}") from None
