"""Tables of the stage. Prices are in quote currency, returns fractions, slippage in bp."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests.archive import tables as archive
from trading_assets.backtests.engine.arrays import DECISIONS as DECISION_NAMES
from trading_assets.backtests.engine.arrays import LIMITS
from trading_assets.warehouse.table import Column, Table

_STRATEGY = Column(pl.String, "name of the strategy in the configuration")
#: Train and validation in one continuous run: what may be looked at freely.
DEVELOPMENT = "development"
#: From the first session of train through the holdout, in one continuous run; exists after a look.
FULL = "full"
#: The locked span of a registered strategy.
HOLDOUT = "holdout"
SPLIT_NAMES = ("train", "validation", DEVELOPMENT, HOLDOUT, FULL)

_SPLIT = Column(
    pl.String,
    "run that this belongs to; development is train and validation in one, full goes through the holdout",
    one_of=SPLIT_NAMES,
)
_SYMBOL = Column(pl.String, "symbol")
_PAIR = Column(pl.String, "common to the two legs of a pair", nullable=True)
_SIDE = Column(pl.String, "direction of the order", one_of=("buy", "sell"))

ORDER_STATUSES = ("filled", "partly_filled", "cancelled", "pending")


def _number(description: str) -> Column:
    return Column(pl.Float64, f"{description}; null where it did not matter", nullable=True)


def _rank(description: str) -> Column:
    return Column(
        pl.Float64,
        f"{description}: average rank over their number, 1 is best; null where it did not matter",
        nullable=True,
        at_least=0,
        at_most=1,
    )


TRADES = Table(
    name="backtests.trades",
    description="A round trip; what is still open at the end of a run is in open_positions",
    key=("strategy", "split", "trade_id"),
    columns={
        "trade_id": Column(
            pl.String, "strategy, split, symbol and entry session; a number follows where that names several"
        ),
        "pair_id": _PAIR,
        "strategy": _STRATEGY,
        "symbol": _SYMBOL,
        "asset_class": Column(pl.String, "equity or crypto"),
        "side": Column(pl.String, "direction", one_of=("long", "short")),
        "entry_session": Column(pl.Date, "session at whose open it was entered"),
        "entry_price": Column(
            pl.Float64,
            "mean price of the fills that built the position, in units of the exit (divided by splits since)",
            at_least=0,
        ),
        "quantity": Column(pl.Float64, "all that was exited, in units of the exit", at_least=0),
        "stop_price": Column(pl.Float64, "initial stop, in units of the exit; null without one", nullable=True),
        "exit_session": Column(pl.Date, "session of the exit: at its open; delisted: at its close"),
        "exit_price": Column(pl.Float64, "mean price of the fills that ended the position", at_least=0),
        "exit_reason": Column(pl.String, "why it was left"),
        "pnl": Column(
            pl.Float64, "all cash in minus all cash out: fees, borrowing, dividends and fractions of a lot included"
        ),
        "return": Column(pl.Float64, "pnl over the notional of the entry; null if that was 0", nullable=True),
        "r_multiple": Column(
            pl.Float64,
            "pnl over (initial stop distance x quantity at the entry); without a stop 2.5 x ATR stands in",
            nullable=True,
        ),
        "hold_sessions": Column(
            pl.Int64, "usable sessions held, from the entry's to the last before the exit", at_least=0
        ),
        "entry_fee": Column(pl.Float64, "quote currency", at_least=0),
        "exit_fee": Column(pl.Float64, "quote currency", at_least=0),
        "entry_slippage_bps": Column(pl.Float64, "drawn, before rounding to the tick", at_least=0),
        "exit_slippage_bps": Column(pl.Float64, "drawn, before rounding to the tick", at_least=0),
        "slippage_cost": Column(pl.Float64, "paid: slippage and rounding to the tick, quote currency", at_least=0),
        "split": _SPLIT,
        "trigger": Column(pl.String, "why it was entered"),
        "decision_session": Column(pl.Date, "session at whose close the entry was decided"),
        "borrow_cost": Column(pl.Float64, "paid to borrow what was sold short, quote currency", at_least=0),
        "entry_order_id": Column(pl.String, "order whose fill opened it"),
        "exit_order_id": Column(pl.String, "order whose fill closed it"),
        "unexplained_moves": Column(
            pl.Int64,
            "extreme moves without a corporate action that it crossed; null in runs of version 0.1",
            nullable=True,
            at_least=0,
        ),
    },
)

EQUITY = Table(
    name="backtests.equity",
    description="The account at the close of a session",
    key=("strategy", "split", "session"),
    columns={
        "strategy": _STRATEGY,
        "session": Column(pl.Date, "session"),
        "equity": Column(
            pl.Float64,
            "cash and positions at their marks: of an extreme move a loss at once, a gain once a later bar confirms it",
        ),
        "cash": Column(pl.Float64, "never negative, unless a short position cost more than there was"),
        "gross_exposure": Column(pl.Float64, "value of the positions over equity", at_least=0),
        "positions": Column(pl.Int64, "open positions", at_least=0),
        "drawdown": Column(pl.Float64, "equity over its peak (first: the initial capital), minus 1", at_most=0),
        "daily_return": Column(
            pl.Float64, "change of equity, first from the initial capital; null after a total loss", nullable=True
        ),
        "settled_equity": Column(
            pl.Float64,
            "equity with the marks made again that later bars refuted (spike): metrics are of it, limits use equity; "
            "null in runs of version 0.1",
            nullable=True,
        ),
        "risk_free": Column(
            pl.Float64,
            "what cash earned since the session before, a fraction; null in runs of version 0.1",
            nullable=True,
        ),
        "interest": Column(
            pl.Float64,
            "earned by the evening's cash without short proceeds, quote currency; kept beside the account and never "
            "traded with; null in runs of version 0.1",
            nullable=True,
        ),
        "unexplained_moves": Column(
            pl.Int64,
            "positions whose symbol made an extreme move without a corporate action that a later bar confirmed: on its "
            "session and on that bar's; null in runs of version 0.1",
            nullable=True,
            at_least=0,
        ),
        "split": _SPLIT,
    },
)

DECISIONS = Table(
    name="backtests.decisions",
    description="Anything considered, why it was or was not done, and the numbers behind it",
    key=("strategy", "split", "decision_id"),
    columns={
        "decision_id": Column(
            pl.String, "strategy, split, session, symbol and decision; a number follows where these name several"
        ),
        "strategy": _STRATEGY,
        "session": Column(pl.Date, "session"),
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "moment": Column(pl.String, "close: decided; open: an order was due", one_of=("open", "close")),
        "decision": Column(pl.String, "what was decided", one_of=DECISION_NAMES),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit or a rejection"),
        "trigger": Column(pl.String, "what the strategy entered for", nullable=True),
        "order_id": Column(pl.String, "order that it gave, or cancelled", nullable=True),
        "model": Column(pl.String, "model whose score the strategy looks at", nullable=True),
        "score": _number("place in the queue is by it, highest first"),
        "strength_rank": _rank("strength of the trigger among the candidates that passed"),
        "relative_strength_rank": _rank("strength against the benchmark among them"),
        "diversification_rank": _rank("1 minus the mean correlation to the positions, among them"),
        "quantity": _number("units of the order; of a rejection for size what was left"),
        "notional": _number("quantity at the close, quote currency"),
        "risk_multiplier": _number("fraction of the configured risk that is taken: scaling of volatility x restart"),
        "portfolio_correlation": _number("mean pairwise correlation of the positions"),
        "candidate_correlation": _number("mean correlation of the symbol with the positions"),
        "equity": _number("account at this close, quote currency"),
        "cash": _number("account at this close less what earlier orders reserve, quote currency"),
        "gross_room": _number("notional left under the limit on gross exposure, quote currency"),
        "sector_room": _number("notional left under the limit on a sector, quote currency"),
        "value_at_risk": _number(
            "of a session, 95 %, of what is held and ordered with this order; fraction of equity; null where the limit "
            "is not in force yet"
        ),
        "adv": _number("adv_20, quote currency"),
        "capacity_limit": _number(
            "largest notional that liquidity allows a symbol in a session on one side, quote currency"
        ),
        "stop_distance": _number("of the stop from the fill, quote currency"),
        "stop_price": _number("of the position at an exit, or that its stop was raised to"),
        "target_weight": _number("signed fraction of equity asked for"),
        "granted_weight": _number("what the limits left of it"),
        "limited_by": Column(
            pl.String,
            "key of `risk` that took most of what was asked for (capacity: of the strategy); null if none did, and in "
            "runs of version 0.1",
            nullable=True,
            one_of=LIMITS,
        ),
        "detail": Column(pl.String, "JSON: what of the columns above is not null, from trigger on"),
        "split": _SPLIT,
    },
)

ORDERS = Table(
    name="backtests.orders",
    description="An order: what it asked for and what became of it",
    key=("strategy", "split", "order_id"),
    columns={
        "order_id": Column(
            pl.String, "strategy, split, session, symbol and side; a number follows where these name several"
        ),
        "decision_id": Column(pl.String, "decision that gave it"),
        "strategy": _STRATEGY,
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(
            pl.Float64,
            "asked for at the decision, in units of its session (of a target weight: an estimate, it is sized at the "
            "open); null without a close",
            nullable=True,
            at_least=0,
        ),
        "decision_session": Column(pl.Date, "session at whose close it was given"),
        "status": Column(pl.String, "what had become of it at the end of the run", one_of=ORDER_STATUSES),
        "cancel_reason": Column(pl.String, "why it, or the rest of it, was cancelled", nullable=True),
        "split": _SPLIT,
    },
)

FILLS = Table(
    name="backtests.fills",
    description="A fill of an order",
    key=("strategy", "split", "fill_id"),
    columns={
        "fill_id": Column(pl.String, "order and number of the fill"),
        "order_id": Column(pl.String, "order that it fills"),
        "trade_id": Column(pl.String, "round trip that it belongs to, or will once the position is closed"),
        "strategy": _STRATEGY,
        "session": Column(pl.Date, "session; at its open unless the reason is delisted (close) or it is a crash (low)"),
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(pl.Float64, "units, in those of the session", at_least=0),
        "asked": Column(pl.Float64, "the quantity, had cash paid for all of it", at_least=0),
        "raw_price": Column(pl.Float64, "the open, the low in a crash, the value of a delisting", at_least=0),
        "price": Column(pl.Float64, "paid or received: slippage and rounding to the tick included", at_least=0),
        "fee": Column(pl.Float64, "quote currency", at_least=0),
        "slippage_bps": Column(
            pl.Float64, "drawn, before rounding; of all on this side of the symbol that day", at_least=0
        ),
        "mean_slippage_bps": Column(pl.Float64, "mean of the model that it was drawn around", at_least=0),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit"),
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
        "metric": Column(pl.String, "name; definitions in trading_assets/backtests/results/metrics.py"),
        "value": Column(pl.Float64, "null where undefined", nullable=True),
        "reference": Column(
            pl.String,
            "the calendar of the annualisation, or the benchmark and its kind of return, on the rows they decide",
            nullable=True,
        ),
    },
)

OPEN_POSITIONS = Table(
    name="backtests.open_positions",
    description="A position or a pending order at the end of a run; liquidation_plan says how it could be left",
    key=("strategy", "split", "symbol", "pair_id"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": Column(pl.String, "of the position; of an order, of what it would open", one_of=("long", "short")),
        "quantity": Column(pl.Float64, "held; of an order as in orders", nullable=True, at_least=0),
        "entry_session": Column(pl.Date, "null for an order", nullable=True),
        "entry_price": Column(pl.Float64, "null for an order", nullable=True),
        "stop_price": Column(pl.Float64, "current stop; provisional for an order; null without one", nullable=True),
        "last_price": Column(pl.Float64, "last mark; close of the decision for an order"),
        "open_pnl": Column(
            pl.Float64,
            "value plus cash in minus cash out so far, fees and borrowing included; null for an order",
            nullable=True,
        ),
        "trade_id": Column(pl.String, "that its round trip will have; null for an order", nullable=True),
        "pending_order": Column(
            pl.String, "side of the order that waits for an open", nullable=True, one_of=("buy", "sell")
        ),
        "pending_reason": Column(pl.String, "trigger, or exit reason", nullable=True),
        "pending_order_id": Column(pl.String, "the order", nullable=True),
        "frozen": Column(
            pl.Boolean,
            "no bar for so long that it only keeps its last mark; null for an order and in runs of version 0.1",
            nullable=True,
        ),
        "unexplained_moves": Column(
            pl.Int64,
            "extreme moves without a corporate action that it crossed; null for an order",
            nullable=True,
            at_least=0,
        ),
    },
)

LIQUIDATION_PLAN = Table(
    name="backtests.liquidation_plan",
    description="How what is open at the end of a run would be left, most urgent first; never executed",
    key=("strategy", "split", "rank", "slice"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "rank": Column(pl.Int64, "order of urgency, 1 first", at_least=1),
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "slice": Column(pl.Int64, "number of the slice, from 1", at_least=1),
        "session_offset": Column(
            pl.Int64, "sessions of the symbol from now: 1 is the next open; positions of a symbol share it", at_least=1
        ),
        "side": _SIDE,
        "quantity": Column(pl.Float64, "units", at_least=0),
        "notional": Column(pl.Float64, "quantity at the last mark, quote currency", at_least=0),
        "expected_slippage_bps": Column(pl.Float64, "mean slippage of all of the symbol on this side then", at_least=0),
        "expected_cost": Column(pl.Float64, "mean slippage and fee, quote currency", at_least=0),
        "reason": Column(
            pl.String, "what makes it urgent", one_of=("data_missing", "drawdown", "liquidity", "unrealised_r")
        ),
        "unhealthy": Column(pl.Boolean, "data are missing, or the symbol is delisted"),
        "drawdown": Column(pl.Float64, "of the position from its best mark since the entry, a fraction", at_most=0),
        "sessions_needed": Column(pl.Int64, "slices within capacity, were the position alone", at_least=1),
        "unrealised_r": Column(pl.Float64, "open pnl over initial risk; null without one", nullable=True),
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

#: Tables of a strategy's runs. All have a column `split`: the holdout asset replaces some of their rows.
RUN_TABLES = (
    TRADES,
    EQUITY,
    DECISIONS,
    ORDERS,
    FILLS,
    METRICS,
    OPEN_POSITIONS,
    LIQUIDATION_PLAN,
    BASELINES,
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
        "config_hash": Column(pl.String, "of what the configuration says of it; before 0.2.0 of all that it says"),
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

#: What runs leave, kept.
RUN_ARCHIVE, RUN_CONFIGURATIONS = archive.RUN_ARCHIVE, archive.RUN_CONFIGURATIONS
