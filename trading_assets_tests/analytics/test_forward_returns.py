"""Forward returns by a loop."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from trading_assets.analytics.forward_returns import forward_returns


def test_each_return_is_of_the_symbol_s_own_bars() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(30)]
    closes = {"A": np.linspace(10, 20, 30), "B": np.geomspace(5, 1, 20)}
    bars = pl.concat(
        pl.DataFrame({"symbol": name, "session": days[: values.size], "adj_close": values})
        for name, values in closes.items()
    )
    found = forward_returns(bars.sample(fraction=1.0, shuffle=True, seed=1), [1, 7])
    for symbol, session, one, seven in found.iter_rows():
        values, at = closes[symbol], days.index(session)
        for h, value in ((1, one), (7, seven)):
            wanted = values[at + h] / values[at] - 1 if at + h < values.size else None
            assert value is None if wanted is None else abs(value - wanted) < 1e-14
