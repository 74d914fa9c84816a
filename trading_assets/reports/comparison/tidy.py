"""A comparison as one table, a row a thing that is said: what is printed, and what other programs read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from trading_assets.reports.comparison.differences import Comparison

SCHEMA = {
    "first": pl.String,
    "second": pl.String,
    "strategy": pl.String,
    "about": pl.String,
    "split": pl.String,
    "name": pl.String,
    "value_first": pl.String,
    "value_second": pl.String,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
#: What a difference is about.
ABOUT = ("configuration", "data", "code", "metric", "chance", "trade", "decision")


def tidy(comparisons: Sequence[Comparison]) -> pl.DataFrame:
    """Return what comparisons say, a row a thing.

    Parameters
    ----------
    comparisons
        In the order in which they are told.

    Returns
    -------
    polars.DataFrame
        first, second (what is compared), strategy (two with an arrow if they are not the same), about (see `ABOUT`),
        split, name, value_first, value_second, difference (second minus first), low and high (its 90 % interval).
    """
    rows = [
        {"first": each.labels[0], "second": each.labels[1], "strategy": strategy_of(each), **row}
        for each in comparisons
        for row in _rows(each)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def strategy_of(comparison: Comparison) -> str:
    """Return the strategy that is compared, or both of them."""
    names = [str(side.row["strategy"]) for side in (comparison.first, comparison.second)]
    return names[0] if names[0] == names[1] else " -> ".join(names)


def _rows(each: Comparison) -> Iterator[dict[str, Any]]:
    for difference in each.configuration:
        sides = {"value_first": difference.left.value, "value_second": difference.right.value}
        yield {"about": "configuration", "name": difference.key, **sides}
    for row in each.data.iter_rows(named=True):
        span = f"{row['from']:%Y-%m} to {row['to']:%Y-%m}"
        yield {"about": "data", "name": row["symbol"], "value_first": row["what"], "value_second": span,
               "difference": float(row["months"])}  # fmt: skip
    for row in each.code.iter_rows(named=True):
        yield {"about": "code", "name": row["what"], "value_first": row["first"], "value_second": row["second"]}
    for row in each.metrics.iter_rows(named=True):
        one, two = _number(row["first"]), _number(row["second"])
        yield {"about": "metric", "split": row["split"], "name": row["metric"], "value_first": one, "value_second": two,
               "difference": row["difference"]}  # fmt: skip
    for split, found in each.chance.items():
        for name, interval in (("annual_return", found.annual_return), ("sharpe", found.sharpe)):
            yield {
                "about": "chance",
                "split": split,
                "name": name,
                "difference": interval.value,
                "low": interval.low,
                "high": interval.high,
            }
    for row in each.trades.iter_rows(named=True):
        said = f"{row['entry_session']} to {row['exit_session']}, {row['exit_reason']}, pnl {row['pnl']:.2f}"
        side = "value_first" if row["only_in"] == each.labels[0] else "value_second"
        yield {"about": "trade", "split": row["split"], "name": f"{row['side']} {row['symbol']}", side: said}
    if each.decision is not None:
        where = f"{each.decision.session} {each.decision.symbol}"
        yield {
            "about": "decision",
            "name": where,
            "value_first": each.decision.first,
            "value_second": each.decision.second,
        }
        for number, one, two in each.decision.numbers.iter_rows():
            yield {"about": "decision", "name": f"{where}: {number}", "value_first": one, "value_second": two}


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"
