"""Tables of the stage. Amounts are in quote currency, returns fractions."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests.tables import DEVELOPMENT, FULL
from trading_assets.warehouse.table import Column, Table

#: Name of the stage.
STAGE = "analytics"
_STRATEGY = Column(pl.String, "name of the strategy in the configuration")
_SPLIT = Column(
    pl.String,
    "the longest run that may be looked at: full once the holdout was opened, else development",
    one_of=(DEVELOPMENT, FULL),
)

ATTRIBUTION = Table(
    name="analytics.attribution",
    description="A part of what a session made; the parts of a run are its whole change of equity and its interest",
    key=("strategy", "split", "session", "trade_id", "part"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "session": Column(pl.Date, "session at whose close it had been made"),
        "trade_id": Column(pl.String, "round trip that made it, as in backtests.fills; empty: the account's cash"),
        "part": Column(
            pl.String,
            "holding, entry_timing (fill to close), exit_timing (close before to fill), dividends, commission, "
            "slippage, borrow, interest, unexplained",
        ),
        "millionths": Column(pl.Int64, "of the quote currency: sums are exact"),
        "amount": Column(pl.Float64, "the same in quote currency"),
        "symbol": Column(pl.String, "symbol; null: cash", nullable=True),
        "sector": Column(pl.String, "of the symbol; null if none is known", nullable=True),
        "side": Column(pl.String, "long or short; null: cash", nullable=True),
        "trigger": Column(pl.String, "why the trade was entered; null: cash", nullable=True),
        "exit_reason": Column(pl.String, "why it was left; null: cash, or it is open", nullable=True),
    },
)

CONTRIBUTIONS = Table(
    name="analytics.contributions",
    description="The attribution of a run by one dimension; of each the amounts are the same total",
    key=("strategy", "split", "dimension", "name"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "dimension": Column(pl.String, "part, symbol, sector, side, trigger, exit reason, year"),
        "name": Column(pl.String, "value of the dimension; none: it has none, such as the sector of cash"),
        "millionths": Column(pl.Int64, "of the quote currency: sums are exact"),
        "amount": Column(pl.Float64, "the same in quote currency"),
    },
)

FACTOR_EXPOSURES = Table(
    name="analytics.factor_exposures",
    description="A loading of a strategy's excess return on a factor; alpha is what no factor explains",
    key=("strategy", "split", "model", "factor"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "model": Column(pl.String, "catalogue: factors of the house; file: those of analytics.factors"),
        "factor": Column(pl.String, "alpha, market, momentum, ..."),
        "estimate": Column(pl.Float64, "loading; of alpha the return of a session, a fraction"),
        "error": Column(pl.Float64, "standard error (Newey and West)", at_least=0),
        "t": Column(pl.Float64, "estimate over error; null without one", nullable=True),
        "p": Column(pl.Float64, "two-sided; null without an error", nullable=True, at_least=0, at_most=1),
        "earned": Column(
            pl.Float64, "loading times the sum of the factor's returns, a fraction; their sum is the return"
        ),
        "r_squared": Column(pl.Float64, "of the regression", at_most=1),
        "sessions": Column(pl.Int64, "that all factors know", at_least=1),
        "lags": Column(pl.Int64, "autocovariances that the errors allow for", at_least=0),
    },
)

RISK = Table(
    name="analytics.risk",
    description="What a symbol contributes to the risk of a strategy; the contributions sum to it",
    key=("strategy", "split", "basis", "measure", "symbol"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "basis": Column(
            pl.String,
            "run: what symbols made of the account, session by session; holdings: the last holdings, past returns",
            one_of=("run", "holdings"),
        ),
        "measure": Column(
            pl.String,
            "volatility (sample deviation) or shortfall (mean loss in the worst 5 %), of a session",
            one_of=("volatility", "shortfall"),
        ),
        "symbol": Column(pl.String, "symbol; empty: cash"),
        "contribution": Column(pl.Float64, "fraction of equity; negative: it hedges"),
        "share": Column(pl.Float64, "contribution over the total; null where that is 0", nullable=True),
    },
)

SIGNAL_QUALITY = Table(
    name="analytics.signal_quality",
    description="How well scores and entries told what followed them, up to the last session of the run",
    key=("strategy", "split", "subject", "name", "horizon", "statistic"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "subject": Column(pl.String, "what is told of", one_of=("score", "quantile", "regime", "trigger")),
        "name": Column(pl.String, "all, number of the quantile (1 the lowest) or of the regime, or the trigger"),
        "horizon": Column(pl.Int64, "sessions after the close; 0: of none", at_least=0),
        "statistic": Column(
            pl.String,
            "ic (rank correlation), ic_deviation, ic_t, sessions, excess_return, mean_return, hit_rate, count, "
            "turnover, breadth, rank_autocorrelation, half_life",
        ),
        "value": Column(pl.Float64, "null where undefined", nullable=True),
    },
)

CAPACITY = Table(
    name="analytics.capacity",
    description="An estimate of the net Sharpe ratio with more money: the same fills, dearer by the cost model",
    key=("strategy", "split", "assets"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPLIT,
        "assets": Column(pl.Float64, "equity at the start, quote currency", above=0),
        "sharpe": Column(pl.Float64, "a year, net; null where undefined", nullable=True),
        "slippage_bps": Column(pl.Float64, "mean of the fills, by notional; null without fills", nullable=True),
        "largest_share": Column(
            pl.Float64, "largest fill as a share of average daily volume; null if it is unknown", nullable=True
        ),
    },
)

OVERLAP = Table(
    name="analytics.overlap",
    description="How much two strategies are the same, over the sessions that both have",
    key=("strategy", "other", "measure"),
    columns={
        "strategy": _STRATEGY,
        "other": Column(pl.String, "another strategy; or all in equal shares, to whose risk the strategy contributes"),
        "measure": Column(
            pl.String,
            "correlation (of daily returns), correlation_in_drawdowns (the first is 5 % or more below its peak), "
            "common_holdings (held by both over held by either), volatility, shortfall",
        ),
        "value": Column(pl.Float64, "null with fewer than 60 sessions, or if nothing moves", nullable=True),
        "sessions": Column(pl.Int64, "behind it", at_least=0),
    },
)
