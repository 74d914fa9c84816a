"""The contract of a trial on record: in the protocol of the data folder, and in each configuration's own copy."""

from __future__ import annotations

import polars as pl

from trading_assets.warehouse.table import Column, Table

#: Type of a trial that is no backtest: a set of parameters that the search of a model tried. No module has such a name.
OF_SEARCHES = "search of a model"

TRIALS = Table(
    name="robustness.trials",
    description="Every backtest whose result could have been selected (append only)",
    key=("trial", "strategy"),
    columns={
        "trial": Column(pl.String, "identifies type, parameters, universe, conditions, span and data: counts once"),
        "strategy": Column(pl.String, "what the strategy was called: a label, a row for each name it was tried under"),
        "type": Column(pl.String, "identity of the strategy; `search of a model`; null in older rows", nullable=True),
        "params_hash": Column(pl.String, "hash of the type and all of its parameters"),
        "params": Column(pl.String, "JSON of all parameters; null in rows of version 0.1", nullable=True),
        "symbols": Column(pl.List(pl.String), "that it could trade; null in older rows", nullable=True),
        "settings_hash": Column(
            pl.String, "hash of all else that was configured, see hash_settings; null in older rows", nullable=True
        ),
        "split": Column(pl.String, "what was run: development; of a search the training windows"),
        "start": Column(pl.Date, "first session of the span"),
        "end": Column(pl.Date, "last session of the span"),
        "data_hash": Column(pl.String, "SHA-256 of the bars of the span and before"),
        "sharpe": Column(pl.Float64, "a year; null where undefined", nullable=True),
        "sessions": Column(pl.Int64, "daily returns behind the Sharpe", at_least=0),
        "returns": Column(
            pl.List(pl.Float32), "daily returns from `start` to `end`; null in rows of version 0.1", nullable=True
        ),
        "source": Column(pl.String, "asset that evaluated it first; null in rows of version 0.1", nullable=True),
        "run_id": Column(pl.String, "Dagster run that did; null in rows of version 0.1", nullable=True),
        "evaluated_at": Column(pl.Datetime("us"), "when it was first evaluated, UTC"),
    },
)
