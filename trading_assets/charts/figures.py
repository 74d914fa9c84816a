"""One function a chart: a frame in, a Plotly figure out."""

from __future__ import annotations

import html
import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

STRATEGY_COLOUR = "#0b62c4"
BAND_COLOUR = "rgba(11, 98, 196, 0.10)"
LOSS_COLOUR = "#c2410c"
BASELINE_STYLE = {
    "benchmark": ("#475569", "solid"),
    "exposure_matched": ("#94a3b8", "dash"),
    "equal_weight": ("#b08968", "dot"),
    "cash": ("#cbd5e1", "dot"),
}
SPLIT_COLOUR = {"train": "#ffffff", "validation": "#f1f5f9", "holdout": "#fef3c7"}
DIVERGING = [[0.0, "#b45309"], [0.5, "#f8fafc"], [1.0, "#0b62c4"]]
#: Sessions that are drawn of a curve, about as many as a screen has dots; of each of many curves fewer.
_MOST_SESSIONS, _MOST_OF_MANY = 1_000, 400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def equity(
    curve: pl.DataFrame, baselines: pl.DataFrame, splits: pl.DataFrame, bands: pl.DataFrame | None = None
) -> Figure:
    """Draw the equity of a strategy and of what one could have held instead.

    Parameters
    ----------
    curve
        session, equity (quote currency).
    baselines
        baseline, session, equity.
    splits
        split, start, end: shaded, so that nobody mistakes training years for evidence.
    bands
        session, low, high: what resampled returns could have made of it, drawn behind the curves.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    sessions = every_few(curve, _MOST_SESSIONS).select("session")
    baselines = baselines.join(sessions, on="session", how="semi", maintain_order="left")
    bands = None if bands is None else bands.join(sessions, on="session", how="semi", maintain_order="left")
    if bands is not None and not bands.is_empty():
        days, edge = bands["session"].to_list(), {"width": 0}
        figure.add_scatter(x=days, y=bands["low"].to_list(), line=edge, showlegend=False, hoverinfo="skip")
        figure.add_scatter(
            x=days, y=bands["high"].to_list(), line=edge, fill="tonexty", fillcolor=BAND_COLOUR, name="90 % band",
            hoverinfo="skip",
        )  # fmt: skip
    for name in baselines["baseline"].unique(maintain_order=True):
        own = baselines.filter(pl.col("baseline") == name)
        colour, dash = BASELINE_STYLE.get(name, ("#94a3b8", "dot"))
        line = {"color": colour, "width": 1.2, "dash": dash}
        figure.add_scatter(
            x=own["session"].to_list(), y=own["equity"].to_list(), name=name.replace("_", " "), line=line
        )
    line = {"color": STRATEGY_COLOUR, "width": 2}
    drawn = curve.join(sessions, on="session", how="semi", maintain_order="left")
    figure.add_scatter(x=drawn["session"].to_list(), y=drawn["equity"].to_list(), name="strategy", line=line)
    if not curve.is_empty():
        _shade_splits(figure, splits, curve["session"].min(), curve["session"].max())
    if all(value > 0 for trace in figure.data for value in trace.y):
        # equal distances are equal returns; a line each time the first value doubles
        figure.update_yaxes(type="log", dtick=math.log10(2), tick0=_log_of_first(curve), tickformat=".3~s")
    return styled(figure, "Equity", "quote currency", 420)


def scenarios(curves: pl.DataFrame) -> Figure:
    """Draw the equity in every scenario, the base run in front.

    Parameters
    ----------
    curves
        scenario, session, equity (quote currency); one of them is `base`. Of long ones, every so many sessions are
        drawn up to the last: twenty curves of as many points as the picture is wide.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    others = [name for name in curves["scenario"].unique(maintain_order=True) if name != "base"]
    for name in (*others, "base"):
        own = curves.filter(scenario=name).sort("session")
        own = every_few(own, _MOST_OF_MANY)
        line = {"color": STRATEGY_COLOUR, "width": 2} if name == "base" else {"width": 1}
        figure.add_scatter(
            x=own["session"].to_list(), y=own["equity"].to_list(), name=name.replace("_", " "), line=line
        )
    return styled(figure, "Equity under stress", "quote currency", 420)


def drawdown(curve: pl.DataFrame) -> Figure:
    """Draw the fall from the highest equity so far: session, drawdown (a fraction, zero or negative)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    curve = _furthest_of_few(curve, "drawdown")
    figure.add_scatter(
        x=curve["session"].to_list(),
        y=curve["drawdown"].to_list(),
        name="drawdown",
        fill="tozeroy",
        line={"color": LOSS_COLOUR, "width": 1},
    )
    figure.update_yaxes(tickformat=".0%")
    return styled(figure, "Drawdown", "from the highest equity so far", 260)


def exposure(curve: pl.DataFrame) -> Figure:
    """Draw the gross exposure as a fraction of equity: session, gross_exposure."""
    import plotly.graph_objects as go

    figure = go.Figure()
    curve = _furthest_of_few(curve, "gross_exposure")
    figure.add_scatter(
        x=curve["session"].to_list(),
        y=curve["gross_exposure"].to_list(),
        name="gross exposure",
        line={"color": "#475569", "width": 1},
    )
    figure.update_yaxes(tickformat=".0%")
    return styled(figure, "Gross exposure", "fraction of equity", 220)


def monthly_returns(monthly: pl.DataFrame) -> Figure:
    """Draw a heat map of year x month: year, month (1-12), return (a fraction)."""
    import plotly.graph_objects as go

    years = sorted(monthly["year"].unique().to_list(), reverse=True)
    cells = {(row["year"], row["month"]): row["return"] for row in monthly.iter_rows(named=True)}
    values = [[cells.get((year, month)) for month in range(1, 13)] for year in years]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(MONTHS),
            y=[str(year) for year in years],
            text=[["" if value is None else f"{value:+.1%}" for value in row] for row in values],
            texttemplate="%{text}",
            textfont={"size": 10},
            hovertemplate="%{y} %{x}: %{text}<extra></extra>",
            colorscale=DIVERGING,
            zmid=0,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return styled(figure, "Monthly returns", "", 140 + 24 * max(len(years), 4))


def parameter_heat_map(
    pairs: pl.DataFrame, x: str, y: str, metric: str, chosen: tuple[object, object] | None = None
) -> Figure:
    """Draw the mean of a metric over the grid for each pair of values of two parameters.

    Parameters
    ----------
    pairs
        x_value, y_value (JSON), x_position, y_position, value: rows of `robustness.heatmaps` of one pair.
    chosen
        The strategy's own values of (x, y), marked with a square if both are on the grid.
    """
    import plotly.graph_objects as go

    columns = _axis(pairs, "x")
    rows = _axis(pairs, "y")
    cells = {(row["x_value"], row["y_value"]): row["value"] for row in pairs.iter_rows(named=True)}
    values = [[cells.get((column, row)) for column in columns] for row in rows]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[str(json.loads(value)) for value in columns],
            y=[str(json.loads(value)) for value in rows],
            text=[["" if value is None else f"{value:.2f}" for value in row] for row in values],
            texttemplate="%{text}",
            hovertemplate="%{x}, %{y}: %{text}<extra></extra>",
            colorscale=DIVERGING,
            zmid=0,
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    if chosen is not None and json.dumps(chosen[0]) in columns and json.dumps(chosen[1]) in rows:
        figure.add_scatter(
            x=[str(chosen[0])],
            y=[str(chosen[1])],
            mode="markers",
            marker={"symbol": "square-open", "size": 34, "color": "#0f172a", "line": {"width": 2}},
            hoverinfo="skip",
            name="chosen",
        )
    named = {each: each.replace("_", " ") for each in (metric, x, y)}
    figure.update_xaxes(type="category", title=named[x])
    figure.update_yaxes(type="category", title=named[y])
    found = styled(figure, f"{named[metric]} by {named[x]} and {named[y]}", "", 320)
    found.update_layout(showlegend=False)
    return found


def bars(frame: pl.DataFrame, label: str, value: str, title: str, unit: str = "") -> Figure:
    """Draw horizontal bars, one a row, in the order of the frame from top to bottom.

    Parameters
    ----------
    frame
        Rows to draw.
    label, value
        Columns with the name of each bar and its length.
    title, unit
        Text above the figure, and the unit of the values.
    """
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Bar(
            x=frame[value].to_list()[::-1],
            y=[as_text(str(item)) for item in frame[label].to_list()[::-1]],
            orientation="h",
            marker={"color": STRATEGY_COLOUR},
            name=value,
        )
    )
    return styled(figure, title, unit, 120 + 22 * max(frame.height, 2))


def histogram(bins: pl.DataFrame, count: str, title: str, unit: str = "") -> Figure:
    """Draw counts in bins; bins below zero are in the colour of losses.

    Parameters
    ----------
    bins, count
        low, high and the column with the count of each bin, ascending.
    title, unit
        Text above the figure, and the unit of the counts.
    """
    import plotly.graph_objects as go

    colours = [LOSS_COLOUR if high <= 0 else STRATEGY_COLOUR for high in bins["high"].to_list()]
    figure = go.Figure(
        go.Bar(
            x=((bins["low"] + bins["high"]) / 2).to_list(),
            y=bins[count].to_list(),
            width=(bins["high"] - bins["low"]).to_list(),
            marker={"color": colours},
            name=count,
        )
    )
    return styled(figure, title, unit, 300)


def _log_of_first(curve: pl.DataFrame) -> float:
    return math.log10(curve["equity"][0]) if not curve.is_empty() else 0.0


def _axis(pairs: pl.DataFrame, axis: str) -> list[str]:
    return pairs.sort(f"{axis}_position")[f"{axis}_value"].unique(maintain_order=True).to_list()


def _shade_splits(figure: Figure, splits: pl.DataFrame, first: Any, last: Any) -> None:
    for row in splits.sort("start").iter_rows(named=True):
        start, end = max(row["start"], first), min(row["end"], last)
        if start < end:
            figure.add_vrect(
                x0=start,
                x1=end,
                fillcolor=SPLIT_COLOUR.get(row["split"], "#ffffff"),
                opacity=0.6,
                line_width=0,
                layer="below",
                annotation={"text": row["split"], "font": {"size": 10, "color": "#64748b"}},
                annotation_position="top left",
            )


def every_few(curve: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return at most so many rows, at equal distances, the last among them."""
    return curve.reverse().gather_every(max(1, -(-curve.height // most))).reverse()


def _furthest_of_few(curve: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of each few sessions the one on which a column is furthest from zero: no trough is left out."""
    stretch = pl.int_range(pl.len()) // max(1, -(-curve.height // _MOST_SESSIONS))
    furthest = pl.all().get(pl.col(column).abs().arg_max())
    return curve.group_by(stretch=stretch, maintain_order=True).agg(furthest).drop("stretch")


def as_text(text: str) -> str:
    """Return a text that somebody else chose as Plotly shows it unchanged: it takes tags and entities for markup.

    Examples
    --------
    >>> as_text("<b>A&B</b>")
    '&lt;b&gt;A&amp;B&lt;/b&gt;'
    """
    return html.escape(text, quote=False)


def styled(figure: Figure, title: str, unit: str, height: int) -> Figure:
    """Give a figure what all figures have in common, its title, and what is written below that.

    Parameters
    ----------
    figure
        Figure with its traces.
    title, unit
        Text above the figure, and the unit of what it shows.
    height
        In pixels.
    """
    subtitle = {"subtitle": {"text": unit, "font": {"size": 11, "color": "#64748b"}}} if unit else {}
    figure.update_layout(
        template="plotly_white",
        title={"text": title, "x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 15}, **subtitle},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#0f172a"},
        margin={"l": 8, "r": 8, "t": 64, "b": 8},
        height=height,
        autosize=True,
        hovermode="x unified" if any(trace.type == "scatter" for trace in figure.data) else "closest",
        legend={"orientation": "h", "y": -0.12, "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure
