"""The broker Interactive Brokers: the port, on a connection of its own for each call."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ib_async import CommissionReport, Contract, ContractDetails

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers import contracts, executions
from trading_assets.trading.brokers.interactive_brokers.known_orders import (
    answer_to,
    end_of,
    executions_of,
    known_orders,
)
from trading_assets.trading.brokers.interactive_brokers.line import (
    KEYS,
    Line,
    RequestRefusedError,
    is_paper,
    run_apart,
)
from trading_assets.trading.brokers.interactive_brokers.order_form import made_of, unfit
from trading_assets.trading.brokers.interactive_brokers.quotes import quotes_of
from trading_assets.trading.brokers.port import (
    REJECTED,
    BrokerAccount,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    BrokerQuote,
    BrokerRefusedError,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
    UnknownOrderError,
)

Answer = TypeVar("Answer")
_TAGS = ("NetLiquidation", "TotalCashValue", "BuyingPower", "AvailableFunds")
#: What TWS does not know is as large as a float can be.
_UNKNOWN = 1e300
#: Seconds that costs are waited for once all executions are told.
_COSTS_WITHIN = 2.0


@dataclass(frozen=True)
class InteractiveBrokersBroker:
    """An account at Interactive Brokers, by the TWS or IB Gateway that the configuration names.

    Parameters
    ----------
    settings
        Section of the configuration.
    live_account
        The one account with real money that may be meant; empty: none.
    most_skew
        How far the clock of this machine may be from that of IB for an order to be sent.
    now
        Time of this machine, UTC.
    """

    settings: InteractiveBrokersSettings
    live_account: str = ""
    most_skew: dt.timedelta = dt.timedelta(seconds=30)
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    def account(self) -> BrokerAccount:
        """Return the account as IB tells it; one that can borrow may be short."""
        return self._run(self._account)

    def time(self) -> dt.datetime:
        """Return the time of IB, UTC."""
        return self._run(lambda line: line.time()).replace(tzinfo=None)

    def positions(self) -> Sequence[BrokerPosition]:
        """Return what the account holds, by symbol."""
        return self._run(self._positions)

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, BrokerQuote]:
        """Return quotes of those symbols that have one, live or delayed."""
        return self._run(lambda line: self._quotes(line, symbols))

    def orders(self) -> Sequence[BrokerOrder]:
        """Return the orders that are open, and those that ended or filled today: TWS forgets earlier ones."""
        return self._run(self._orders)

    def submit(self, order: OrderRequest) -> BrokerOrder:
        """Send an order once: TWS is asked first whether it has one of this id.

        Raises
        ------
        DuplicateOrderError
            It has one.
        BrokerUnavailableError
            Nobody knows whether it heard the order; `submit` again finds out.
        BrokerRefusedError
            The connection or the account is not what is meant, or a clock is wrong: nothing was sent.
        """
        return self._run(lambda line: self._submit(line, order))

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order, and return how it stands then.

        Raises
        ------
        UnknownOrderError
            TWS has no order of this id.
        """
        return self._run(lambda line: self._cancel(line, client_order_id))

    def fills(self) -> Sequence[BrokerFill]:
        """Return the fills of today: TWS forgets earlier ones. Those whose costs are not told yet come later."""
        return self._run(self._fills)

    def _run(self, work: Callable[[Line], Coroutine[Any, Any, Answer]]) -> Answer:
        async def connected() -> Answer:
            async with Line(self.settings, live_account=self.live_account) as line:
                try:
                    return await work(line)
                except RequestRefusedError as error:
                    raise BrokerUnavailableError(str(error)) from error

        return run_apart(connected)

    async def _account(self, line: Line) -> BrokerAccount:
        told = await line.ask(
            line.client.reqAccountSummary,
            "All",
            ",".join(_TAGS),
            told="accountSummary",
            end="accountSummaryEnd",
            by_id=True,
        )
        said = {tag: (value, currency) for _, account, tag, value, currency in told if account == line.account}
        missing = [tag for tag in _TAGS if tag not in said]
        if missing:
            raise BrokerUnavailableError(f"TWS does not tell {', '.join(missing)} of {line.account}")
        currency = said["NetLiquidation"][1]
        if currency != self.settings.currency:
            raise BrokerRefusedError(
                f"{KEYS}.currency: the account {line.account} is in {currency}\n"
                f"  expected: {self.settings.currency}\n  what to do: correct the key; nothing was sent"
            )
        equity, cash, power, funds = (_number(tag, said[tag][0]) for tag in _TAGS)
        return BrokerAccount(
            account_id=line.account,
            currency=currency,
            cash=cash,
            equity=equity,
            buying_power=power,
            is_paper=is_paper(line.account),
            may_trade=True,
            may_short=power > 1.01 * funds > 0.0,
        )

    async def _positions(self, line: Line) -> Sequence[BrokerPosition]:
        told = await line.ask(line.client.reqPositions, told="position", end="positionEnd")
        last = {
            contracts.symbol_of(contract, self.settings): BrokerPosition(
                contracts.symbol_of(contract, self.settings), quantity, price
            )
            for account, contract, quantity, price in told
            if account == line.account
        }
        return [last[symbol] for symbol in sorted(last) if last[symbol].quantity]

    async def _quotes(self, line: Line, symbols: Sequence[str]) -> Mapping[str, BrokerQuote]:
        found: dict[str, Contract] = {}
        for symbol in symbols:
            details = await self._details(line, symbol)
            if isinstance(details, ContractDetails) and details.contract is not None:
                found[symbol] = details.contract
        return await quotes_of(line, found) if found else {}

    async def _orders(self, line: Line) -> Sequence[BrokerOrder]:
        return [each.to_port() for each in (await known_orders(line)).values()]

    async def _submit(self, line: Line, order: OrderRequest) -> BrokerOrder:
        if order.client_order_id in await known_orders(line):
            raise DuplicateOrderError(order.client_order_id)
        now = await line.time()
        skew = self.now() - now
        if abs(skew) > self.most_skew:
            raise BrokerRefusedError(
                f"the clock of this machine is {skew.total_seconds():+.0f} s from that of IB\n"
                f"  expected: {self.most_skew.total_seconds():.0f} s at most\n"
                "  what to do: set the clock, as by NTP; nothing was sent"
            )
        details = await self._details(line, order.symbol)
        wrong = details if isinstance(details, str) else unfit(order, details, now, self.settings)
        if wrong is not None or isinstance(details, str):
            return BrokerOrder(order.client_order_id, REJECTED, wrong)
        number = line.client.getReqId()
        line.send(line.client.placeOrder, number, details.contract, made_of(order, details, line.account))
        return (await answer_to(line, number, order.client_order_id)).to_port()

    async def _cancel(self, line: Line, name: str) -> BrokerOrder:
        known = (await known_orders(line)).get(name)
        if known is None:
            raise UnknownOrderError(name)
        if known.to_port().is_final:
            return known.to_port()
        if known.client_id != self.settings.client_id:
            raise BrokerRefusedError(
                f"{KEYS}.client_id: order {name} was sent by client id {known.client_id}, which alone can cancel it\n"
                f"  expected: {known.client_id}\n  what to do: correct the key, or cancel the order in TWS"
            )
        return (await end_of(line, known)).to_port()

    async def _fills(self, line: Line) -> Sequence[BrokerFill]:
        since = len(line.hearing.told)
        told = [each for each in await executions_of(line) if each[2].acctNumber == line.account]
        last = executions.corrected(told)

        def costs() -> dict[str, CommissionReport]:
            return executions.costs_of(line.hearing.all("commissionReport", since))

        wanted = {execution.execId for _, execution in last.values()}
        with suppress(BrokerUnavailableError):  # what is lost is told by the next question
            await line.until(
                lambda: wanted <= costs().keys() or None, "costs", min(_COSTS_WITHIN, self.settings.timeout_seconds)
            )
        now, zones = await line.time(), dict[int, dt.tzinfo]()
        for contract, _ in last.values():
            if contract.conId not in zones:
                zones[contract.conId] = await self._zone(line, contract)
        return executions.fills_of(
            last,
            costs(),
            now,
            named=lambda contract: contracts.symbol_of(contract, self.settings),
            zones=lambda contract: zones[contract.conId],
        )

    async def _details(self, line: Line, symbol: str) -> ContractDetails | str:
        """What IB says of a symbol; in words, why it says nothing."""
        try:
            found = await line.details(contracts.contract_of(symbol, self.settings))
        except RequestRefusedError as error:
            return f"{symbol}: {error}"
        if len(found) != 1:
            return f"{symbol}: IB has {len(found)} securities of this name; say which in {KEYS}.symbols"
        if found[0].contract is not None and found[0].contract.secType == contracts.SHARE:
            found[0].contract.exchange = "SMART"
        return found[0]

    async def _zone(self, line: Line, contract: Contract) -> dt.tzinfo:
        """The time zone by whose day the sessions of a security are named; UTC where IB tells none."""
        if contract.secType == contracts.COIN:
            return dt.UTC
        try:
            found = await line.details(Contract(conId=contract.conId, exchange=contract.exchange))
        except RequestRefusedError:
            return dt.UTC
        zone: ZoneInfo | None = contracts.zone_of(found[0]) if found else None
        return zone or dt.UTC


def _number(tag: str, text: str) -> float:
    """A value of the account; what TWS does not know it leaves empty, or writes as the largest float there is."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not abs(found) < _UNKNOWN:
        raise BrokerUnavailableError(f"an answer that is not as documented: TWS says {text!r} of {tag}")
    return found
