"""Charts of how a curve fared over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trading_assets.charts.figures import LOSS_COLOUR, STRATEGY_COLOUR, every_few, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Points that are drawn of a rolling line: each is a mean over a year, so few say as much as all.
_MOST_POINTS = 400


def rolling(years: pl.DataFrame) -> Figure:
    """Draw Sharpe ratio and volatility of the year that ends at each session.

    Parameters
    ----------
    years
        session, sharpe (a year), volatility (fraction a year).
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    drawn = every_few(years, _MOST_POINTS)
    lines = (("sharpe", "Sharpe ratio", STRATEGY_COLOUR, ".1f"), ("volatility", "volatility", LOSS_COLOUR, ".0%"))
    for row, (column, name, colour, form) in enumerate(lines, 1):
        figure.add_scatter(
            x=drawn["session"].to_list(), y=drawn[column].to_list(), name=name, line={"color": colour, "width": 1.5},
            row=row, col=1,
        )  # fmt: skip
        figure.update_yaxes(tickformat=form, title=name, row=row, col=1)
    figure.add_hline(y=0, line={"color": "#94a3b8", "width": 1}, row=1, col=1)
    found = styled(figure, "Rolling year", "each point is of the year that ends there", 380)
    found.update_layout(showlegend=False)
    return found


def yearly_returns(years: pl.DataFrame) -> Figure:
    """Draw the return of each calendar year.

    Parameters
    ----------
    years
        year, return (fraction).
    """
    import plotly.graph_objects as go

    values = years["return"].to_list()
    figure = go.Figure(
        go.Bar(
            x=[str(year) for year in years["year"].to_list()],
            y=values,
            text=[f"{value:+.1%}" for value in values],
            marker={"color": [LOSS_COLOUR if value < 0 else STRATEGY_COLOUR for value in values]},
            name="return",
        )
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%")
    return styled(figure, "Yearly returns", "the first and the last year may be incomplete", 300)
