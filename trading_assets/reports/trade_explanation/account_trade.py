"""The story of a trade of a running account, from the audit trail: decided, ordered, sent, filled, held, left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.reports.html_table import price
from trading_assets.reports.trade_explanation.narrative import NarrativeSection, units
from trading_assets.trading.audit_trail.tables import AUDIT_TRAIL
from trading_assets.trading.tables import HOLDINGS, SUBMISSION_EVENTS
from trading_assets.warehouse import Warehouse

Row = dict[str, Any]


@dataclass(frozen=True)
class AccountTrade:
    """What the trail has of one position of an account.

    Attributes
    ----------
    trade_id
        Id of the position, as in `trading.holdings`.
    holdings
        Its rows by session.
    entries
        Entries of its symbol from its first decision to its end, and what was said of its differences; `said` is the
        detail that is read.
    """

    trade_id: str
    holdings: list[Row]
    entries: list[Row]

    def of(self, *events: str, side: str | None = None) -> list[Row]:
        """Return what was said in entries of some events, of orders on one side where that is given."""
        found = [entry["said"] | {"event": entry["event"]} for entry in self.entries if entry["event"] in events]
        return [said for said in found if side is None or said.get("side") == side]


def read_account_trade(warehouse: Warehouse, trade_id: str) -> AccountTrade | None:
    """Return what the trail has of a trade of an account; None if no account has held one of this id.

    Parameters
    ----------
    warehouse, trade_id
        Warehouse of the account, and the id as in `trading.holdings`.
    """
    held = warehouse.read_or_empty(HOLDINGS, where="trade_id = ?", parameters=[trade_id]).sort("session").to_dicts()
    if not held:
        return None
    account, symbol = held[0]["account"], held[0]["symbol"]
    rows = warehouse.read_or_empty(AUDIT_TRAIL, where="account = ? OR event = 'acceptance'", parameters=[account])
    entries = [{**row, "said": json.loads(row["detail"])} for row in rows.sort("entry").iter_rows(named=True)]
    of_symbol = [
        each
        for each in entries
        if each["symbol"] == symbol and each["said"].get("pair_id") in (None, held[0]["pair_id"])
    ]
    booked = [each for each in of_symbol if each["event"] == "booked"]
    first, last = held[0]["entry_session"], held[-1]["session"]
    is_long = held[0]["quantity"] > 0
    left = [
        each["session"] for each in booked if each["session"] > last and (each["said"]["side"] == "sell") == is_long
    ]
    closes = sorted({each["session"] for each in entries if each["event"] == "close" and each["session"] > last})
    end = left[0] if left and closes[:1] == left[:1] else None
    opened_by = {each["said"]["order_id"] for each in booked if each["session"] == first}
    decided = [
        each["session"] for each in of_symbol if each["event"] == "decision" and each["said"]["order_id"] in opened_by
    ]
    begin = min(decided, default=first)
    own = [each for each in of_symbol if begin <= each["session"] <= (end or each["session"])]
    known = {each["said"].get("difference_id") for each in own if each["event"] == "difference"}
    own += [each for each in entries if each["event"] == "acceptance" and each["said"].get("difference") in known]
    return AccountTrade(trade_id, held, own)


def account_narrative(trade: AccountTrade) -> list[NarrativeSection]:
    """Return all sections in order of time; those of which nothing is known are left out."""
    into, out = ("buy", "sell") if trade.holdings[0]["quantity"] > 0 else ("sell", "buy")
    sections = [
        _summary(trade, out),
        NarrativeSection("Decision", *_decisions(trade, into)),
        NarrativeSection("Order sheet", list(_sheets(trade, into))),
        NarrativeSection("Sent", list(_sent(trade, into))),
        NarrativeSection("Fills", list(_fills(trade, into))),
        NarrativeSection("While it was held", list(_held(trade))),
        NarrativeSection(
            "Exit", [*_decisions(trade, out)[0], *_sheets(trade, out), *_sent(trade, out), *_fills(trade, out)]
        ),
        NarrativeSection("Reconciliation", list(_differences(trade))),
    ]
    return [section for section in sections if section.lines or section.table is not None]


def _summary(trade: AccountTrade, out: str) -> NarrativeSection:
    first, last = trade.holdings[0], trade.holdings[-1]
    verb = "bought" if first["quantity"] > 0 else "sold short"
    lines = [
        f"{first['account']} ({first['label']}): {verb} {units(abs(first['quantity']))} {first['symbol']} on "
        f"{first['entry_session']} at {price(first['entry_price'])}"
    ]
    ends = [each for each in trade.of("booked", side=out) if each["session"] > str(last["session"])]
    if ends:
        lines.append(
            f"left on {ends[-1]['session']} at {price(ends[-1]['price'])} ({ends[-1]['reason'].replace('_', ' ')})"
        )
    else:
        lines.append(f"held at the close of {last['session']}: {units(last['quantity'])} at {price(last['mark'])}")
    return NarrativeSection(trade.trade_id, lines)


def _decisions(trade: AccountTrade, side: str) -> tuple[list[str], pl.DataFrame | None]:
    """Lines of decisions on a side, and the numbers behind the first one."""
    lines, table, known = list[str](), None, set[str]()
    for said in trade.of("decision", side=side):
        if said["decision_id"] in known:
            continue
        known.add(said["decision_id"])
        stop = "" if said["stop_price"] is None else f", stop {price(said['stop_price'])}"
        close = "no close" if said["close"] is None else f"close {price(said['close'])}"
        lines.append(f"at the close of {said['decision_session']}: {said['reason'].replace('_', ' ')}, {close}{stop}")
        numbers = {name: value for name, value in json.loads(said["detail"]).items() if isinstance(value, float)}
        if table is None and numbers:
            table = pl.DataFrame({"known at that close": list(numbers), "value": list(numbers.values())})
    return lines, table


def _sheets(trade: AccountTrade, side: str) -> Iterator[str]:
    for said in trade.of("order", side=side):
        size = "no size" if said["quantity"] is None else f"{units(said['quantity'])} units"
        cost = "" if said["expected_cost"] is None else f", expected cost {said['expected_cost']:,.2f}"
        blocked = "" if said["blocked_by"] is None else f", {said['blocked_by'].replace('_', ' ')}"
        yield (
            f"{said['session']}, for {said['for_session']}: {side} {size}, {said['type'].replace('_', ' ')}, "
            f"{said['status']}{blocked}{cost}, {said['client_order_id']}"
        )


def _sent(trade: AccountTrade, side: str) -> Iterator[str]:
    for said in trade.of(*SUBMISSION_EVENTS, side=side):
        why = f": {said['reason']}" if said.get("reason") else ""
        yield f"{said['recorded_at'][:16].replace('T', ' ')} UTC: {said['event']}, {units(said['quantity'])} units{why}"


def _fills(trade: AccountTrade, side: str) -> Iterator[str]:
    for said in trade.of("booked", "fill", side=side):
        who = "the engine booked" if said["event"] == "booked" else "the broker filled"
        yield f"{said['session']}: {who} {units(said['quantity'])} at {price(said['price'])}, fee {said['fee']:,.2f}"


def _held(trade: AccountTrade) -> Iterator[str]:
    for said in trade.of("stop"):
        if said["trade_id"] == trade.trade_id:
            before = "" if said["previous_stop"] is None else f", from {price(said['previous_stop'])}"
            yield f"{said['session']}: stop {price(said['stop_price'])}{before}"


def _differences(trade: AccountTrade) -> Iterator[str]:
    accepted = {said["difference"]: said for said in trade.of("acceptance")}
    for said in trade.of("difference"):
        yield f"{said['session']}: {said['kind'].replace('_', ' ')}, {said['detail']}"
        later = accepted.get(said["difference_id"])
        yield "    it stands" if later is None else f"    accepted by {later['by']}: {later['reason']}"
