"""Everything that is told of one strategy, as rows of the stage's tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from trading_assets.analytics.attribution import attribute, contributions
from trading_assets.analytics.capacity import capacities
from trading_assets.analytics.factor_exposures import CATALOGUE, OF_FILE, exposures
from trading_assets.analytics.factor_returns import MARKET, factor_returns
from trading_assets.analytics.forward_returns import forward_returns
from trading_assets.analytics.members import only_members
from trading_assets.analytics.profit_parts import profit_parts
from trading_assets.analytics.risk_contributions import (
    holding_contributions,
    shortfall_contributions,
    volatility_contributions,
)
from trading_assets.analytics.run_inputs import RunInputs, round_trips
from trading_assets.analytics.signal_quality import Row, of_entries, quality_of
from trading_assets.analytics.tables import (
    ATTRIBUTION,
    CAPACITY,
    CONTRIBUTIONS,
    FACTOR_EXPOSURES,
    RISK,
    SIGNAL_QUALITY,
)
from trading_assets.backtests.engine.arrays import Floats
from trading_assets.backtests.results.settled_curve import settled
from trading_assets.config.sections import Costs
from trading_assets.market_data.calendars import periods_per_year
from trading_assets.warehouse import Table

#: Sessions behind the risk of the last holdings.
HOLDING_SESSIONS = 250


def rows_of(
    run: RunInputs, own_factors: pl.DataFrame | None, *, starting_equity: float, capacity: float, costs: Costs
) -> dict[Table, pl.DataFrame]:
    """Return the rows of a strategy's run in the tables of the stage.

    Parameters
    ----------
    run
        What was read of it.
    own_factors
        session and factors of the user's file; None without one.
    starting_equity
        Quote currency.
    capacity
        Largest order of the strategy as a fraction of average daily volume.
    costs
        Section of the configuration.
    """
    parts = profit_parts(run.fills, run.market, run.axes)
    attributed = attribute(parts, run.equity, round_trips(run), starting_equity=starting_equity)
    curve = settled(run.equity)
    found = {
        ATTRIBUTION: attributed,
        CONTRIBUTIONS: contributions(attributed),
        FACTOR_EXPOSURES: _exposures(run, curve, own_factors),
        RISK: risk_rows(run, attributed, starting_equity),
        SIGNAL_QUALITY: _quality(run),
        CAPACITY: capacities(
            run.fills,
            curve,
            run.market,
            run.axes,
            capacity=capacity,
            costs=costs,
            periods=periods_per_year(*run.calendars),
            starting_equity=starting_equity,
        ),
    }
    strategy, split = run.equity.select("strategy", "split").row(0)
    named = {"strategy": pl.lit(strategy), "split": pl.lit(split)}
    return {table: table.conform(rows.with_columns(**named)).sort(table.key) for table, rows in found.items()}


def _exposures(run: RunInputs, curve: pl.DataFrame, own_factors: pl.DataFrame | None) -> pl.DataFrame:
    rates = run.equity.select("session", free=pl.col("risk_free").fill_null(0.0))
    index = run.baselines.filter(baseline="benchmark").select("session", "daily_return")
    market = index.join(rates, on="session").select("session", (pl.col("daily_return") - pl.col("free")).alias(MARKET))
    levels = run.features.join(run.indicators.select("symbol", "session", "adv_20"), on=["symbol", "session"])
    own = factor_returns(run.bars.filter(pl.col("symbol").is_in(run.symbols)), levels, run.universe)
    wide = own.pivot("factor", index="session", values="return").join(market, on="session", how="left")
    names = [name for name in (MARKET, *sorted(own["factor"].unique())) if name in wide.columns]
    found = [exposures(curve, wide.select("session", *names), CATALOGUE)]
    if own.is_empty():
        found = [exposures(curve, market, CATALOGUE)]
    if own_factors is not None:
        found.append(exposures(curve, own_factors, OF_FILE))
    return pl.concat(found, how="diagonal_relaxed")


def risk_rows(run: RunInputs, attributed: pl.DataFrame, starting_equity: float) -> pl.DataFrame:
    """Return the rows of `analytics.risk`, without strategy and split: of the run, and of what it holds last.

    Parameters
    ----------
    run
        What was read of the strategy.
    attributed
        Its rows of `analytics.attribution`.
    starting_equity
        Quote currency.
    """
    symbols, parts = _by_symbol(run, attributed, starting_equity)
    held, weights, returns = _last_holdings(run)
    found = [
        _risk("run", "volatility", symbols, volatility_contributions(parts)),
        _risk("run", "shortfall", symbols, shortfall_contributions(parts)),
        _risk("holdings", "volatility", held, holding_contributions(weights, returns) if held else None),
        _risk("holdings", "shortfall", held, shortfall_contributions(returns * weights) if held else None),
    ]
    return pl.concat(found)


def _risk(basis: str, measure: str, symbols: Sequence[str], values: Floats | None) -> pl.DataFrame:
    total = 0.0 if values is None else float(values.sum())
    numbers = [] if values is None else values.tolist()
    return pl.DataFrame(
        {
            "symbol": list(symbols) if numbers else [],
            "contribution": numbers,
            "share": [value / total if abs(total) > 1e-14 else None for value in numbers],
        },
        schema={"symbol": pl.String, "contribution": pl.Float64, "share": pl.Float64},
    ).with_columns(basis=pl.lit(basis), measure=pl.lit(measure))


def _by_symbol(run: RunInputs, attributed: pl.DataFrame, starting_equity: float) -> tuple[list[str], Floats]:
    """What each symbol made of the equity before: (sessions, symbols); cash has the empty name."""
    before = pl.col("equity").shift(1, fill_value=starting_equity)
    sessions = run.equity.select("session", before=before)
    made = attributed.group_by("session", symbol=pl.col("symbol").fill_null("")).agg(pl.col("millionths").sum())
    symbols = sorted(made["symbol"].unique().to_list())
    row_of = {session: row for row, session in enumerate(sessions["session"])}
    column_of = {symbol: column for column, symbol in enumerate(symbols)}
    amounts = np.zeros((sessions.height, len(symbols)))
    rows = [row_of[session] for session in made["session"]]
    amounts[rows, [column_of[symbol] for symbol in made["symbol"]]] = made["millionths"].to_numpy() * 1e-6
    base = sessions["before"].to_numpy()[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return symbols, np.where(base > 0, amounts / base, 0.0)


def _last_holdings(run: RunInputs) -> tuple[list[str], Floats, Floats]:
    """Symbols held at the end, their weights, and their returns on the last sessions that all of them know."""
    sign = pl.when(pl.col("side") == "short").then(-1.0).otherwise(1.0)
    held = (
        run.open_positions.drop_nulls("entry_session")
        .sort("symbol", "pair_id")
        .select("symbol", value=(sign * pl.col("quantity") * pl.col("last_price")).sum().over("symbol"))
        .unique("symbol", keep="first", maintain_order=True)
    )
    symbols, equity = held["symbol"].to_list(), run.equity["equity"][-1]
    if not symbols or not equity > 0:
        return [], np.zeros(0), np.zeros((0, 0))
    made = run.bars.filter(pl.col("symbol").is_in(symbols)).sort("symbol", "session")
    made = made.select("symbol", "session", made=pl.col("adj_close") / pl.col("adj_close").shift(1).over("symbol") - 1)
    table = made.pivot("symbol", index="session", values="made").sort("session").drop_nulls().tail(HOLDING_SESSIONS)
    return symbols, held["value"].to_numpy() / equity, table.select(symbols).to_numpy()


def _quality(run: RunInputs) -> pl.DataFrame:
    after = only_members(forward_returns(run.bars.filter(pl.col("symbol").is_in(run.symbols))), run.universe)
    scores = run.scores.join(after, on=["session", "symbol"]).sort("session", "symbol")
    rows: list[Row] = [*quality_of(scores, run.regimes), *of_entries(run.entries, after)]
    columns = ("subject", "name", "horizon", "statistic", "value")
    return pl.DataFrame(rows, schema={name: SIGNAL_QUALITY.columns[name].dtype for name in columns}, orient="row")
