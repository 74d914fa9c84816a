"""Curves of two runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trading_assets.charts.figures import LOSS_COLOUR, STRATEGY_COLOUR, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_SESSIONS = 1_000
_SECOND_COLOUR = "#475569"


def two_curves(first: pl.DataFrame, second: pl.DataFrame, labels: tuple[str, str]) -> Figure:
    """Draw the equity of two runs.

    Parameters
    ----------
    first, second
        session, equity (quote currency), of one span each.
    labels
        What they are called.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    styles = ((_SECOND_COLOUR, "dash"), (STRATEGY_COLOUR, "solid"))
    for curve, label, (colour, dash) in zip((first, second), labels, styles, strict=True):
        few = _few(curve)
        line = {"color": colour, "dash": dash, "width": 2}
        figure.add_scatter(x=few["session"].to_list(), y=few["equity"].to_list(), name=label, line=line)
    return styled(figure, "Equity", "quote currency", 360)


def ratio_of_curves(first: pl.DataFrame, second: pl.DataFrame, labels: tuple[str, str]) -> Figure:
    """Draw how far the second of two runs is ahead of the first on each session that both have.

    Parameters
    ----------
    first, second
        session, equity (quote currency), of one span each.
    labels
        What they are called.
    """
    import plotly.graph_objects as go

    both = first.join(second, on="session", suffix="_second").sort("session").filter(pl.col("equity") > 0)
    few = _few(both.with_columns(ahead=pl.col("equity_second") / pl.col("equity") - 1))
    figure = go.Figure()
    line = {"color": LOSS_COLOUR, "width": 1.5}
    figure.add_scatter(x=few["session"].to_list(), y=few["ahead"].to_list(), name="ahead", line=line)
    figure.update_yaxes(tickformat=".1%", zeroline=True, zerolinecolor="#94a3b8")
    return styled(figure, f"How far {labels[1]} is ahead of {labels[0]}", "equity over equity, minus 1", 280)


def _few(curve: pl.DataFrame) -> pl.DataFrame:
    return curve.reverse().gather_every(max(1, -(-curve.height // _MOST_SESSIONS))).reverse()
