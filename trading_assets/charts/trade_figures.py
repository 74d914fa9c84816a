"""Charts of round trips: their distribution, how far they went, what was held when, and single ones on their bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets.charts.figures import LOSS_COLOUR, STRATEGY_COLOUR, as_text, histogram, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_BINS = 24
#: Values that differ by less are one.
_NOTHING = 1e-300
_HELD = [[0.0, "#f8fafc"], [1.0, "#0b62c4"]]
#: Trades that are drawn as points of their own: the last ones.
_MOST_POINTS = 400


def distribution(values: pl.Series, title: str, unit: str) -> Figure:
    """Draw how often values occur, in bins of equal width of a round number; zero is an edge.

    Parameters
    ----------
    values
        Numbers, without nulls.
    title, unit
        Text above the figure, and the unit of the values.
    """
    return histogram(_binned(values.cast(pl.Float64)), "trades", title, unit)


def excursions(trades: pl.DataFrame) -> Figure:
    """Draw how far each trade was below its entry at worst against how it ended.

    Parameters
    ----------
    trades
        worst (fraction of the entry price, zero or negative), return (fraction), symbol, entry_session.
    """
    import plotly.graph_objects as go

    shown = trades.tail(_MOST_POINTS)
    figure = go.Figure()
    for name, colour, rows in (
        ("profit", STRATEGY_COLOUR, shown.filter(pl.col("return") > 0)),
        ("loss", LOSS_COLOUR, shown.filter(pl.col("return") <= 0)),
    ):
        figure.add_scatter(
            x=rows["worst"].to_list(),
            y=rows["return"].to_list(),
            text=[
                as_text(f"{symbol}, {session}")
                for symbol, session in rows.select("symbol", "entry_session").iter_rows()
            ],
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.6},
            name=name,
            hovertemplate="%{text}: at worst %{x:.1%}, ended %{y:.1%}<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", title="at worst")
    figure.update_yaxes(tickformat=".0%", title="at the end")
    found = styled(figure, "How far trades fell before they ended", "fractions of the entry price", 340)
    found.update_layout(hovermode="closest", legend={"y": -0.3})
    return found


def holdings(months: pl.DataFrame) -> Figure:
    """Draw in which months which symbol was held.

    Parameters
    ----------
    months
        symbol, month (its first day), held (fraction of the month's sessions); symbols from top to bottom.
    """
    import plotly.graph_objects as go

    symbols = months["symbol"].unique(maintain_order=True).to_list()
    columns = months["month"].unique().sort().to_list()
    cells = {(symbol, month): held for symbol, month, held in months.select("symbol", "month", "held").iter_rows()}
    figure = go.Figure(
        go.Heatmap(
            z=[[cells.get((symbol, month)) for month in columns] for symbol in symbols],
            x=columns,
            y=[as_text(symbol) for symbol in symbols],
            colorscale=_HELD,
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y}, %{x|%B %Y}: %{z:.0%} of its sessions<extra></extra>",
        )
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return styled(figure, "What was held when", "darker: more of the month's sessions", 140 + 18 * max(len(symbols), 4))


def trade_on_bars(bars: pl.DataFrame, trade: dict[str, Any], title: str) -> Figure:
    """Draw a round trip on the candles around it.

    Parameters
    ----------
    bars
        session, open, high, low, close, in the prices of the entry session.
    trade
        symbol, side, entry_session, entry_price, exit_session, exit_price (in the same prices), stop_price or None.
    title
        Text above the figure.
    """
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Candlestick(
            x=bars["session"].to_list(),
            **{name: bars[name].to_list() for name in ("open", "high", "low", "close")},
            increasing={"line": {"color": "#64748b"}, "fillcolor": "#ffffff"},
            decreasing={"line": {"color": "#64748b"}, "fillcolor": "#64748b"},
            name=as_text(trade["symbol"]),
        )
    )
    for name, symbol, colour in (("entry", "triangle-right", STRATEGY_COLOUR), ("exit", "triangle-left", LOSS_COLOUR)):
        figure.add_scatter(
            x=[trade[f"{name}_session"]], y=[trade[f"{name}_price"]], mode="markers", name=name,
            marker={"symbol": symbol, "size": 13, "color": colour, "line": {"color": "#ffffff", "width": 1}},
        )  # fmt: skip
    if trade["stop_price"] is not None:
        figure.add_scatter(
            x=[trade["entry_session"], trade["exit_session"]], y=[trade["stop_price"]] * 2, mode="lines",
            line={"color": "#0f172a", "dash": "dot", "width": 1}, name="first stop",
        )  # fmt: skip
    # Sessions without a bar leave no gap: they are categories, not days.
    figure.update_xaxes(type="category", rangeslider={"visible": False}, nticks=6)
    return styled(figure, as_text(title), f"{trade['side']}, in prices of {trade['entry_session']}", 340)


def _binned(values: pl.Series) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"low": pl.Float64, "high": pl.Float64, "trades": pl.Int64})
    finite = values.filter(values.is_finite())
    if finite.is_empty():
        return empty
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)  # type: ignore[arg-type]
    width = _round_width((high - low) / _BINS)
    counts = (
        pl.DataFrame({"place": (finite / width).floor().cast(pl.Int64)})
        .group_by("place")
        .agg(trades=pl.len().cast(pl.Int64))
        .sort("place")
    )
    every = counts.select(pl.int_range(pl.col("place").first(), pl.col("place").last() + 1).alias("place"))
    return every.join(counts, on="place", how="left", maintain_order="left").select(
        low=pl.col("place") * width, high=(pl.col("place") + 1) * width, trades=pl.col("trades").fill_null(0)
    )


def _round_width(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... that is at least so wide."""
    if least < _NOTHING:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-12))
