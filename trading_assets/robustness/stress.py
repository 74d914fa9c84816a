"""The strategy under worse conditions: dearer fills, later fills, bad months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from trading_assets.backtests.context import StrategyMarket, backtest
from trading_assets.backtests.metrics import summarise
from trading_assets.backtests.records import Result
from trading_assets.backtests.variations import stressed
from trading_assets.robustness.months import BEAR, RANGE, in_months
from trading_assets.robustness.tables import STRESS

BASE = "base"
FEE_MULTIPLIER = 3.0
#: The verdict needs these, whatever else is configured.
VERDICT_MULTIPLIERS = (2.0, 3.0)

Vary = Callable[[StrategyMarket], StrategyMarket]


def slippage_scenario(multiplier: float) -> str:
    """Name of the scenario with slippage times `multiplier`."""
    return f"slippage_{multiplier:g}x"


def scenarios(slippage_multipliers: Sequence[float]) -> dict[str, Vary]:
    """Scenarios that need a run of their own, by name, the base run first."""
    multipliers = sorted({*slippage_multipliers, *VERDICT_MULTIPLIERS})
    return {
        BASE: lambda context: context,
        **{slippage_scenario(m): _with_slippage(m) for m in multipliers},
        f"fees_{FEE_MULTIPLIER:g}x": lambda context: stressed(context, fees=FEE_MULTIPLIER, borrow=FEE_MULTIPLIER),
        "one_session_later": lambda context: stressed(context, delay=1),
    }


def stress(
    context: StrategyMarket,
    start: dt.date,
    end: dt.date,
    *,
    split: str,
    months: pl.DataFrame,
    slippage_multipliers: Sequence[float],
    best_trades: int,
) -> pl.DataFrame:
    """Every scenario on one span, flat start.

    `bear_months` and `range_months` are no runs: they are the base run's daily returns in those months, compounded
    as if nothing lay between them, and the trades that were closed in them.

    Parameters
    ----------
    split
        Name of the span in the table.
    months
        See `classify_months`; of a benchmark that ends with the span.
    best_trades
        How many trades `expectancy_r_without_best` leaves out.

    Returns
    -------
    Rows of `robustness.stress`.
    """
    runs = {
        scenario: backtest(vary(context), start, end, split=split)
        for scenario, vary in scenarios(slippage_multipliers).items()
    }
    parts = {scenario: (run.equity, run.trades) for scenario, run in runs.items()}
    parts |= {f"{kind}_months": _part(runs[BASE], months, kind) for kind in (BEAR, RANGE)}
    benchmark = context.benchmark.select("session", benchmark_return="daily_return")
    measured = {
        scenario: summarise(
            equity, trades, periods_per_year=context.periods_per_year, benchmark=benchmark, best_trades=best_trades
        )
        for scenario, (equity, trades) in parts.items()
    }
    return _rows(context.name, split, measured)


def value_of(rows: pl.DataFrame, scenario: str, metric: str) -> float | None:
    """One number of `robustness.stress` rows of one strategy and split; None where it is null.

    Raises
    ------
    LookupError
        The scenario was not run.
    """
    found = rows.filter(scenario=scenario, metric=metric)["value"]
    if found.is_empty():
        raise LookupError(f"no {metric} of scenario {scenario} in {STRESS.name}")
    value: float | None = found.item()
    return value


def _with_slippage(multiplier: float) -> Vary:
    return lambda context: stressed(context, slippage=multiplier)


def _part(run: Result, months: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return in_months(run.equity, "session", months, kind), in_months(run.trades, "exit_session", months, kind)


def _rows(strategy: str, split: str, measured: Mapping[str, Mapping[str, float | None]]) -> pl.DataFrame:
    lines = [
        (strategy, split, scenario, metric, value)
        for scenario, metrics in measured.items()
        for metric, value in metrics.items()
    ]
    return pl.DataFrame(lines, schema=STRESS.empty().schema, orient="row")
