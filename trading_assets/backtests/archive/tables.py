"""Tables of the archive of runs."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

_HEADLINE = Column(pl.Float64, "of development; null if it failed, or where undefined", nullable=True)
_CONFIG = Column(pl.String, "SHA-256 of the text of the configuration, as in backtests.run_configurations")

RUN_ARCHIVE = Table(
    name="backtests.run_archive",
    description="A strategy as a run left it, which can be opened again; `runs.keep_results_days` says how long",
    key=("run_id", "strategy"),
    columns={
        "run_id": Column(pl.String, "Dagster run at whose end it was kept"),
        "strategy": Column(pl.String, "name of the strategy in the configuration"),
        "archived_at": Column(pl.Datetime("us"), "end of the run, UTC"),
        "status": Column(
            pl.String, "failed: a step of it failed; none: it has not run", one_of=("ok", "failed", "none")
        ),
        "backtest_run": Column(pl.String, "run that made its backtest; null if none has", nullable=True),
        "config_hash": Column(pl.String, "of the whole configuration"),
        "strategy_hash": Column(pl.String, "of what the configuration says of the strategy"),
        "config": _CONFIG,
        "data_hash": Column(
            pl.String, "of what its backtest read, as in backtests.runs; null without one", nullable=True
        ),
        "product_version": Column(pl.String, "version of trading_assets"),
        "commit": Column(pl.String, "commit of trading_assets; null where that cannot be told", nullable=True),
        "code": Column(pl.String, "SHA-256 of trading_assets and of the user's own modules"),
        "symbols": Column(pl.List(pl.String), "what it may trade, ascending"),
        "development_end": Column(pl.Date, "last session of validation; null before splits are there", nullable=True),
        "holdout_start": Column(
            pl.Date, "first session of the holdout as it then was; null without one", nullable=True
        ),
        "holdout_end": Column(pl.Date, "last session of the holdout as it then was; null without one", nullable=True),
        "trades": _HEADLINE,
        "total_return": _HEADLINE,
        "sharpe": _HEADLINE,
        "max_drawdown": _HEADLINE,
        "tables": Column(
            pl.String, "JSON: of each table its last commit, rows, and the files in run_archive that have them"
        ),
    },
)

RUN_CONFIGURATIONS = Table(
    name="backtests.run_configurations",
    description="Texts of the configurations of archived runs, each once (append only)",
    key=("config",),
    columns={
        "config": _CONFIG,
        "text": Column(pl.String, "JSON: every key with its value, defaults included and secrets hidden"),
    },
)
