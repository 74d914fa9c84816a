"""Tables of live against promise. Slippage is in basis points of the open, above 0 where it cost the trader."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

#: What is told of each session of an account, in words.
STATISTICS = {
    "slippage_paid_bps": "mean slippage of its fills at the broker",
    "slippage_modelled_bps": "mean slippage that the model expected of them",
    "slippage_wealth": "money of a bet that fills cost more than the model expects",
    "slippage_late": "Shiryaev-Roberts statistic of fills that cost more, for a rise that comes late",
    "live_equity": "the account with the broker's fills for those of what was sent, at its own marks",
    "tracking_difference": "what the broker's books made more than the account, as a share of its equity",
    "tracking_error": "standard deviation of that difference so far, a year",
    "live_wealth": "money of a bet that the broker's books earn less than the account",
    "live_late": "Shiryaev-Roberts statistic of broker's books that earn less, for a change that comes late",
    "live_sharpe": "Sharpe ratio of the broker's books so far, a year",
    "sharpe_wealth": "money of a bet that returns are below what the holdout promised at least",
}
_STRATEGY = Column(pl.String, "name of the strategy in the configuration")
_ACCOUNT = Column(pl.String, "name of the account: the strategy and a number")
_LABEL = Column(pl.String, "what the account is, and the verdict it was opened under: `paper, verdict reject`")

DIVERGENCE = Table(
    name="trading.divergence",
    description="Live against promise: what a running account pays and earns at its broker, by session",
    key=("strategy", "account", "session", "statistic"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "session": Column(pl.Date, "session that the broker's books were held to the account's"),
        "statistic": Column(pl.String, "name, see docs/trading.md", one_of=tuple(STATISTICS)),
        "value": Column(pl.Float64, "value at its end; null where there is none yet", nullable=True),
        "level": Column(pl.Float64, "alarm from here on; null of what is no test", nullable=True),
        "alarm": Column(pl.Boolean, "it has been at its level by then, or an alarm is on record: it is not taken back"),
        "observations": Column(pl.Int64, "fills, or sessions, behind it so far", at_least=0),
    },
)

SLIPPAGE = Table(
    name="trading.slippage",
    description="What the fills of an order cost at the broker in a session, and what the model expected",
    key=("strategy", "account", "session", "client_order_id"),
    columns={
        "strategy": _STRATEGY,
        "account": _ACCOUNT,
        "label": _LABEL,
        "session": Column(pl.Date, "session of the fills"),
        "client_order_id": Column(pl.String, "order that they are of"),
        "symbol": Column(pl.String, "symbol"),
        "side": Column(pl.String, "direction of the order", one_of=("buy", "sell")),
        "quantity": Column(pl.Float64, "units that the broker filled", at_least=0),
        "raw_price": Column(pl.Float64, "the open", above=0),
        "price": Column(pl.Float64, "mean price of the fills", at_least=0),
        "paid_bps": Column(pl.Float64, "against the open; below 0: a better price"),
        "modelled_bps": Column(pl.Float64, "what the model expected", at_least=0),
        "deviation_bps": Column(pl.Float64, "how far draws of the model scatter", above=0),
        "excess": Column(pl.Float64, "paid less modelled, in such deviations"),
    },
)
