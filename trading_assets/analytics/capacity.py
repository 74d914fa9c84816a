"""How much money a strategy could run: the Sharpe ratio of the same fills at the cost of larger ones."""

from __future__ import annotations

import numpy as np
import polars as pl

from trading_assets.analytics.tables import CAPACITY
from trading_assets.backtests.engine.arrays import Floats, Market
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.results.return_metrics import sharpe
from trading_assets.config.sections import Costs

#: Times the starting equity.
MULTIPLES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)


def slippage_of(share: Floats, volatility: Floats, least: Floats, capacity: float, costs: Costs) -> Floats:
    """Return the mean slippage of orders in bp, by their share of average daily volume.

    The engine's own formula: the size factor share / (capacity / 2), clipped, times what an order of factor 1 pays;
    beyond the clip k x volatility x (square root of the share - square root of the share at the clip).

    Parameters
    ----------
    share
        Notional over average daily volume.
    volatility
        Of a session, fraction; NaN: no impact beyond the clip.
    least
        What an order of size factor 1 pays, bp.
    capacity
        Largest order of the strategy as a fraction of average daily volume.
    costs
        Section of the configuration.
    """
    low, high = costs.size_clip
    size = np.clip(share / (0.5 * capacity), low, high)
    beyond = np.sqrt(np.maximum(share, 0.0)) - np.sqrt(high * 0.5 * capacity)
    impact = 1e4 * costs.impact * np.nan_to_num(volatility) * np.maximum(beyond, 0.0)
    paid: Floats = least * size + impact
    return paid


def capacities(
    fills: pl.DataFrame,
    curve: pl.DataFrame,
    market: Market,
    axes: MarketAxes,
    *,
    capacity: float,
    costs: Costs,
    periods: int,
    starting_equity: float,
) -> pl.DataFrame:
    """Return the rows of `analytics.capacity` of a run, without strategy and split.

    With m times the money every fill is m times as large, and pays the mean slippage that the cost model asks of it
    then, beyond what it paid. Nothing is decided anew: limits on the size of orders would cut the largest.

    Parameters
    ----------
    fills
        Rows of `backtests.fills`.
    curve
        session, equity and excess_return of the run.
    market, axes
        Of what was filled, with average daily volume and volatility. Those of the session before the fill are used.
    capacity
        Largest order of the strategy as a fraction of average daily volume.
    costs
        Section of the configuration.
    periods
        Sessions a year.
    starting_equity
        Quote currency.
    """
    _, rows, columns = axes.places(fills)
    before = np.maximum(rows - 1, 0)
    notional = (fills["quantity"] * fills["raw_price"]).to_numpy()
    adv = market.adv[before, columns] if rows.size else np.zeros(0)
    whole = fills.select(
        (pl.col("quantity") * pl.col("raw_price")).sum().over("session", "symbol", "side").alias("whole")
    )["whole"].to_numpy()  # the market sees one order, whichever positions it is for
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(adv > 0, whole / adv, 1.0)
    volatility = market.volatility[before, columns] if rows.size else np.zeros(0)
    now = slippage_of(share, volatility, np.zeros(rows.size), capacity, costs)  # beyond the clip alone
    size = np.clip(share / (0.5 * capacity), *costs.size_clip)
    least = np.maximum(fills["mean_slippage_bps"].to_numpy() - now, 0.0) / size
    paid = slippage_of(share, volatility, least, capacity, costs)
    equity = curve["equity"].to_numpy()
    base = np.concatenate([[starting_equity], equity[:-1]])
    found = []
    for multiple in MULTIPLES:
        dearer = slippage_of(multiple * share, volatility, least, capacity, costs)
        extra = np.zeros(equity.size)
        np.add.at(extra, rows, notional * (dearer - paid) / 1e4)
        with np.errstate(divide="ignore", invalid="ignore"):
            net = curve["excess_return"].fill_null(0.0).to_numpy() - np.where(base > 0, extra / base, 0.0)
        found.append(
            {
                "assets": multiple * starting_equity,
                "sharpe": sharpe(net, periods),
                "slippage_bps": float(notional @ dearer / notional.sum()) if notional.sum() > 0 else None,
                "largest_share": float(multiple * share.max()) if rows.size else None,
            }
        )
    return pl.DataFrame(found, schema={name: CAPACITY.columns[name].dtype for name in found[0]})
