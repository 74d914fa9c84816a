"""From the records of a run to rows of the stage's tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trading_assets.backtests import tables
from trading_assets.backtests.engine import Simulation
from trading_assets.backtests.layout import ENTER, EXIT, HOLD, NUMBERS, REJECT, Table
from trading_assets.backtests.market import DECISIONS, HOLDS, REJECTIONS, Integers
from trading_assets.backtests.market_build import Grid
from trading_assets.backtests.plan import Names
from trading_assets.warehouse.table import Table as WarehouseTable


@dataclass(frozen=True)
class Result:
    """Rows of one run for `backtests.trades`, `equity`, `decisions` and `open_positions`, by their keys."""

    trades: pl.DataFrame
    equity: pl.DataFrame
    decisions: pl.DataFrame
    open_positions: pl.DataFrame


def result_of(
    simulation: Simulation, grid: Grid, names: Names, *, strategy: str, split: str, starting_equity: float
) -> Result:
    """Name what the engine numbers: sessions, symbols, reasons."""
    named = _Named(grid, names)
    return Result(
        trades=_finished(_trades(simulation.trades, named, strategy, split), tables.TRADES, strategy, split),
        equity=_finished(_equity(simulation, grid, starting_equity), tables.EQUITY, strategy, split),
        decisions=_finished(_decisions(simulation.decisions, named), tables.DECISIONS, strategy, split),
        open_positions=_finished(_open(simulation, named), tables.OPEN_POSITIONS, strategy, split),
    )


@dataclass(frozen=True)
class _Named:
    grid: Grid
    names: Names

    def sessions(self, rows: Integers) -> pl.Series:
        return pl.Series(self.grid.sessions, dtype=pl.Date).gather(rows)

    def symbols(self, columns: Integers) -> pl.Series:
        return _names(self.grid.symbols, columns)

    def triggers(self, numbers: Integers) -> pl.Series:
        return _names(self.names.entries, numbers)

    def exits(self, numbers: Integers) -> pl.Series:
        return _names(self.names.exits, numbers)


def _names(names: Sequence[str], numbers: Integers) -> pl.Series:
    """Names by number; -1 has none."""
    return pl.Series([*names, None], dtype=pl.String).gather(np.where(numbers < 0, len(names), numbers))


def _finished(frame: pl.DataFrame, table: WarehouseTable, strategy: str, split: str) -> pl.DataFrame:
    full = frame.with_columns(strategy=pl.lit(strategy), split=pl.lit(split))
    return table.conform(full).fill_nan(None).sort(table.key)


def _trades(trades: Table, names: _Named, strategy: str, split: str) -> pl.DataFrame:
    entry = names.sessions(trades["entry_session"])
    same = (
        "entry_price quantity stop_price exit_price pnl return r_multiple hold_sessions "
        "entry_fee exit_fee entry_slippage_bps exit_slippage_bps"
    )
    return pl.DataFrame(
        {
            "symbol": names.symbols(trades["symbol"]),
            "asset_class": _names(names.grid.asset_classes, trades["symbol"]),
            "entry_session": entry,
            "exit_session": names.sessions(trades["exit_session"]),
            "exit_reason": names.exits(trades["exit_reason"]),
            "trigger": names.triggers(trades["trigger"]),
            "decision_session": names.sessions(trades["decision_session"]),
            **{name: np.ascontiguousarray(trades[name]) for name in same.split()},
        }
    ).with_columns(
        trade_id=pl.format(f"{strategy}-{split}-{{}}-{{}}", "symbol", pl.col("entry_session").dt.strftime("%Y%m%d")),
        side=pl.lit("long"),
    )


def _equity(simulation: Simulation, grid: Grid, starting_equity: float) -> pl.DataFrame:
    first = simulation.first_session
    frame = pl.DataFrame(
        {
            "session": grid.sessions[first : first + simulation.equity.size],
            "equity": simulation.equity,
            "cash": simulation.cash,
            "gross_exposure": simulation.gross_exposure,
            "positions": simulation.positions,
        }
    )
    before = pl.col("equity").shift(1, fill_value=starting_equity)
    peak = pl.max_horizontal(pl.lit(starting_equity), pl.col("equity").cum_max())
    return frame.with_columns(
        drawdown=pl.col("equity") / peak - 1, daily_return=pl.when(before > 0).then(pl.col("equity") / before - 1)
    )


def _decisions(decisions: Table, names: _Named) -> pl.DataFrame:
    kind = decisions["decision"]
    reasons: dict[int, Callable[[Integers], pl.Series]] = {
        ENTER: names.triggers,
        EXIT: names.exits,
        REJECT: lambda numbers: _names(list(REJECTIONS), numbers),
        HOLD: lambda numbers: _names(list(HOLDS), numbers),
    }
    reason = pl.Series([None] * decisions.size, dtype=pl.String)
    for number, name_of in reasons.items():
        rows = np.flatnonzero(kind == number)
        reason = reason.scatter(rows, name_of(decisions["reason"][rows]))
    numbers = ("score", "quantity", "notional", "risk_multiplier")
    detail = pl.DataFrame(
        {
            "trigger": names.triggers(decisions["label"]),
            **{
                name: pl.Series(np.ascontiguousarray(decisions["numbers"][:, NUMBERS.index(name)])).fill_nan(None)
                for name in numbers
            },
        }
    )
    return pl.DataFrame(
        {
            "session": names.sessions(decisions["session"]),
            "symbol": names.symbols(decisions["symbol"]),
            "moment": _names(["open", "close"], decisions["at_close"]),
            "decision": _names(list(DECISIONS), kind),
            "reason": reason,
            "detail": detail.select(_json("trigger", *numbers)).to_series(),
        }
    )


def _json(name: str, *numbers: str) -> pl.Expr:
    """A JSON object of what is not null."""
    parts = [pl.format(f'"{name}": "{{}}"', name), *(pl.format(f'"{key}": {{}}', key) for key in numbers)]
    inside = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    return pl.concat_str(pl.lit("{"), inside, pl.lit("}")).alias("detail")


def _open(simulation: Simulation, names: _Named) -> pl.DataFrame:
    held, orders = simulation.positions_at_end, simulation.orders_at_end
    positions = pl.DataFrame(
        {
            "symbol": names.symbols(simulation.held),
            "quantity": np.ascontiguousarray(held["quantity"]),
            "entry_session": names.sessions(held["entry_session"]),
            "entry_price": np.ascontiguousarray(held["entry_price"]),
            "stop_price": np.ascontiguousarray(held["stop"]),
            "last_price": np.ascontiguousarray(held["mark"]),
            "open_pnl": held["flow"] + held["quantity"] * held["mark"],
            "pending_order": _names(["sell"], np.minimum(held["exit_reason"], 0)),
            "pending_reason": names.exits(held["exit_reason"]),
        }
    )
    pending = pl.DataFrame(
        {
            "symbol": names.symbols(simulation.queue),
            "quantity": np.ascontiguousarray(orders["quantity"]),
            "stop_price": orders["close"] - orders["distance"],
            "last_price": np.ascontiguousarray(orders["close"]),
            "pending_order": _names(["buy"], np.zeros_like(simulation.queue)),
            "pending_reason": names.triggers(orders["trigger"]),
        }
    )
    return pl.concat([positions, pending], how="diagonal")
