"""The picture of a year that was watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trading_assets.charts.figures import LOSS_COLOUR, STRATEGY_COLOUR, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def watched(curves: pl.DataFrame, parts: pl.DataFrame, marks: pl.DataFrame, title: str, unit: str) -> Figure:
    """Draw curves over sessions, parts of their time shaded, and a line where something happened.

    Parameters
    ----------
    curves
        name, session, value; null where there is none.
    parts
        name, start, end: shaded in turn.
    marks
        session, label, is_alarm.
    title, unit
        Text above the figure, and the unit of the values.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    colours = ("#94a3b8", STRATEGY_COLOUR, "#0f172a", "#b08968")
    for place, name in enumerate(curves["name"].unique(maintain_order=True)):
        own = curves.filter(name=name).sort("session")
        line = {"color": colours[place % len(colours)], "width": 1.6}
        figure.add_scatter(x=own["session"].to_list(), y=own["value"].to_list(), name=name, line=line)
    for place, (name, start, end) in enumerate(parts.select("name", "start", "end").iter_rows()):
        shade = ("#f1f5f9", "#fef3c7")[place % 2]
        figure.add_vrect(
            x0=start, x1=end, fillcolor=shade, opacity=0.6, line_width=0, layer="below",
            annotation={"text": name, "font": {"size": 10, "color": "#64748b"}}, annotation_position="bottom left",
        )  # fmt: skip
    for place, (session, label, is_alarm) in enumerate(marks.select("session", "label", "is_alarm").iter_rows()):
        colour = LOSS_COLOUR if is_alarm else STRATEGY_COLOUR
        figure.add_shape(
            type="line", x0=session, x1=session, y0=0, y1=1, yref="y domain",
            line={"color": colour, "width": 1, "dash": "dot" if is_alarm else "solid"},
        )  # fmt: skip
        figure.add_annotation(
            x=session, y=1 - 0.06 * (place % 3), yref="y domain", text=label, showarrow=False, xanchor="left",
            font={"size": 10, "color": colour},
        )  # fmt: skip
    return styled(figure, title, unit, 420)
