"""What the holdout of a strategy promised: the least of its Sharpe ratio that chance explains, and its volatility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.tables import METRICS
from trading_assets.protocol import Protocol, Record
from trading_assets.robustness.evidence import hashes_of_rows, last_evidence
from trading_assets.robustness.tables import HOLDOUT, RESAMPLING
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.warehouse import Rows


@dataclass(frozen=True)
class Promise:
    """A promise of a holdout; None where nothing is known.

    Attributes
    ----------
    sharpe
        5th percentile of the Sharpe ratios of its bootstrap, a year.
    volatility
        Standard deviation of its returns, a year.
    periods
        Sessions a year.
    """

    sharpe: float | None
    volatility: float | None
    periods: int


class PromiseEditedError(Exception):
    """Rows that the promise is read from are not those that are on record; `str()` says what to do."""


def read_promise(step: Step) -> Promise:
    """Return what the holdout of the strategy of a step promised.

    Raises
    ------
    PromiseEditedError
        Its rows are not those that are on record: an alarm could be put off by an edit.
    """
    name, records = strategy_of(step), Protocol.of(step.configuration).read()
    _assert_on_record(step, records, name)
    own, of_holdout = Rows("strategy", name), pl.col("split") == HOLDOUT
    found = step.work.read_or_empty(RESAMPLING, rows=own).filter(of_holdout, method="bootstrap", statistic="sharpe_5")
    metrics = step.work.read_or_empty(METRICS, rows=own).filter(of_holdout)
    values = dict(metrics.select("metric", "value").iter_rows())
    return Promise(
        _defined(next(iter(found["value"]), None)),
        _defined(values.get("volatility")),
        int(values.get("periods_per_year") or 252),
    )


def _assert_on_record(step: Step, records: Sequence[Record], name: str) -> None:
    last, now = last_evidence(records, (step.configuration.name, name), "holdout"), hashes_of_rows(step, "holdout")
    said = {} if last is None else last.payload["rows"]
    changed = [table.name for table in (RESAMPLING, METRICS) if said.get(table.name) != now.get(table.name)]
    if changed:
        raise PromiseEditedError(
            f"rows of {changed[0]} of the holdout of {name} are not those on record\n"
            "  expected: what robustness/holdout wrote, which the account is held to\n"
            f"  what to do: trading-assets run --recompute --select {name}"
        )


def _defined(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
