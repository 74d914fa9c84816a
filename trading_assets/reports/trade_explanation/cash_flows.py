"""What happened to a position while it was held, and what each of it was worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from trading_assets.market_data.quality.rules import HALF_ADJUSTED, SPIKE
from trading_assets.reports.html_table import price
from trading_assets.reports.trade_explanation.audit_trail import Row, TradeEvidence

#: Reasons of the quarantine that only the next bar gave.
TAKEN_BACK = {SPIKE.name, HALF_ADJUSTED.name}


@dataclass
class _Ledger:
    """Cash by what it was for, and the signed quantity held."""

    quantity: float = 0.0
    cash: dict[str, float] = field(default_factory=dict)

    def book(self, item: str, amount: float) -> None:
        self.cash[item] = self.cash.get(item, 0.0) + amount


def cash_flows(evidence: TradeEvidence) -> pl.DataFrame:
    """Return what a trade took in (positive) and paid, by item; an open one also what it is worth.

    The items follow from the fills and the corporate actions of the bars alone, not from the trade's own row, but
    for the cost of borrowing.

    Returns
    -------
    polars.DataFrame
        item, amount in quote currency.
    """
    ledger = _Ledger()
    fills = evidence.fills.partition_by("session", as_dict=True, maintain_order=True)
    bars = {row["session"]: row for row in evidence.bars.iter_rows(named=True)}
    for session in sorted({*bars, *(day for (day,) in fills)}):
        if session in bars and ledger.quantity != 0:
            _corporate_action(ledger, bars[session], evidence.costs.lot)
        if (session,) in fills:
            for fill in fills[(session,)].iter_rows(named=True):
                sign = 1.0 if fill["side"] == "buy" else -1.0
                ledger.book("bought" if sign > 0 else "sold", -sign * fill["quantity"] * fill["price"])
                ledger.book("fees", -fill["fee"])
                ledger.quantity += sign * fill["quantity"]
    if evidence.trade and evidence.trade["borrow_cost"]:
        ledger.book("borrowing", -evidence.trade["borrow_cost"])
    if evidence.position:
        ledger.book("value at the last mark", ledger.quantity * evidence.position["last_price"])
    return pl.DataFrame({"item": list(ledger.cash), "amount": list(ledger.cash.values())})


def events_while_held(evidence: TradeEvidence) -> Iterator[tuple[dt.date, str]]:
    """Splits, dividends, missing sessions, raised stops and rejected orders from the entry to the exit, by session."""
    first, last = evidence.fills["session"][0], evidence.fills["session"][-1]
    if evidence.trade is None and evidence.sessions:
        last = evidence.sessions[-1]
    events = [*_actions(evidence, first, last), *_holes(evidence, first, last), *_decisions(evidence, first, last)]
    yield from sorted(events)


def _corporate_action(ledger: _Ledger, bar: Row, lot: float) -> None:
    """As the engine does it: the dividend on the quantity of the evening before, then the split."""
    if bar["cash_dividend"]:
        ledger.book("dividends", bar["cash_dividend"] * ledger.quantity)
    if bar["split_ratio"] != 1.0:
        from trading_assets.backtests.engine.portfolio_state import floor_to_lot

        exact = abs(ledger.quantity) * bar["split_ratio"]
        whole = floor_to_lot(exact, lot)
        sign = 1.0 if ledger.quantity > 0 else -1.0
        ledger.book("fractions of a lot at splits", sign * max(0.0, exact - whole) * bar["open"])
        ledger.quantity = sign * whole


def _actions(evidence: TradeEvidence, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, str]]:
    held = evidence.bars.filter(pl.col("session") > first, pl.col("session") <= last)
    for bar in held.filter(pl.col("split_ratio") != 1).iter_rows(named=True):
        yield bar["session"], f"split, {bar['split_ratio']:g} for 1: quantity, entry price and stop follow"
    for bar in held.filter(pl.col("cash_dividend") > 0).iter_rows(named=True):
        yield bar["session"], f"dividend of {bar['cash_dividend']:g} a unit: the stop is lowered by it"


def _holes(evidence: TradeEvidence, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, str]]:
    received = set(evidence.bars["session"])
    quarantined = {row["session"]: row["reasons"] for row in evidence.quarantine.iter_rows(named=True)}
    for session in evidence.sessions:
        if first <= session <= last and session not in received:
            reasons = quarantined.get(session, ["no bar received"])
            text = f"session missing ({', '.join(reasons)}): marked at the last close, no stop update"
            if TAKEN_BACK & set(reasons):
                text = f"{', '.join(reasons)}: a loss stood marked until the next bar took it back; no stop update"
            yield session, text
    extreme = evidence.bars.filter(pl.col("flags").list.contains("extreme_move"))
    for session in extreme["session"]:
        if first <= session <= last:
            yield session, "extreme move: no signal and no stop; a loss is marked, a gain waits for the next bar"


def _decisions(evidence: TradeEvidence, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, str]]:
    own = set(evidence.decisions["decision_id"])
    for row in evidence.while_held.filter(pl.col("session") >= first, pl.col("session") < last).iter_rows(named=True):
        if row["reason"] == "stop_raised":
            yield row["session"], f"stop moved to {price(row['stop_price'])}"
        elif row["reason"] == "frozen":
            yield row["session"], "frozen at its last close: no bar for long and no delisting on record"
        elif row["reason"] != "already_held" and row["decision_id"] not in own:
            yield row["session"], f"{row['decision']}, {row['reason'].replace('_', ' ')}"
