"""The order sheet: what a running account orders for the next open, and what stands against each order.

A sheet follows from what was published at a close and from the configuration, never from the clock: whoever asks,
however often, gets the same one.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS
from trading_assets.backtests.engine.reason_codes import CLOSING, DRAWDOWN_HALT
from trading_assets.config.canonical import digest
from trading_assets.config.sections import Risk
from trading_assets.config.trading import Trading
from trading_assets.market_data import calendars
from trading_assets.trading.broker_books import Leg
from trading_assets.trading.brokers.port import OUR_IDS
from trading_assets.trading.opening import next_session
from trading_assets.trading.tables import ORDER_SHEETS

#: Fraction by which a broker may hold other units than the engine of a target weight, which is sized at the open.
DRIFT = 0.05
#: Days in which the last session of any calendar is found.
_LOOK_BACK = dt.timedelta(days=14)
_ROUNDING = 1e-9
#: Word of what the stage of the rollout withholds.
ROLLOUT_WORD = "rollout"
#: Reason of what a broker still holds of what the account has left.
LEFT_OVER = "left_over"
#: Reason of exits of an account that is closing, and all reasons of exits that leave a slice a session.
_LEFT = EXIT_REASONS[CLOSING]
_SLICED = (EXIT_REASONS[DRAWDOWN_HALT], _LEFT)


def order_sheet(
    configuration: str,
    pending: pl.DataFrame,
    risk: Risk,
    *,
    held: Mapping[Leg, float] | None = None,
    entries_blocked_by: str | None = None,
    trading: Trading | None = None,
    withheld: Collection[str] = frozenset(),
    units_withheld: Mapping[Leg, float] | None = None,
    plan: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the sheet of orders that wait at a close.

    Parameters
    ----------
    configuration
        Name of the configuration: a part of the ids.
    pending
        Rows of `trading.pending_orders` of one account and session.
    risk
        Limits.
    held
        Units that the broker holds by symbol and pair: nothing that is not there is left. None: what the engine holds.
    entries_blocked_by
        What stops every entry; exits, which make the risk smaller, go on, and so does the part of an order that leaves
        a position on the other side. None: nothing.
    trading
        How far limits lie, and which moves wait for a person; None: as shipped.
    withheld, units_withheld
        Entries that the stage of the rollout withholds, by order, and units that the engine alone holds because it did.
    plan
        Rows of `trading.closing_plans` at the same close: urgency and limit of what is left. None: nothing is.

    Returns
    -------
    polars.DataFrame
        Rows of `trading.order_sheets`.
    """
    waiting, settings = pending.sort("order_id").to_dicts(), trading or Trading()
    blocks = [
        ROLLOUT_WORD if row["order_id"] in withheld else _block_of(row, risk, entries_blocked_by, settings.largest_move)
        for row in waiting
    ]
    broken = {row["pair_id"] for row, block in zip(waiting, blocks, strict=True) if row["entry"] and block is not None}
    planned = {} if plan is None else {(each["symbol"], each["pair_id"]): _given(each) for each in plan.to_dicts()}
    rows = []
    for row, block in zip(waiting, blocks, strict=True):
        of_pair = "pair" if row["entry"] and row["pair_id"] is not None and row["pair_id"] in broken else None
        units, blocked_by = _sent(row, block or of_pair, held)
        if blocked_by == "not_held" and _is_withheld(row, units, units_withheld or {}):
            blocked_by = ROLLOUT_WORD
        line = _line(configuration, row, risk, (units, blocked_by), settings.marketable)
        if row["reason"] == _LEFT:
            line |= planned.get((row["symbol"], row["pair_id"]), {})
        if line["type"] == "market_on_open" and line["limit"] is not None:
            line["type"] = "limit_on_open"
        rows.append(line)
    return ORDER_SHEETS.conform(pl.DataFrame(rows, schema=ORDER_SHEETS.empty().schema)).sort(ORDER_SHEETS.key)


def exit_line(configuration: str, row: Mapping[str, Any], *, marketable: float | None = None) -> dict[str, Any]:
    """Return the row of `trading.order_sheets` of an exit that the engine does not have, and nothing stands against.

    Parameters
    ----------
    configuration, row
        Name of the configuration, and a row of `trading.pending_orders` with what it is to be.
    marketable
        `trading.marketable`: how far limits lie; None: as shipped.
    """
    toward = Trading().marketable if marketable is None else marketable
    own = {**row, "entry": False, "target_weight": None, "stop_price": None, "expected_cost": None}
    line = _line(configuration, own, Risk(), (row["quantity"], None), toward)  # no share of a limit is of an exit
    return line | {"share_sent": 0.0}


def client_order_id(configuration: str, account: str, order_id: str, for_session: dt.date) -> str:
    """Return the id under which a broker knows an order: 35 characters, the same for the same order of a session.

    Parameters
    ----------
    configuration, account
        Names of the configuration and of the account.
    order_id, for_session
        Order of the engine, and the session that it is sent for.

    Examples
    --------
    >>> client_order_id("demo", "momentum-1", "momentum-1-20170711-AAA-buy", dt.date(2017, 7, 12))
    'ta-3800c8f36ce4cfe0e1fc5b51b43eb88d'
    """
    return f"{OUR_IDS}{digest([configuration, account, order_id, for_session])[:32]}"


def write_csv(sheet: pl.DataFrame, path: Path) -> None:
    """Write a sheet to a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    sheet.write_csv(partial)
    partial.replace(path)


def _sent(row: Mapping[str, Any], block: str | None, held: Mapping[Leg, float] | None) -> tuple[float, str | None]:
    """How many units of an order are sent, and what stands against the others."""
    asked = row["quantity"]
    if held is None:
        return (asked, None) if block is None else (0.0, block)
    units = held.get((row["symbol"], row["pair_id"]), 0.0)
    there = max(0.0, units if row["side"] == "sell" else -units)  # that the order can leave
    if row["entry"]:
        if block is None:
            return asked, None
        return (0.0 if asked is None else min(asked, there)), block
    if block is not None:
        return 0.0, block
    is_whole = row["target_weight"] == 0.0 and row["reason"] not in _SLICED
    if is_whole and asked < there <= asked * (1.0 + DRIFT):
        return there, None  # what has drifted from the weight is left with it
    return (asked, None) if asked <= there * (1.0 + _ROUNDING) else (there, "not_held")


def _is_withheld(row: Mapping[str, Any], units: float, units_withheld: Mapping[Leg, float]) -> bool:
    """Whether what an exit lacks at the broker is there by the engine alone."""
    apart = abs(units_withheld.get((row["symbol"], row["pair_id"]), 0.0))
    return apart > 0 and row["quantity"] <= (units + apart) * (1.0 + _ROUNDING)


def _given(planned: Mapping[str, Any]) -> dict[str, Any]:
    """What a closing says of an order: at which place it is sent, and its limit, on an exchange as elsewhere."""
    return {"urgency": planned["urgency"], "limit": planned["limit"]}


def _line(
    configuration: str, row: Mapping[str, Any], risk: Risk, sent: tuple[float, str | None], marketable: float
) -> dict[str, Any]:
    for_session = next_session([row["calendar"]], row["session"])
    units, blocked_by = sent
    close, asked, is_entry = row["close"], row["quantity"], row["entry"]
    quantity = units if units else asked
    notional = None if close is None or quantity is None else quantity * close
    is_limit = row["calendar"] == calendars.ALWAYS
    toward = marketable if row["side"] == "buy" else -marketable
    largest = risk.max_symbol * row["equity"]
    return {
        **{name: row[name] for name in ORDER_SHEETS.columns if name in row},
        "client_order_id": client_order_id(configuration, row["account"], row["order_id"], for_session),
        "for_session": for_session,
        "quantity": quantity,
        "type": "marketable_limit" if is_limit else "market_on_open",
        "limit": close * (1.0 + toward) if is_limit and close is not None else None,
        "stop": row["stop_price"],
        "urgency": None,
        "sized_at_open": row["target_weight"] is not None,
        "notional": notional,
        "share_of_symbol_limit": _ratio(notional, largest) if is_entry else None,
        "share_of_capacity": _ratio(notional, row["capacity_limit"]) if is_entry else None,
        "share_of_gross_room": _ratio(notional, row["gross_room"]) if is_entry else None,
        "share_of_value_at_risk": _ratio(row["value_at_risk"], risk.var_limit) if is_entry else None,
        "share_sent": min(1.0, units / asked) if units else 0.0,
        "status": "ready" if units else "blocked",
        "blocked_by": blocked_by,
    }


def _block_of(row: Mapping[str, Any], risk: Risk, entries_blocked_by: str | None, largest_move: float) -> str | None:
    """The first check that an order does not pass; None if it passes all.

    An exit only needs a size: what is wrong with its bars is often why it is made.
    """
    quantity, close, previous, stop = (row[name] for name in ("quantity", "close", "previous_close", "stop_price"))
    has_size = quantity is not None and math.isfinite(quantity) and quantity > 0
    if not row["entry"]:
        return None if has_size else "size"
    if entries_blocked_by is not None:
        return entries_blocked_by
    if row["last_bar"] != _last_session(row["calendar"], row["session"]):
        return "stale_bar"
    if close is None or not (math.isfinite(close) and close > 0):
        return "price"
    if previous is not None and abs(close / previous - 1.0) > largest_move:
        return "price"
    if stop is not None and (stop >= close if row["side"] == "buy" else stop <= close):
        return "price"
    if not has_size:
        return "size"
    notional = quantity * close
    if notional > risk.max_symbol * row["equity"] * (1.0 + _ROUNDING):
        return "symbol_limit"
    capacity = row["capacity_limit"]
    if capacity is not None and notional > capacity * (1.0 + _ROUNDING):
        return "capacity"
    return None


def _last_session(calendar: str, day: dt.date) -> dt.date | None:
    found = calendars.sessions(calendar, day - _LOOK_BACK, day)
    return found.to_list()[-1] if found.len() else None


def _ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or of is None or not of > 0 else value / of
