"""Send the orders of a sheet, each once, whatever happens on the way.

What is about to be sent is written down first (`trading.submissions`), and what the broker said after it. Whoever was
killed in between finds an order that was intended and not answered, and asks the broker what it knows before anything
is sent again. The id of an order follows from its decision, so that a broker that heard it takes it for the same.
What it took is not sent again, even if it has forgotten it; what it rejected may be. Of a pair both legs are entered
or neither: where the broker refuses one, the other is not sent, or taken back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from trading_assets.trading.brokers.port import (
    ACCEPTED,
    CANCELLED,
    EXPIRED,
    REJECTED,
    Broker,
    BrokerFill,
    BrokerOrder,
    BrokerUnavailableError,
    DuplicateOrderError,
    OrderRequest,
)
from trading_assets.trading.opening import Opening
from trading_assets.trading.pair_legs import other_entries
from trading_assets.trading.tables import FILLS, SUBMISSIONS
from trading_assets.trading.taking_back import CANCEL, note, take_order_back
from trading_assets.warehouse import Rows, Table, Warehouse

INTENDED = "intended"
#: Answers in the order in which an order has them.
_ANSWERS = (REJECTED, ACCEPTED, CANCELLED)
#: Times that an order is sent again where the line was lost.
ATTEMPTS = 20


@dataclass(frozen=True)
class Submitted:
    """What became of the orders of a sheet, by their ids.

    Attributes
    ----------
    answered
        Those that the broker took or rejected, now or before.
    unanswered
        Those of which nobody knows whether it heard them: to be submitted again.
    held_back
        Those that were not sent because trading is halted, because the rollout went back, or because the broker refused
        the other leg of their pair.
    too_late
        Those that were not sent because their session was over.
    """

    answered: tuple[BrokerOrder, ...]
    unanswered: tuple[str, ...]
    held_back: tuple[str, ...]
    too_late: tuple[str, ...] = ()


def submit(
    warehouse: Warehouse,
    broker: Broker,
    sheet: pl.DataFrame,
    *,
    is_halted: Callable[[], bool],
    over: dt.date,
    now: dt.datetime,
    is_late: Callable[[str], bool] | None = None,
    is_withheld: Callable[[Mapping[str, object]], bool] = lambda _: False,
) -> Submitted:
    """Send the orders of a sheet that are ready and that the broker does not have, and never took.

    Parameters
    ----------
    warehouse, broker
        Where intents and answers are written down, and where the orders go.
    sheet
        Rows of `trading.order_sheets`.
    is_halted
        Whether trading is halted: asked before each order.
    over
        Last session that is over: no order for it, or for one before it, is sent.
    now
        Time of the records, UTC.
    is_late
        Whether the session of an order, by its id, has opened by now: asked before each one. None: time is simulated.
    is_withheld
        Whether the stage of the rollout withholds an order by now: asked before each but of a pair of which the
        broker has a leg.
    """
    ready = sheet.filter(status="ready").sort("urgency", "client_order_id", nulls_last=True)
    known = {
        each.client_order_id: each  # some brokers forget what they took
        for account in ready.select("strategy", "account").unique().rows()
        for each in _said_last(warehouse, *account)
        if each.status != REJECTED
    }
    try:
        known |= {each.client_order_id: each for each in broker.orders()}
    except BrokerUnavailableError:
        return Submitted((), tuple(ready["client_order_id"]), ())
    answered: list[BrokerOrder] = []
    unanswered, held_back, too_late = list[str](), list[str](), list[str]()
    taken = {name for name, each in known.items() if each.status != REJECTED}
    begun = {*ready.filter(pl.col("client_order_id").is_in(list(taken)))["pair_id"]} - {None}
    others, lines = other_entries(ready), {row["client_order_id"]: row for row in ready.iter_rows(named=True)}
    for name, row in lines.items():
        refused = next((each for each in others.get(name, ()) if _is_unfilled(known.get(each))), None)
        if refused is not None and name not in known:
            held_back.append(name)
            continue
        if name not in known:
            if row["for_session"] <= over or (is_late is not None and is_late(name)):
                too_late.append(name)
                continue
            if is_halted() or (row["pair_id"] not in begun and is_withheld(row)):
                held_back.append(name)
                continue
            note(warehouse, row, INTENDED, None, now)
            try:
                known[name] = _sent(broker, _request(row))
            except BrokerUnavailableError:
                unanswered.append(name)
                continue
        answer = known[name]
        is_rejected = answer.status == REJECTED
        note(warehouse, row, REJECTED if is_rejected else ACCEPTED, answer.reason if is_rejected else None, now)
        answered.append(answer)
        if is_rejected:
            _take_back_others(warehouse, broker, [lines[each] for each in others.get(name, ())], row, known, now)
    return Submitted(tuple(answered), tuple(unanswered), tuple(held_back), tuple(too_late))


def submit_until_answered(
    warehouse: Warehouse,
    broker: Broker,
    sheet: pl.DataFrame,
    *,
    is_halted: Callable[[], bool],
    over: dt.date,
    now: dt.datetime,
    is_late: Callable[[str], bool] | None = None,
    attempts: int = ATTEMPTS,
    is_withheld: Callable[[Mapping[str, object]], bool] = lambda _: False,
) -> Submitted:
    """Send the orders of a sheet as `submit`, again where the line was lost; what is unanswered then is for later.

    Parameters
    ----------
    warehouse, broker, sheet, is_halted, over, now, is_late, is_withheld
        As `submit` takes them.
    attempts
        Times that it is tried.
    """
    for _ in range(attempts):
        found = submit(
            warehouse,
            broker,
            sheet,
            is_halted=is_halted,
            over=over,
            now=now,
            is_late=is_late,
            is_withheld=is_withheld,
        )
        if not found.unanswered:
            break
    return found


def collect_fills(
    warehouse: Warehouse, broker: Broker, strategy: str, account: str, now: dt.datetime
) -> Collection[BrokerFill]:
    """Put the fills of a broker on record, each once, and return all of them.

    Parameters
    ----------
    warehouse, broker
        Where they are put, and who tells them.
    strategy, account
        Names of the strategy and of the account.
    now
        Time of the records, UTC.
    """
    told = {fill.broker_fill_id: fill for fill in broker.fills()}
    rows = [{"strategy": strategy, "account": account, "recorded_at": now, **vars(fill)} for fill in told.values()]
    warehouse.append_new(FILLS, FILLS.conform(pl.DataFrame(rows, schema=FILLS.empty().schema)))
    return told.values()


def orders_of(warehouse: Warehouse, broker: Broker, strategy: str, account: str) -> list[BrokerOrder]:
    """Return all orders that a broker knows, and those that it took or rejected and does not list any more.

    Parameters
    ----------
    warehouse, broker
        Where its answers are written down, and who is asked.
    strategy, account
        Names of the strategy and of the account.
    """
    said = {each.client_order_id: each for each in _said_last(warehouse, strategy, account)}
    known = [_with_reason(each, said.get(each.client_order_id)) for each in broker.orders()]
    names = {each.client_order_id for each in known}
    return known + [each for name, each in said.items() if name not in names]


def fills_on_record(warehouse: Warehouse, strategy: str, account: str) -> list[BrokerFill]:
    """Return all fills that a broker ever told: some tell those of the day alone.

    Parameters
    ----------
    warehouse, strategy, account
        Warehouse, and the names of the strategy and of its account.
    """
    rows = _on_record(FILLS, warehouse, strategy, account).sort("session", "recorded_at", "broker_fill_id")
    rows = rows.select(list(BrokerFill.__dataclass_fields__))
    return [BrokerFill(**row) for row in rows.iter_rows(named=True)]


def units_sent(warehouse: Warehouse, opening: Opening) -> dict[str, float]:
    """Return the units of each order of an account that a broker may have, by its client order id.

    What it rejected last, and never filled, it does not have: that may be sent again, or held.
    """
    said = _said_last(warehouse, opening.strategy, opening.account)
    rejected = {each.client_order_id for each in said if each.status == REJECTED}
    sent = _on_record(SUBMISSIONS, warehouse, opening.strategy, opening.account).filter(event=INTENDED)
    units = sent.select("client_order_id", "quantity").iter_rows()
    return {name: quantity for name, quantity in units if name not in rejected}


def _said_last(warehouse: Warehouse, strategy: str, account: str) -> list[BrokerOrder]:
    """What a broker answered last to each order; of answers of one moment that it took it, or took it back.

    One that it rejected after it had filled a part has ended as if it were cancelled: it is not for sending again.
    """
    rows = _on_record(SUBMISSIONS, warehouse, strategy, account).filter(~pl.col("event").is_in([INTENDED, CANCEL]))
    answers = pl.col("event").replace_strict({each: rank for rank, each in enumerate(_ANSWERS)})
    rows = rows.sort("recorded_at", answers).unique("client_order_id", keep="last", maintain_order=True)
    filled = set(_on_record(FILLS, warehouse, strategy, account)["client_order_id"])
    said = rows.sort("client_order_id").select("client_order_id", "event", "reason").iter_rows()
    return [
        BrokerOrder(name, CANCELLED if event == REJECTED and name in filled else event, reason)
        for name, event, reason in said
    ]


def _with_reason(told: BrokerOrder, said: BrokerOrder | None) -> BrokerOrder:
    """An order as its broker tells it; why it was taken back we know, where the broker does not say."""
    is_ours = told.reason is None and said is not None and told.status == said.status == CANCELLED
    return replace(told, reason=said.reason) if is_ours and said is not None else told


def _on_record(table: Table, warehouse: Warehouse, strategy: str, account: str) -> pl.DataFrame:
    return warehouse.read_or_empty(table, rows=Rows("strategy", strategy)).filter(account=account)


def _sent(broker: Broker, order: OrderRequest) -> BrokerOrder:
    """What a broker answers to an order; of one that it has already, what it answered then."""
    try:
        return broker.submit(order)
    except DuplicateOrderError:
        known = [each for each in broker.orders() if each.client_order_id == order.client_order_id]
        if not known:  # its list is behind what it has heard: it is asked again later
            raise BrokerUnavailableError(f"{order.client_order_id} is sent already, and not listed") from None
        return known[0]


def _request(row: dict[str, object]) -> OrderRequest:
    return OrderRequest(**{name: row[name] for name in OrderRequest.__dataclass_fields__})  # type: ignore[arg-type]


def _is_unfilled(answer: BrokerOrder | None) -> bool:
    """Whether nothing comes of an order that the broker knows."""
    return answer is not None and answer.status in (REJECTED, CANCELLED, EXPIRED)


def _take_back_others(
    warehouse: Warehouse,
    broker: Broker,
    others: Sequence[Mapping[str, object]],
    refused: Mapping[str, object],
    known: dict[str, BrokerOrder],
    now: dt.datetime,
) -> None:
    """Take back what the broker has of the other legs of an entry that it refused."""
    for row in others:
        name = str(row["client_order_id"])
        if name in known and not known[name].is_final:
            why = f"the broker refused {refused['side']} {refused['symbol']}, the other leg of its pair"
            known[name] = take_order_back(warehouse, broker, row, why, now) or known[name]
