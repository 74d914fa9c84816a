"""Tables of the stage. Prices are in quote currency, rates fractions; every line says under which label it was made."""

from __future__ import annotations

import polars as pl

from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.divergence.tables import DIVERGENCE, SLIPPAGE
from trading_assets.trading.rollout.tables import ROLLOUT
from trading_assets.warehouse.table import Column, Table

STATES = ("open", "closing", "closed", "ended")
BROKERS = ("simulated", "alpaca", "interactive_brokers")
#: How an order is given: at the open of an exchange, or where a market never closes as a limit that would fill at once.
ORDER_TYPES = ("market_on_open", "limit_on_open", "marketable_limit")
#: Checks of an order, in their order.
BLOCKS = (
    "verdict",
    "difference",
    "stale_bar",
    "price",
    "size",
    "symbol_limit",
    "capacity",
    "pair",
    "not_held",
    "rollout",
)
_STRATEGY = Column(pl.String, "name of the strategy in the configuration")
_ACCOUNT = Column(pl.String, "name of the account: the strategy and a number")
_SESSION = Column(pl.Date, "session")
_SYMBOL = Column(pl.String, "symbol")
_PAIR = Column(pl.String, "common to the two legs of a pair", nullable=True)
_LABEL = Column(pl.String, "what the account is, and the verdict it was opened under: `paper, verdict reject`")
_CLIENT_ORDER = Column(pl.String, "hash of account, order and session: the same order has the same id")
_SIDE = Column(pl.String, "direction of the order", one_of=("buy", "sell"))


def _number(description: str) -> Column:
    return Column(pl.Float64, f"{description}; null where it did not matter", nullable=True)


def _share(description: str) -> Column:
    return Column(pl.Float64, f"{description}; null where there is no such limit, and of exits", nullable=True)


def _slippage(description: str) -> Column:
    return Column(pl.Float64, f"{description}; null without an open", nullable=True, at_least=0)


ACCOUNTS = Table(
    name="trading.accounts",
    description="A running account",
    key=("strategy", "account"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "broker": Column(pl.String, "where its orders go", one_of=BROKERS),
        "opened_on": Column(pl.Date, "session at whose close it first decides"),
        "recorded_at": Column(pl.Datetime("us"), "when the opening went on record, UTC"),
        "capital": Column(pl.Float64, "equity that it begins with", above=0),
        "state": Column(
            pl.String,
            "closing: it is being left; closed: it is; ended: another account was opened after it",
            one_of=STATES,
        ),
        "verdict": Column(pl.String, "verdict on the strategy when it was opened"),
        "plan_hash": Column(pl.String, "of the registered plan that it follows"),
        "last_session": Column(pl.Date, "last session that is published; null before the first", nullable=True),
        "equity": Column(pl.Float64, "at that close; null before the first", nullable=True),
    },
)

EQUITY = Table(
    name="trading.equity",
    description="A running account at the close of a session; what is published stays",
    key=("strategy", "account", "session"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "session": _SESSION,
        "replayed": Column(pl.Boolean, "the session was over when the account went on record: no forward test"),
        "equity": Column(pl.Float64, "cash and positions at their marks"),
        "cash": Column(pl.Float64, "never negative, unless a short position cost more than there was"),
        "costs": Column(pl.Float64, "fees and slippage paid in the session, rounding to the tick included", at_least=0),
        "gross_exposure": Column(pl.Float64, "value of the positions over equity", at_least=0),
        "positions": Column(pl.Int64, "open positions", at_least=0),
        "drawdown": Column(pl.Float64, "equity over its peak (first: the capital), minus 1", at_most=0),
        "daily_return": Column(pl.Float64, "change of equity; null after a total loss", nullable=True),
        "risk_free": Column(pl.Float64, "what cash earned since the session before; null: unknown", nullable=True),
        "interest": Column(
            pl.Float64, "earned by the evening's cash, kept beside the equity; null: unknown", nullable=True
        ),
        "halted": Column(pl.Boolean, "the drawdown breaker has stopped entries"),
        "replay_equity": Column(pl.Float64, "of a replay from the opening on the bars of that evening"),
    },
)

HOLDINGS = Table(
    name="trading.holdings",
    description="A position of a running account at the close of a session",
    key=("strategy", "account", "session", "symbol", "pair_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "session": _SESSION,
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "quantity": Column(pl.Float64, "units, negative for a short position"),
        "mark": Column(pl.Float64, "price that it is valued at", at_least=0),
        "weight": Column(pl.Float64, "value over equity; null after a total loss", nullable=True),
        "entry_session": Column(pl.Date, "session at whose open it was entered"),
        "entry_price": Column(pl.Float64, "mean price of its fills, in units of the session", at_least=0),
        "stop_price": Column(pl.Float64, "current stop; null without one", nullable=True),
        "trade_id": Column(pl.String, "round trip that it is"),
    },
)

ENGINE_FILLS = Table(
    name="trading.engine_fills",
    description="A fill as the engine books it in a running account: what a broker's fills are compared with",
    key=("strategy", "account", "fill_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "fill_id": Column(pl.String, "order and number of the fill"),
        "order_id": Column(pl.String, "order that it is of", nullable=True),
        "session": _SESSION,
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(pl.Float64, "units", at_least=0),
        "raw_price": Column(pl.Float64, "the open, or the value of a delisting", at_least=0),
        "price": Column(pl.Float64, "slippage and rounding to the tick included", at_least=0),
        "fee": Column(pl.Float64, "quote currency", at_least=0),
        "modelled_slippage_bps": _slippage("what the model expects of it, as drawn and rounded to the tick"),
        "slippage_deviation_bps": _slippage("how far draws of the model scatter"),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit"),
    },
)

PENDING_ORDERS = Table(
    name="trading.pending_orders",
    description="An order of a running account that waits at the close of a session for the next open",
    key=("strategy", "account", "session", "order_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "session": Column(pl.Date, "session at whose close it waits"),
        "order_id": Column(pl.String, "order of the engine"),
        "decision_id": Column(pl.String, "decision that gave it"),
        "decision_session": Column(pl.Date, "session at whose close it was decided"),
        "symbol": _SYMBOL,
        "asset_class": Column(pl.String, "equity or crypto"),
        "calendar": Column(pl.String, "calendar of the symbol"),
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(
            pl.Float64,
            "units of the decision's session; of a target weight an estimate, which is sized at the open",
            nullable=True,
            at_least=0,
        ),
        "entry": Column(pl.Boolean, "it opens a position or makes one larger"),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit"),
        "close": Column(pl.Float64, "last close of the symbol by then; null without one", nullable=True),
        "previous_close": Column(
            pl.Float64,
            "close before it, in units of the last one and without the dividends since; null without one",
            nullable=True,
        ),
        "last_bar": Column(pl.Date, "session of the last bar that was received; null without one", nullable=True),
        "stop_price": _number("provisional stop of an entry, the stop at an exit"),
        "expected_slippage_bps": Column(pl.Float64, "mean of the model at this size", nullable=True, at_least=0),
        "expected_cost": Column(
            pl.Float64, "slippage and fee, quote currency; null without a size", nullable=True, at_least=0
        ),
        "equity": Column(pl.Float64, "account at this close"),
        "capacity_limit": _number("largest notional that liquidity allows, quote currency"),
        "gross_room": _number("notional left under the limit on gross exposure, quote currency"),
        "value_at_risk": _number("of what is held and ordered with it, fraction of equity"),
        "score": _number("place in the queue is by it"),
        "target_weight": _number("signed fraction of equity asked for"),
        "limited_by": Column(pl.String, "key of `risk` that took most of what was asked for", nullable=True),
        "detail": Column(pl.String, "JSON: the numbers behind the decision"),
    },
)

ORDER_SHEETS = Table(
    name="trading.order_sheets",
    description="An order of a running account for the next open, with what stands against it",
    # An order waits under one id at every close of another market before its own one opens.
    key=("strategy", "account", "session", "client_order_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "client_order_id": _CLIENT_ORDER,
        "decision_id": Column(pl.String, "decision that gave it"),
        "order_id": Column(pl.String, "order of the engine"),
        "session": Column(pl.Date, "session at whose close the sheet was made"),
        "for_session": Column(pl.Date, "next session of the symbol, at whose open it is to fill"),
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(
            pl.Float64, "units to send, as known at the close; null without a size", nullable=True, at_least=0
        ),
        "type": Column(pl.String, "how it is given", one_of=ORDER_TYPES),
        "limit": Column(pl.Float64, "worst price that it takes; null without one", nullable=True),
        "stop": Column(pl.Float64, "stop of the position; null without one", nullable=True),
        "urgency": Column(
            pl.Int64, "place among what an account that is closing leaves, 1 first; null of other orders", nullable=True
        ),
        "entry": Column(pl.Boolean, "it opens a position or makes one larger"),
        "sized_at_open": Column(pl.Boolean, "of a target weight: the engine sizes it at the open, a broker does not"),
        "reason": Column(pl.String, "trigger of an entry, reason of an exit"),
        "close": Column(pl.Float64, "last close; null without one", nullable=True),
        "notional": Column(pl.Float64, "quantity at that close, quote currency", nullable=True),
        "expected_cost": Column(pl.Float64, "slippage and fee, quote currency", nullable=True, at_least=0),
        "share_of_symbol_limit": _share("notional over what a symbol may be of the equity"),
        "share_of_capacity": _share("notional over the largest that liquidity allows"),
        "share_of_gross_room": _share("notional over what is left under the limit on gross exposure"),
        "share_of_value_at_risk": _share("value at risk with it over its limit"),
        "share_sent": Column(
            pl.Float64, "fraction of what the engine orders that is to be sent", at_least=0, at_most=1
        ),
        "status": Column(pl.String, "blocked: it may not be sent", one_of=("ready", "blocked")),
        "blocked_by": Column(
            pl.String,
            "first check that it, or the part that is not sent, does not pass",
            nullable=True,
            one_of=BLOCKS,
        ),
        "detail": Column(pl.String, "JSON: the numbers behind the decision"),
    },
)

#: What happens to an order on its way to a broker.
SUBMISSION_EVENTS = ("intended", "accepted", "rejected", "cancel", "cancelled")
SUBMISSIONS = Table(
    name="trading.submissions",
    description="What was about to be sent to a broker, and what it answered (append only)",
    key=("client_order_id", "event"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "client_order_id": _CLIENT_ORDER,
        "event": Column(
            pl.String,
            "intended: written before it is sent; cancel: before the broker is asked to take it back",
            one_of=SUBMISSION_EVENTS,
        ),
        "reason": Column(pl.String, "why it was rejected, or taken back", nullable=True),
        "for_session": Column(pl.Date, "session that it is for"),
        "symbol": _SYMBOL,
        "pair_id": _PAIR,
        "side": _SIDE,
        "quantity": Column(pl.Float64, "units", above=0),
        "recorded_at": Column(pl.Datetime("us"), "when it was written, UTC"),
    },
)

FILLS = Table(
    name="trading.fills",
    description="A fill as a broker told it (append only)",
    key=("account", "broker_fill_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "broker_fill_id": Column(pl.String, "id that the broker gave it"),
        "client_order_id": Column(pl.String, "order that it is of; null: none of ours", nullable=True),
        "session": _SESSION,
        "symbol": _SYMBOL,
        "side": _SIDE,
        "quantity": Column(pl.Float64, "units", at_least=0),
        "price": Column(pl.Float64, "price that it was made at", at_least=0),
        "fee": Column(pl.Float64, "quote currency; negative: a rebate"),
        "recorded_at": Column(pl.Datetime("us"), "when it was first told, UTC"),
    },
)

RECONCILIATIONS = Table(
    name="trading.reconciliations",
    description="A session of a running account that was held to what the broker made of it",
    key=("strategy", "account", "session"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "session": _SESSION,
        "orders": Column(pl.Int64, "orders that were for it", at_least=0),
        "fills": Column(pl.Int64, "fills that the broker made in it", at_least=0),
        "differences": Column(pl.Int64, "differences that were found", at_least=0),
    },
)

LATENCIES = Table(
    name="trading.latencies",
    description="How long after 00:00 UTC an order for a market that never closes was sent",
    key=("strategy", "account", "session", "client_order_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "session": Column(pl.Date, "session at whose close the order was given"),
        "client_order_id": _CLIENT_ORDER,
        "symbol": _SYMBOL,
        "side": _SIDE,
        "opened_at": Column(pl.Datetime("us"), "00:00 of the session that it is for, UTC: the engine fills then"),
        "sent_at": Column(pl.Datetime("us"), "when it was about to be sent, UTC"),
        "latency_seconds": Column(pl.Float64, "from the one to the other"),
        "latency_bps": Column(
            pl.Float64,
            "what the price did against the order meanwhile; null: not known, no bars within the day are there",
            nullable=True,
        ),
    },
)

SAVED_STATES = Table(
    name="trading.saved_states",
    description="What the next session of a running account goes on from",
    key=("strategy", "account"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "session": Column(pl.Date, "session at whose close it stands"),
        "layout": Column(pl.Int64, "layout of the state", at_least=1),
        "product_version": Column(pl.String, "version that wrote it"),
        "state": Column(pl.String, "arrays of the engine, compressed, base 64"),
    },
)

DIFFERENCES = Table(
    name="trading.differences",
    description="A difference between what was published and what is found",
    key=("strategy", "account", "difference_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "difference_id": Column(pl.String, "hash of what differs: the same difference is listed once"),
        "kind": Column(
            pl.String,
            "what it is",
            one_of=(
                "revision",
                "missed",
                "partial",
                "price",
                "fee",
                "manual_trade",
                "rejected",
                "excess",
                "units",
                "cash",
                "corporate_action",
            ),
        ),
        "session": Column(pl.Date, "session that it is of; of a revision the first whose equity differs"),
        "symbol": Column(pl.String, "symbol; null for the account as a whole", nullable=True),
        "client_order_id": Column(pl.String, "order that it is of; null without one", nullable=True),
        "expected": Column(
            pl.Float64, "quantity, price, fee, units, cash or equity as published; null without one", nullable=True
        ),
        "found": Column(pl.Float64, "the same as found; null without one", nullable=True),
        "detail": Column(pl.String, "in words"),
        "found_on": Column(pl.Date, "last session that was published when it was found"),
        "accepted_by": Column(pl.String, "who accepted it; null: it stands", nullable=True),
        "reason": Column(pl.String, "why it was accepted", nullable=True),
    },
)

#: Tables of the stage that its rooms declare.
OF_ROOMS = (BROKER_BALANCES, BROKER_POSITIONS, DIVERGENCE, SLIPPAGE, ROLLOUT)
#: Tables that a session of an account is published in, each replaced with what was there and one session more.
PUBLISHED = (EQUITY, HOLDINGS, ENGINE_FILLS, PENDING_ORDERS, CLOSING_PLANS)
