"""Tables of the stage. Prices are in quote currency, returns fractions, slippage in bp."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests.market import DECISIONS as DECISION_NAMES
from trading_assets.warehouse.table import Column, Table

_STRATEGY = Column(pl.String, "name of the strategy in the configuration")
_SPLIT = Column(pl.String, "run that this belongs to", one_of=("train", "validation", "holdout", "all"))
_SYMBOL = Column(pl.String, "symbol")

TRADES = Table(
    name="backtests.trades",
    description="A round trip; what is still open at the end of a run is in open_positions",
    key=("strategy", "split", "trade_id"),
    columns={
        "trade_id": Column(pl.String, "strategy, split, symbol and entry session"),
        "pair_id": Column(pl.String, "common to the two legs of a pair", nullable=True),
        "strategy": _STRATEGY,
        "symbol": _SYMBOL,
        "asset_class": Column(pl.String, "equity or crypto"),
        "side": Column(pl.String, "direction", one_of=("long", "short")),
        "entry_session": Column(pl.Date, "session at whose open it was entered"),
        "entry_price": Column(pl.Float64, "paid, in units of the exit (divided by splits since)", at_least=0),
        "quantity": Column(pl.Float64, "at the exit", at_least=0),
        "stop_price": Column(pl.Float64, "initial stop, in units of the exit"),
        "exit_session": Column(pl.Date, "session of the exit: at its open; delisted: at its close"),
        "exit_price": Column(pl.Float64, "received", at_least=0),
        "exit_reason": Column(pl.String, "why it was left"),
        "pnl": Column(pl.Float64, "all cash in minus all cash out: fees, dividends and fractions of a lot included"),
        "return": Column(pl.Float64, "pnl over the notional of the entry; null if that was 0", nullable=True),
        "r_multiple": Column(pl.Float64, "pnl over (initial stop distance x quantity at the entry)"),
        "hold_sessions": Column(
            pl.Int64, "usable sessions held, from the entry's to the last before the exit", at_least=0
        ),
        "entry_fee": Column(pl.Float64, "quote currency", at_least=0),
        "exit_fee": Column(pl.Float64, "quote currency", at_least=0),
        "entry_slippage_bps": Column(pl.Float64, "drawn, before rounding to the tick", at_least=0),
        "exit_slippage_bps": Column(pl.Float64, "drawn, before rounding to the tick", at_least=0),
        "split": _SPLIT,
        "trigger": Column(pl.String, "why it was entered"),
        "decision_session": Column(pl.Date, "session at whose close the entry was decided"),
    },
)

EQUITY = Table(
    name="backtests.equity",
    description="The account at the close of a session",
    key=("strategy", "split", "session"),
    columns={
        "strategy": _STRATEGY,
        "session": Column(pl.Date, "session"),
        "equity": Column(pl.Float64, "cash and positions at their marks"),
        "cash": Column(pl.Float64, "never negative", at_least=-1e-6),
        "gross_exposure": Column(pl.Float64, "value of the positions over equity", at_least=0),
        "positions": Column(pl.Int64, "open positions", at_least=0),
        "drawdown": Column(pl.Float64, "equity over its peak (first: the initial capital), minus 1", at_most=0),
        "daily_return": Column(
            pl.Float64, "change of equity, first from the initial capital; null after a total loss", nullable=True
        ),
        "split": _SPLIT,
    },
)

DECISIONS = Table(
    name="backtests.decisions",
    description="Anything considered, and why it was or was not done",
    key=("strategy", "split", "session", "symbol", "moment", "decision"),
    columns={
        "strategy": _STRATEGY,
        "session": Column(pl.Date, "session"),
        "symbol": _SYMBOL,
        "moment": Column(pl.String, "close: decided; open: an order was due", one_of=("open", "close")),
        "decision": Column(pl.String, "what was decided", one_of=DECISION_NAMES),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit or a rejection"),
        "detail": Column(pl.String, "JSON: trigger, score, quantity, notional, risk_multiplier, where there are any"),
        "split": _SPLIT,
    },
)

METRICS = Table(
    name="backtests.metrics",
    description="Metrics of a run",
    key=("strategy", "split", "metric"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "metric": Column(pl.String, "name; definitions in trading_assets/backtests/metrics.py"),
        "value": Column(pl.Float64, "null where undefined", nullable=True),
    },
)

OPEN_POSITIONS = Table(
    name="backtests.open_positions",
    description="A position or a pending order at the end of a run: the liquidation plan, never executed",
    key=("strategy", "split", "symbol"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "symbol": _SYMBOL,
        "quantity": Column(pl.Float64, "held, or ordered", at_least=0),
        "entry_session": Column(pl.Date, "null for an order", nullable=True),
        "entry_price": Column(pl.Float64, "null for an order", nullable=True),
        "stop_price": Column(pl.Float64, "current stop; provisional for an order"),
        "last_price": Column(pl.Float64, "last mark; close of the decision for an order"),
        "open_pnl": Column(
            pl.Float64, "value plus cash in minus cash out so far, fees included; null for an order", nullable=True
        ),
        "pending_order": Column(
            pl.String, "side of the order that waits for an open", nullable=True, one_of=("buy", "sell")
        ),
        "pending_reason": Column(pl.String, "trigger, or exit reason", nullable=True),
    },
)

BASELINES = Table(
    name="backtests.baselines",
    description="What the same capital would have done without the strategy",
    key=("strategy", "split", "baseline", "session"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "baseline": Column(pl.String, "cash, benchmark, exposure_matched or equal_weight"),
        "session": Column(pl.Date, "session"),
        "equity": Column(pl.Float64, "from the same starting equity"),
        "daily_return": Column(pl.Float64, "change of equity", nullable=True),
    },
)

_HEADLINE = Column(pl.Float64, "of the continuous run up to the end of validation", nullable=True)

RUNS = Table(
    name="backtests.runs",
    description="One materialisation (append only)",
    key=("run_id", "strategy"),
    columns={
        "run_id": Column(pl.String, "Dagster run"),
        "strategy": _STRATEGY,
        "status": Column(pl.String, "ok or failed", one_of=("ok", "failed")),
        "config_hash": Column(pl.String, "of the whole configuration"),
        "data_hash": Column(
            pl.String,
            "of the bars of its symbols and benchmark up to the last split; null if failed",
            nullable=True,
        ),
        "code_version": Column(pl.String, "version of trading_assets"),
        "seed": Column(pl.Int64, "of the slippage draws"),
        "as_of": Column(pl.Date, "last session of the data; null if failed", nullable=True),
        "started_at": Column(pl.Datetime("us"), "UTC"),
        "finished_at": Column(pl.Datetime("us"), "UTC"),
        "trades": _HEADLINE,
        "total_return": _HEADLINE,
        "sharpe": _HEADLINE,
        "max_drawdown": _HEADLINE,
    },
)
