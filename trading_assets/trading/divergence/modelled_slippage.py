"""What the model of a backtest expects a fill to pay: its mean as it is drawn and rounded, and how far draws scatter.

The mean of the model is not what a fill pays on average: a draw is never negative, which lifts it by 3 % (23 % under
stress), and a price is rounded to the tick against the trader. A broker that fills exactly as the model does would look
dearer than the mean, and be called so one day.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.transaction_costs import buy_price, sell_price
from trading_assets.trading.broker_books import AT_NO_OPEN
from trading_assets.trading.divergence.betting import Floats
from trading_assets.trading.divergence.slippage import paid_bps

_PARTS = 200
#: Middles of so many parts of the standard normal distribution, each as likely as the others.
NORMAL = np.array([NormalDist().inv_cdf((part + 0.5) / _PARTS) for part in range(_PARTS)])
#: Least deviation, as a share of the mean: a model without noise scatters by nothing, a broker does not.
_LEAST_DEVIATION = 0.25


def with_modelled_slippage(fills: pl.DataFrame, prepared: PreparedBacktest) -> pl.DataFrame:
    """Return fills of a run with what the model expected of each, known at its open.

    Parameters
    ----------
    fills
        Rows of `backtests.fills`.
    prepared
        What was run.

    Returns
    -------
    polars.DataFrame
        With `modelled_slippage_bps`, and `slippage_deviation_bps`; both null of what was booked without an open.
    """
    market, settings = prepared.market, prepared.settings
    days = {day: row for row, day in enumerate(prepared.axes.sessions)}
    columns = {symbol: column for column, symbol in enumerate(prepared.axes.symbols)}
    expected, deviations = list[float | None](), list[float | None]()
    said = fills.select("session", "symbol", "side", "raw_price", "mean_slippage_bps", "reason")
    for day, symbol, side, raw, mean, reason in said.iter_rows():
        if reason == AT_NO_OPEN or not raw > 0.0:
            expected.append(None)
            deviations.append(None)
            continue
        t, i = days[day], columns[symbol]
        share = settings.stress_noise_deviation if market.stressed[t, i] else settings.noise_deviation
        tick = float(market.tick[i] if raw >= 1.0 else market.tick_below_one[i])
        drawn = mean * (1.0 + share * NORMAL) if settings.noise else np.full(1, mean)
        expected.append(expected_bps(raw, side, np.maximum(drawn, 0.0), tick))
        deviations.append(max(share, _LEAST_DEVIATION) * mean + 0.5e4 * tick / raw)
    kinds = {"modelled_slippage_bps": pl.Float64, "slippage_deviation_bps": pl.Float64}
    return fills.hstack(pl.DataFrame([expected, deviations], schema=kinds))


def expected_bps(raw_price: float, side: str, drawn_bps: Floats, tick: float) -> float:
    """Return the mean of what draws pay once they are rounded to the tick, against the raw price, in basis points.

    Parameters
    ----------
    raw_price, side
        The open, and `buy` or `sell`.
    drawn_bps
        Draws, each as likely as the others.
    tick
        Price increment; 0: none.

    Examples
    --------
    A share of 10.00 with a tick of 0.01: 3 bp make it 10.01 to a buyer, 12 bp make it 10.02: 10 and 20 bp.

    >>> round(expected_bps(10.0, "buy", np.array([3.0, 12.0]), 0.01), 6)
    15.0
    """
    price = buy_price if side == "buy" else sell_price
    paid = np.mean([price(raw_price, bps, tick) for bps in drawn_bps.tolist()])
    return paid_bps(raw_price, float(paid), side)
