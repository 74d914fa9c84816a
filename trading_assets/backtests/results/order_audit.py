"""From decision and fill records to rows of `backtests.decisions`, `orders` and `fills`, joined by readable ids.

An id names what it is of, in the order strategy, split, session, symbol; where that names several, a number from 2
follows in the order of the events. None depends on what comes later, so a longer run has the ids of a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import DECISIONS, HOLDS, LIMITS, REJECTIONS, Integers
from trading_assets.backtests.engine.dtypes import ENTER, EXIT, HOLD, NUMBERS, OPENS, REJECT, RecordArray
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.inputs.axis_labels import AxisLabels, named
from trading_assets.strategies.interface.rules import Side

SIDES = ("buy", "sell")
#: Why an order was cancelled that nothing rejected: a later decision about the same position took its place.
REPLACED = "replaced"


@dataclass(frozen=True)
class Journal:
    """Rows of the three tables without strategy and split, and ids by number of the record.

    Attributes
    ----------
    order_ids
        Id of the order by number of the decision that gave the order; null where it gave none.
    trade_ids
        Id of the trade by number of the round trip.
    """

    decisions: pl.DataFrame
    orders: pl.DataFrame
    fills: pl.DataFrame
    order_ids: pl.Series
    trade_ids: pl.Series


def journal_of(simulation: Simulation, names: AxisLabels, run: str) -> Journal:
    """Name what the engine numbers.

    Parameters
    ----------
    simulation, names
        Records of a run, and the names of sessions, symbols, triggers and exits behind their numbers.
    run
        What every id starts with.
    """
    fills = _fills(simulation.fills, names)
    decisions = _decisions(simulation.decisions, names).with_columns(
        decision_id=_id(run, _day("session"), "symbol", "decision").over("session", "symbol", "decision")
    )
    orders = _orders(simulation, decisions, fills, names.side, run)
    order_ids = decisions.join(orders, on="decision_id", how="left", maintain_order="left")["order_id"]
    trade_ids = _trade_ids(fills, run)
    named_fills = fills.with_columns(
        order_id=named(order_ids.to_list(), simulation.fills["decision"]),
        trade_id=named(trade_ids.to_list(), simulation.fills["round_trip"]),
    ).with_columns(fill_id=pl.format("{}-{}", "order_id", pl.int_range(1, pl.len() + 1).over("order_id")))
    of_order = named(order_ids.to_list(), simulation.decisions["order"])
    decisions = decisions.with_columns(order_id=order_ids.fill_null(of_order))
    return Journal(decisions, orders, named_fills, order_ids, trade_ids)


def _id(run: str, *parts: str | pl.Expr) -> pl.Expr:
    """The id of a row, to be evaluated over the rows that share its parts."""
    base = pl.concat_str(pl.lit(run), *parts, separator="-")
    number = pl.int_range(1, pl.len() + 1)
    return pl.when(number == 1).then(base).otherwise(pl.concat_str(base, number, separator="-"))


def _day(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime("%Y%m%d")


def _decisions(decisions: RecordArray, names: AxisLabels) -> pl.DataFrame:
    """Rows in order of the events."""
    kind = decisions["decision"]
    reasons: dict[int, Callable[[Integers], pl.Series]] = {
        ENTER: lambda numbers: named(names.triggers, numbers),
        EXIT: lambda numbers: named(names.exits, numbers),
        REJECT: lambda numbers: named(REJECTIONS, numbers),
        HOLD: lambda numbers: named(HOLDS, numbers),
    }
    reason = pl.Series([None] * decisions.size, dtype=pl.String)
    for number, name_of in reasons.items():
        rows = np.flatnonzero(kind == number)
        reason = reason.scatter(rows, name_of(decisions["reason"][rows]))
    # NaN: it played no part; infinity: no limit.
    known = np.where(np.isfinite(decisions["numbers"]), decisions["numbers"], np.nan)
    numbers = {
        name: pl.Series(np.ascontiguousarray(known[:, place])).fill_nan(None) for place, name in enumerate(NUMBERS)
    }
    frame = pl.DataFrame(
        {
            "session": named(names.axes.sessions, decisions["session"], pl.Date),
            "symbol": named(names.axes.symbols, decisions["symbol"]),
            "pair_id": named(names.pairs, decisions["pair_index"]),
            "moment": named(["open", "close"], decisions["at_close"]),
            "decision": named(DECISIONS, kind),
            "reason": reason,
            "trigger": named(names.triggers, decisions["label"]),
            "limited_by": named(LIMITS, decisions["limit"]),
            **numbers,
        }
    )
    return frame.with_columns(model=pl.lit(names.model, pl.String), detail=_json("trigger", *NUMBERS))


def _json(name: str, *numbers: str) -> pl.Expr:
    """A JSON object of what is not null."""
    parts = [pl.format(f'"{name}": "{{}}"', name), *(pl.format(f'"{key}": {{}}', key) for key in numbers)]
    inside = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    return pl.concat_str(pl.lit("{"), inside, pl.lit("}")).alias("detail")


def _fills(fills: RecordArray, names: AxisLabels) -> pl.DataFrame:
    """Rows in order of the events; `decision` and `round_trip` are numbers."""
    opens = fills["effect"] == OPENS
    same = "decision round_trip asked quantity raw_price price fee slippage_bps mean_slippage_bps"
    return pl.DataFrame(
        {
            "session": named(names.axes.sessions, fills["session"], pl.Date),
            "symbol": named(names.axes.symbols, fills["symbol"]),
            "pair_id": named(names.pairs, fills["pair_index"]),
            "side": named(SIDES, fills["side"]),
            "opens": opens,
            "entry_reason": named(names.triggers, np.where(opens, fills["reason"], -1)),
            "exit_reason": named(names.exits, np.where(opens, -1, fills["reason"])),
            **{name: np.ascontiguousarray(fills[name]) for name in same.split()},
        }
    ).with_columns(reason=pl.coalesce("entry_reason", "exit_reason"))


def _trade_ids(fills: pl.DataFrame, run: str) -> pl.Series:
    """Ids of the round trips by their number: symbol and session of the entry."""
    first = fills.group_by("round_trip").agg(pl.col("symbol", "session").first()).sort("round_trip")
    return first.select(trade_id=_id(run, "symbol", _day("session")).over("symbol", "session")).to_series()


def _orders(simulation: Simulation, decisions: pl.DataFrame, fills: pl.DataFrame, side: Side, run: str) -> pl.DataFrame:
    """One row a decision that gave an order, in the order of the decisions."""
    held, waiting = simulation.positions_at_end, simulation.orders_at_end
    pending = [*waiting["decision"].tolist(), *held["exit_decision"][held["exit_reason"] >= 0].tolist()]
    numbered = decisions.with_row_index("number").with_columns(pl.col("number").cast(pl.Int64))
    about = pl.Series("about", np.ascontiguousarray(simulation.decisions["order"]))
    rejected = numbered.with_columns(about).filter(pl.col("decision") == "reject", pl.col("about") >= 0)
    rejected = rejected.group_by(number="about").agg(cause=pl.col("reason").last())
    filled = fills.group_by(number=pl.col("decision")).agg(
        filled_side=pl.col("side").first(), cut=(pl.col("quantity") < pl.col("asked")).any()
    )
    orders = (
        numbered.filter(pl.col("decision").is_in(["enter", "exit"]))
        .join(filled, on="number", how="left", maintain_order="left")
        .join(rejected, on="number", how="left", maintain_order="left")
        .with_columns(
            is_pending=pl.col("number").is_in(pending),
            is_filled=pl.col("filled_side").is_not_null(),
        )
    )
    orders = orders.with_columns(asked_side=_sides_asked_for(orders, fills, side))
    partly = pl.col("is_pending") | pl.col("cause").is_not_null() | pl.col("cut")
    return orders.select(
        "decision_id",
        "symbol",
        "pair_id",
        "asked_side",
        pl.col("quantity").abs(),
        side=pl.coalesce("filled_side", "asked_side"),
        decision_session="session",
        status=pl.when("is_filled")
        .then(pl.when(partly).then(pl.lit("partly_filled")).otherwise(pl.lit("filled")))
        .otherwise(pl.when("is_pending").then(pl.lit("pending")).otherwise(pl.lit("cancelled"))),
        cancel_reason=pl.when(~pl.col("is_filled") & ~pl.col("is_pending"))
        .then(pl.col("cause").fill_null(REPLACED))
        .when("cut")
        .then(pl.lit("insufficient_cash"))
        .otherwise("cause"),
    ).with_columns(
        # A target weight may turn out to be a sale at the open: the id keeps the side that the decision knew.
        order_id=_id(run, _day("decision_session"), "symbol", "asked_side").over(
            "decision_session", "symbol", "asked_side"
        )
    )


def _sides_asked_for(orders: pl.DataFrame, fills: pl.DataFrame, side: Side) -> pl.Series:
    """Sides of orders that may never have filled.

    An entry's is that of its weight, without one that of the strategy; an exit's is against the position.
    """
    opened = fills.filter("opens").select("session", "side", position_index=_position_index()).sort("session")
    position = (
        orders.select("number", "session", position_index=_position_index())
        .sort("session")
        .join_asof(opened, on="session", by="position_index", strategy="backward", check_sortedness=False)
        .sort("number")["side"]
    )
    weight = pl.coalesce("granted_weight", "target_weight", pl.lit(-1.0 if side == "short" else 1.0))
    sells = (pl.col("decision") == "enter") & (weight < 0)
    sells |= (pl.col("decision") == "exit") & (pl.col("position") == "buy")
    return (
        orders.with_columns(position=position)
        .select(pl.when(sells).then(pl.lit("sell")).otherwise(pl.lit("buy")))
        .to_series()
    )


def _position_index() -> pl.Expr:
    return pl.concat_str("symbol", pl.col("pair_id").fill_null(""), separator=" ")
