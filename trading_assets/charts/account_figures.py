"""Charts of a running account: its equity beside the promise, and what bets on a divergence have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trading_assets.charts.figures import BAND_COLOUR, LOSS_COLOUR, STRATEGY_COLOUR, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Statistic -> name in the legend and colour.
_DRAWN = {
    "slippage_wealth": ("slippage, alarm at 100", STRATEGY_COLOUR),
    "live_wealth": ("live below paper, alarm at 100", LOSS_COLOUR),
    "sharpe_wealth": ("returns below promise, alarm at 20", "#475569"),
}
_LEVELS = ((100.0, LOSS_COLOUR), (20.0, "#475569"))


def account_equity(curve: pl.DataFrame, band: pl.DataFrame) -> Figure:
    """Draw the equity of a running account, that of the broker's books, and what the holdout lets one expect.

    Parameters
    ----------
    curve
        session, paper, live (quote currency; live is null where it is not known).
    band
        session, low, high: what resampled returns of the holdout make of the same capital; none: not drawn.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    if not band.is_empty():
        days, edge = band["session"].to_list(), {"width": 0}
        figure.add_scatter(x=days, y=band["low"].to_list(), line=edge, showlegend=False, hoverinfo="skip")
        figure.add_scatter(
            x=days, y=band["high"].to_list(), line=edge, fill="tonexty", fillcolor=BAND_COLOUR,
            name="90 % of what the holdout promised", hoverinfo="skip",
        )  # fmt: skip
    days = curve["session"].to_list()
    paper, live = {"color": STRATEGY_COLOUR, "width": 2}, {"color": LOSS_COLOUR, "width": 1.5, "dash": "dash"}
    figure.add_scatter(x=days, y=curve["paper"].to_list(), name="account (engine)", line=paper)
    if curve["live"].null_count() < curve.height:
        figure.add_scatter(x=days, y=curve["live"].to_list(), name="at the broker", line=live)
    return styled(figure, "Equity against the promise", "quote currency", 380)


def divergence_money(divergence: pl.DataFrame) -> Figure:
    """Draw the money of the bets that something is worse than promised, with the level at which each is an alarm.

    Parameters
    ----------
    divergence
        session, statistic, value: rows of `trading.divergence` of one account.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    drawn = divergence.filter(pl.col("statistic").is_in(list(_DRAWN))).sort("session")
    ends = [drawn["session"].min(), drawn["session"].max()]
    for level, colour in _LEVELS if not drawn.is_empty() else ():
        line = {"color": colour, "width": 1, "dash": "dot"}
        figure.add_scatter(
            x=ends, y=[level] * 2, mode="lines", line=line, name="level", showlegend=False, hoverinfo="skip"
        )
    for statistic, (name, colour) in _DRAWN.items():
        own = drawn.filter(pl.col("statistic") == statistic).drop_nulls("value")
        if own.height:
            days, values, line = own["session"].to_list(), own["value"].to_list(), {"color": colour, "width": 1.5}
            figure.add_scatter(x=days, y=values, name=name, line=line, mode="lines")
    figure.update_yaxes(type="log", tickvals=[0.01, 0.1, 1, 5, 20, 100, 1000, 10_000, 1_000_000])
    return styled(figure, "Bets that it is worse than promised", "money, 1 at the beginning; dotted: alarm", 320)
