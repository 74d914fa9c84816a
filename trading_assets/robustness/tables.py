"""Tables of the robustness stage."""

from __future__ import annotations

import polars as pl

from trading_assets.backtests import trial_registry
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.protocol import earlier_ledgers
from trading_assets.warehouse.table import Column, Table

#: The register of trials and the span that they are of: a plain backtest is one, so they begin in the stage before.
TRIALS = trial_registry.TRIALS
#: Ledgers that versions before the protocol of the data folder kept, from which it imports.
REGISTRATIONS = earlier_ledgers.REGISTRATIONS
HOLDOUT_LEDGER = earlier_ledgers.HOLDOUT_LEDGER
REGISTRATION_UPGRADES = earlier_ledgers.REGISTRATION_UPGRADES
HOLDOUT = "holdout"
#: Strategy of the rows that are about all strategies together.
EVERY_STRATEGY = "*"

KINDS = ("evidence", "rejection", "primary", "secondary", "stress", "cap", "result")
RESULTS = ("insufficient_evidence", "reject", "conditional", "go")

_STRATEGY = Column(pl.String, "name of the strategy")
_TRIAL = Column(pl.String, "as in robustness.trials: the same evaluation has the same one")
_METRIC = Column(pl.String, "name of the metric; units as in backtests.metrics")
_VALUE = Column(pl.Float64, "value of the metric; null where undefined", nullable=True)
_REGISTRATION = Column(pl.String, "SHA-256 of the registration's canonical JSON")
_CONFIG = Column(pl.String, "hash of the whole configuration")
_OWN_CONFIG = Column(pl.String, "hash of what the configuration says of the strategy; before 0.2.0 of all that it says")
_LOOK = Column(pl.Int64, "which look of the strategy at its holdout this is, from 1", at_least=1)
_VERSION = Column(pl.String, "version of trading_assets that wrote it; null in rows of 0.1.0", nullable=True)

SENSITIVITY = Table(
    name="robustness.sensitivity",
    description="Metrics of every parameter set of the sensitivity grid, on train + validation in one continuous run",
    key=("strategy", "trial", "metric"),
    columns={
        "strategy": _STRATEGY,
        "trial": _TRIAL,
        "params": Column(pl.String, "JSON of the grid parameters of this point"),
        "on_grid": Column(pl.Boolean, "false: a chosen point, or a neighbour of it, off the grid"),
        "chosen": Column(pl.Boolean, "the parameters that the strategy runs with"),
        "neighbour": Column(pl.Boolean, "one step along one parameter from the chosen point"),
        "metric": _METRIC,
        "value": _VALUE,
    },
)

SENSITIVITY_SUMMARY = Table(
    name="robustness.sensitivity_summary",
    description="What the grid of Sharpe ratios says about the chosen parameters",
    key=("strategy", "statistic"),
    columns={
        "strategy": _STRATEGY,
        "statistic": Column(pl.String, "name of the statistic, see robustness/sensitivity.py"),
        "value": Column(pl.Float64, "value; flags are 0 or 1; null where undefined", nullable=True),
    },
)

CHOICES = Table(
    name="robustness.choices",
    description="Parameters by peak, by plateau, and in use, with what lies around each of them on the grid",
    key=("strategy", "choice"),
    columns={
        "strategy": _STRATEGY,
        "choice": Column(
            pl.String,
            "peak: the highest Sharpe; plateau: the best mean of a point and its neighbours; in_use: what runs",
            one_of=("peak", "plateau", "in_use"),
        ),
        "trial": _TRIAL,
        "params": Column(pl.String, "JSON of the grid parameters of this point"),
        "sharpe": Column(pl.Float64, "its own, a year; 0 where it did not trade"),
        "neighbourhood_mean": Column(pl.Float64, "of its own and its neighbours' Sharpe"),
        "worst_neighbour": Column(pl.Float64, "the lowest Sharpe of its neighbours"),
        "better_points": Column(pl.Int64, "points of the grid with a higher Sharpe", at_least=0),
    },
)

HEATMAPS = Table(
    name="robustness.heatmaps",
    description="Grid metrics for each pair of parameters: mean over all the other parameters",
    key=("strategy", "x", "y", "x_value", "y_value", "metric"),
    columns={
        "strategy": _STRATEGY,
        "x": Column(pl.String, "one parameter"),
        "x_value": Column(pl.String, "its value, as JSON"),
        "x_position": Column(pl.Int64, "place of the value in the grid, from 0", at_least=0),
        "y": Column(pl.String, "another parameter"),
        "y_value": Column(pl.String, "its value, as JSON"),
        "y_position": Column(pl.Int64, "place of the value in the grid, from 0", at_least=0),
        "metric": _METRIC,
        "value": Column(
            pl.Float64, "mean over the points where the metric is defined; null without one", nullable=True
        ),
        "points": Column(pl.Int64, "points of the mean", at_least=0),
    },
)

TRIAL_BENCHMARKS = Table(
    name="robustness.trial_benchmarks",
    description="What each trial of a sweep is measured against: the benchmark at its net exposure (append only)",
    key=("trial",),
    columns={
        "trial": _TRIAL,
        "returns": Column(
            pl.List(pl.Float32), "daily returns of the benchmark held at the net exposure of the evening before"
        ),
    },
)

STRESS = Table(
    name="robustness.stress",
    description="Metrics under worse conditions, on train + validation and, once it was looked at, on the holdout",
    key=("strategy", "split", "scenario", "metric"),
    columns={
        "strategy": _STRATEGY,
        "split": Column(pl.String, "the span of the run", one_of=(DEVELOPMENT, HOLDOUT)),
        "scenario": Column(pl.String, "`base` or what was made worse"),
        "metric": _METRIC,
        "value": _VALUE,
    },
)

STRESS_EQUITY = Table(
    name="robustness.stress_equity",
    description="Equity under worse conditions, session by session; the holdout once it was looked at",
    key=("strategy", "split", "scenario", "session"),
    columns={
        "strategy": _STRATEGY,
        "split": Column(pl.String, "the span of the run", one_of=(DEVELOPMENT, HOLDOUT)),
        "scenario": Column(pl.String, "as in robustness.stress"),
        "session": Column(pl.Date, "session of the run"),
        "equity": Column(pl.Float64, "starting equity times the compounded returns, at the close, quote currency"),
    },
)

BREAKDOWN = Table(
    name="robustness.breakdown",
    description="The run by kinds of months, in drawdowns, without its best trades and sessions",
    key=("strategy", "split", "topic", "condition", "statistic"),
    columns={
        "strategy": _STRATEGY,
        "split": Column(pl.String, "the span of the run", one_of=(DEVELOPMENT, HOLDOUT)),
        "topic": Column(pl.String, "what is told apart", one_of=("months", "holdings", "trades", "sessions")),
        "condition": Column(pl.String, "up, down, flat; drawdown, other; all, without best ..."),
        "statistic": Column(pl.String, "name of the statistic"),
        "value": _VALUE,
    },
)

LOOK_AHEAD = Table(
    name="robustness.look_ahead",
    description="What changes up to a past close when another future follows it",
    key=("strategy", "cut", "way", "subject", "column"),
    columns={
        "strategy": _STRATEGY,
        "cut": Column(pl.Date, "the last session that is known"),
        "way": Column(
            pl.String,
            "how the future was replaced: `cut`, by nothing; `noise`, by one that is drawn",
            one_of=("cut", "noise"),
        ),
        "subject": Column(pl.String, "what was computed again: features, scores, signals, fills, ..."),
        "column": Column(pl.String, "column that differs; `*`: rows are missing or new; `none`: nothing differs"),
        "rows": Column(pl.Int64, "rows that differ", at_least=0),
        "symbol": Column(pl.String, "of the first of them", nullable=True),
        "session": Column(pl.Date, "of the first of them", nullable=True),
        "difference": Column(pl.Float64, "the largest, of numbers", nullable=True),
        "config_hash": _OWN_CONFIG,
    },
)

_SPAN = Column(pl.String, "the span of the run", one_of=(DEVELOPMENT, HOLDOUT))

RESAMPLING = Table(
    name="robustness.resampling",
    description="The result against resampled returns, trades and decisions; the holdout once it was looked at",
    key=("strategy", "split", "method", "statistic"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPAN,
        "method": Column(pl.String, "what was drawn anew", one_of=("bootstrap", "trade_bootstrap", "permutation")),
        "statistic": Column(pl.String, "name of the statistic, see robustness/resampling.py"),
        "value": Column(pl.Float64, "value; null where undefined", nullable=True),
        "resamples": Column(pl.Int64, "draws behind it", at_least=0),
    },
)

BANDS = Table(
    name="robustness.resampling_bands",
    description="Quantiles of the equity of the bootstrapped daily returns, session by session",
    key=("strategy", "split", "session"),
    columns={
        "strategy": _STRATEGY,
        "split": _SPAN,
        "session": Column(pl.Date, "session"),
        "low": Column(pl.Float64, "5th percentile of the equity at the close, quote currency"),
        "middle": Column(pl.Float64, "median"),
        "high": Column(pl.Float64, "95th percentile"),
    },
)

OVERFITTING = Table(
    name="robustness.overfitting",
    description="How much of the result on train + validation the choice among the trials on record explains",
    key=("strategy", "statistic"),
    columns={
        "strategy": Column(pl.String, "name of the strategy; `*` for tests over all of them"),
        "statistic": Column(pl.String, "name of the statistic, see robustness/overfitting.py"),
        "value": Column(pl.Float64, "value; null where undefined", nullable=True),
        "trials": Column(pl.Int64, "trials (for `*` strategies) that it takes into account", at_least=0),
        "config_hash": _CONFIG,
    },
)

LOGITS = Table(
    name="robustness.overfitting_logits",
    description="Histogram of the logits of the cross-validated choice: below 0 the best trial falls below the median",
    key=("strategy", "low"),
    columns={
        "strategy": _STRATEGY,
        "low": Column(pl.Float64, "lower end of the bin"),
        "high": Column(pl.Float64, "upper end of the bin"),
        "combinations": Column(pl.Int64, "combinations whose logit is in it", at_least=0),
    },
)

HOLDOUT_RESULTS = Table(
    name="robustness.holdout",
    description="Which look the holdout rows of a strategy (backtests.*, robustness.stress) come from",
    key=("strategy",),
    columns={
        "strategy": _STRATEGY,
        "registration_hash": _REGISTRATION,
        "config_hash": _OWN_CONFIG,
        "look": _LOOK,
        "start": Column(pl.Date, "first session of the holdout"),
        "end": Column(pl.Date, "last session of the holdout"),
        "run_id": Column(pl.String, "run of the backtest that it stands beside; null in older rows", nullable=True),
    },
)

VERDICTS = Table(
    name="robustness.verdicts",
    description="Each criterion of the verdict, and the result",
    key=("strategy", "kind", "criterion"),
    columns={
        "strategy": _STRATEGY,
        "position": Column(pl.Int64, "order of reading, from 0", at_least=0),
        "kind": Column(pl.String, "which part of the verdict it belongs to", one_of=KINDS),
        "criterion": Column(pl.String, "what must hold"),
        "value": Column(pl.Float64, "what was measured; null where undefined or not evaluated", nullable=True),
        "side": Column(
            pl.String,
            "where the value must be, seen from the threshold",
            nullable=True,
            one_of=("above", "at least", "below", "at most"),
        ),
        "threshold": Column(pl.Float64, "what it is compared with", nullable=True),
        "passed": Column(pl.Boolean, "the criterion holds; null: not evaluated", nullable=True),
        "result": Column(pl.String, "on the `result` row", nullable=True, one_of=RESULTS),
        "note": Column(
            pl.String, "what the numbers leave out; on the `result` row the verdict in words", nullable=True
        ),
        "product_version": _VERSION,
    },
)

EARLIER_VERDICTS = Table(
    name="robustness.earlier_verdicts",
    description="Verdicts on looked-at holdouts as earlier versions of trading_assets made them (append only)",
    key=("strategy", "registration_hash", "product_version", "kind", "criterion"),
    columns={
        **{name: column for name, column in VERDICTS.columns.items() if name != "product_version"},
        "registration_hash": _REGISTRATION,
        "product_version": Column(pl.String, "version of trading_assets that made the verdict"),
        "recorded_at": Column(pl.Datetime("us"), "when a later version first took its place, UTC"),
    },
)
