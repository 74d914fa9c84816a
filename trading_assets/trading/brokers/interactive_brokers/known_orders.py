"""The orders that TWS knows: those that are open, those that ended today, and those that filled today."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ib_async import ExecutionFilter

from trading_assets.trading.brokers.interactive_brokers import answers
from trading_assets.trading.brokers.interactive_brokers.line import Line, Told
from trading_assets.trading.brokers.port import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    FILLED,
    PARTIALLY_FILLED,
    REJECTED,
    BrokerOrder,
    BrokerUnavailableError,
)

#: What TWS calls an order that it has, and has not looked at.
_UNANSWERED = ("PendingSubmit", "ApiPending")
#: What TWS calls an order of which nothing more comes; all else may still fill, in PendingCancel too.
_ENDED = {"Filled": FILLED, "Cancelled": CANCELLED, "ApiCancelled": CANCELLED, "Inactive": REJECTED}
#: Seconds after which an order is listed that TWS said something unknown about.
_GRACE = 0.5
_WITH_REASON = (CANCELLED, EXPIRED, REJECTED)


@dataclass(frozen=True)
class KnownOrder:
    """An order as TWS lists it.

    Attributes
    ----------
    client_order_id
        What the sender called it (`orderRef`).
    status, filled, said
        The word of TWS, how much was filled, and what it says about the end.
    order_id, client_id
        What cancels it: its number, and the program that sent it; 0: it has ended.
    """

    client_order_id: str
    status: str
    filled: float = 0.0
    said: str = ""
    order_id: int = 0
    client_id: int = 0

    def to_port(self) -> BrokerOrder:
        """Return the order in the words of the port."""
        status = status_of(self.status, self.filled, self.said)
        return BrokerOrder(self.client_order_id, status, self.said or None if status in _WITH_REASON else None)


def status_of(status: str, filled: float, said: str = "") -> str:
    """Return the status of the port.

    Parameters
    ----------
    status, filled
        The word of TWS, and how much was filled.
    said
        What TWS says about the end: of a rejected order it may list `Cancelled`.

    Examples
    --------
    >>> status_of("PreSubmitted", 0.0), status_of("Submitted", 3.0), status_of("PendingCancel", 0.0)
    ('accepted', 'partially_filled', 'accepted')
    >>> status_of("Cancelled", 0.0, "Rejected by System:insufficient buying power"), status_of("Inactive", 0.0)
    ('rejected', 'rejected')
    """
    ended = _ENDED.get(status)
    if ended is None:
        return PARTIALLY_FILLED if filled else ACCEPTED
    words = said.lower()
    if ended == CANCELLED and "reject" in words:
        ended = REJECTED
    if ended == CANCELLED and "expire" in words:
        return EXPIRED
    return CANCELLED if ended == REJECTED and filled else ended


async def known_orders(line: Line) -> Mapping[str, KnownOrder]:
    """Return the orders of the account that have a name, by it, of any program and in the order of TWS.

    Raises
    ------
    BrokerUnavailableError
        One of the three lists does not come: then nobody knows.
    """
    since = len(line.hearing.told)
    listed = await line.ask(line.client.reqAllOpenOrders, told="openOrder", end="openOrderEnd")
    statuses = line.hearing.all("orderStatus", since)
    completed = await line.ask(line.client.reqCompletedOrders, False, told="completedOrder", end="completedOrdersEnd")
    executions = await executions_of(line)
    found = {each.client_order_id: each for each in executed(line.account, executions)}
    found |= {each.client_order_id: each for each in ended(line.account, completed)}
    found |= {each.client_order_id: each for each in opened(line.account, listed, statuses)}
    return found


async def executions_of(line: Line) -> list[Told]:
    """Return number, contract and execution of each fill of today, of any program."""
    wanted = ExecutionFilter(acctCode=line.account)
    return await line.ask(line.client.reqExecutions, wanted, told="execDetails", end="execDetailsEnd", by_id=True)


def opened(account: str, listed: Iterable[Told], statuses: Iterable[Told]) -> list[KnownOrder]:
    """Return the orders that TWS lists as open: a rejected one may be among them.

    Parameters
    ----------
    account
        Account that is meant.
    listed, statuses
        What `openOrder` and `orderStatus` say; the last one of an order holds.
    """
    found: dict[tuple[int, int], KnownOrder] = {}
    for order_id, _, order, state in listed:
        if order.account == account and order.orderRef:
            said = state.warningText if state.status in _ENDED else ""
            name, client = order.orderRef, order.clientId
            found[client, order_id] = KnownOrder(name, state.status, 0.0, said, order_id, client)
    for order_id, status, filled, *rest in statuses:
        key = (rest[5], order_id)
        if key in found:
            found[key] = replace(found[key], status=status, filled=filled)
    return list(found.values())


def ended(account: str, completed: Iterable[Told]) -> list[KnownOrder]:
    """Return the orders that ended today.

    Parameters
    ----------
    account, completed
        Account that is meant, and what `completedOrder` says.
    """
    return [
        KnownOrder(order.orderRef, state.status, _number(order.filledQuantity), state.completedStatus)
        for _, order, state in completed
        if order.account == account and order.orderRef
    ]


def executed(account: str, executions: Iterable[Told]) -> list[KnownOrder]:
    """Return the orders that filled today: of one that is in no other list, that is all that is known.

    Parameters
    ----------
    account, executions
        Account that is meant, and what `execDetails` says.
    """
    return [
        KnownOrder(each.orderRef, "Filled", each.cumQty)
        for _, _, each in executions
        if each.acctNumber == account and each.orderRef
    ]


async def answer_to(line: Line, order_id: int, name: str) -> KnownOrder:
    """Return what TWS makes of an order that was just sent.

    Parameters
    ----------
    line
        Connection.
    order_id, name
        Number and name (`orderRef`) of the order.

    Returns
    -------
    KnownOrder
        What it is told to be, or, where TWS says no to it, what the lists say: some of what it calls an error is none.

    Raises
    ------
    BrokerUnavailableError
        Neither comes.
    """

    def heard() -> KnownOrder | str | None:
        known = opened(line.account, line.hearing.all("openOrder"), line.hearing.all("orderStatus"))
        own = [each for each in known if each.order_id == order_id and each.client_order_id == name]
        refusals = "; ".join(answers.in_words(*each) for each in line.errors_of(order_id))
        if own and own[0].status not in _UNANSWERED:
            return replace(own[0], said=refusals or own[0].said) if own[0].status in _ENDED else own[0]
        return refusals or None

    answer: KnownOrder | str = await line.until(heard, f"what became of order {order_id}")
    if isinstance(answer, KnownOrder):
        return answer
    if not all(answers.is_known(code) for code, _ in line.errors_of(order_id)):
        await asyncio.sleep(_GRACE)  # a new kind of note: the order may be on its way
    known = (await known_orders(line)).get(name)
    if known is None or known.status in _ENDED:
        return KnownOrder(name, "Inactive", known.filled if known else 0.0, answer)
    return known


async def end_of(line: Line, order: KnownOrder) -> KnownOrder:
    """Cancel an order, and return how it stands then.

    Parameters
    ----------
    line, order
        Connection, and an order of this program that is open.

    Raises
    ------
    BrokerUnavailableError
        TWS does not say what became of it: it may end later.
    """
    since = len(line.hearing.told)
    line.send(line.client.cancelOrder, order.order_id)

    def heard() -> KnownOrder | bool | None:
        for number, status, filled, *rest in line.hearing.all("orderStatus", since):
            if (number, rest[5]) == (order.order_id, order.client_id) and status in _ENDED:
                return replace(order, status=str(status), filled=float(filled))
        codes = [said[1] for said in line.hearing.all("error", since) if said[0] == order.order_id]
        if answers.CANCELLED in codes:
            return replace(order, status="Cancelled")
        return any(not answers.informs_only(each) for each in codes) or None

    answer: KnownOrder | bool = await line.until(heard, f"the end of order {order.order_id}")
    if isinstance(answer, KnownOrder):
        return answer
    known = (await known_orders(line)).get(order.client_order_id)
    if known is None:
        raise BrokerUnavailableError(f"TWS cannot cancel {order.client_order_id}, and does not list it")
    return known


def _number(value: float) -> float:
    """A quantity; what TWS leaves empty is the largest float there is."""
    return value if value < 1e300 else 0.0
