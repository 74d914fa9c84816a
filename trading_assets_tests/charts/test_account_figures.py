"""Charts of a running account: what is drawn, and what is not there is not."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.charts import account_equity, divergence_money, png

DAYS = [dt.date(2020, 1, day) for day in (2, 3, 6)]


def test_the_equity_is_drawn_with_the_broker_and_the_promise_where_they_are_known() -> None:
    curve = pl.DataFrame({"session": DAYS, "paper": [1.0, 2.0, 3.0], "live": [1.0, 1.5, None]})
    band = pl.DataFrame({"session": DAYS, "low": [0.5] * 3, "high": [4.0] * 3})
    figure = account_equity(curve, band)
    assert [trace.name for trace in figure.data][1:] == [
        "90 % of what the holdout promised",
        "account (engine)",
        "at the broker",
    ]
    alone = account_equity(curve.with_columns(live=pl.lit(None, pl.Float64)), band.clear())
    assert [trace.name for trace in alone.data] == ["account (engine)"]
    assert png(figure).startswith(b"\x89PNG")


def test_the_money_of_bets_is_drawn_with_its_levels() -> None:
    rows = pl.DataFrame(
        {
            "session": DAYS * 2,
            "statistic": ["slippage_wealth"] * 3 + ["live_sharpe"] * 3,
            "value": [1.0, 0.5, 130.0] * 2,
        }
    )
    figure = divergence_money(rows)
    assert [list(trace.y) for trace in figure.data] == [[100.0] * 2, [20.0] * 2, [1.0, 0.5, 130.0]]
    assert figure.layout.yaxis.type == "log"
    assert len(divergence_money(rows.clear()).data) == 0
    assert png(figure).startswith(b"\x89PNG")
