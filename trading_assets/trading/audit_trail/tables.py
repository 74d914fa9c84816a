"""The table of the trail. What is kept are its files; the table of the warehouse is a copy of them for SQL."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

#: What an entry may be about; what is said by hand, and by other parts of the stage, keeps its own word.
EVENTS = {
    "decision": "an order of the engine that waits at a close, with the decision and the numbers behind it",
    "order": "a line of an order sheet, before any of it is sent; again where the sheet was made otherwise",
    "intended": "an order that is about to be sent, written before it is",
    "accepted": "the broker took it",
    "rejected": "the broker refused it",
    "cancel": "an order that the broker is about to be asked to take back, and why, written before it is",
    "cancelled": "the broker took it back",
    "fill": "a fill as the broker told it",
    "booked": "a fill as the engine booked it",
    "stop": "a stop that is new, or that moved, at a close",
    "close": "the account at the close of a session",
    "opening": "an account was opened",
    "closing": "an account is to be left for good, by whom and why",
    "rollout": "a stage was reached, by whom, why and by which gate",
    "rollout_sheet": "by which stage the sheet of a session was made",
    "alarm": "a statistic of live against promise has reached its alarm",
    "slippage": "what fills were judged by, as a hash",
    "pin": "a champion was pinned by hand, or is no more",
    "promote": "a candidate was made the champion by hand",
    "rollback": "an earlier champion was put back by hand",
    "difference": "a difference was found",
    "acceptance": "a difference was accepted, by whom and why",
    "halt": "sending was stopped, by whom and why",
    "resume": "sending goes on, by whom and why",
}

AUDIT_TRAIL = Table(
    name="trading.audit_trail",
    description="An entry of the audit trail (append only): a copy of what is kept in its monthly files",
    key=("entry",),
    columns={
        "entry": Column(pl.Int64, "number of the entry, from 1", at_least=1),
        "recorded_at": Column(pl.Datetime("us"), "when it was entered, UTC; decides the month of its file"),
        "event": Column(pl.String, "what happened, such as decision, order, intended, fill, difference, acceptance"),
        "strategy": Column(pl.String, "strategy; null for all", nullable=True),
        "account": Column(pl.String, "account; null for all", nullable=True),
        "session": Column(pl.Date, "session that it is of; null without one", nullable=True),
        "symbol": Column(pl.String, "symbol; null without one", nullable=True),
        "reference": Column(pl.String, "what it is of: entered once for each event"),
        "detail": Column(pl.String, "JSON: all that was known of it"),
        "previous_hash": Column(pl.String, "`entry_hash` of the entry before; of the first one zeros"),
        "entry_hash": Column(pl.String, "SHA-256 of all other columns"),
    },
)
