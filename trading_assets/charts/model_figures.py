"""Charts of what a model says and what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trading_assets.charts.figures import BASELINE_STYLE, LOSS_COLOUR, STRATEGY_COLOUR, styled

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Name and colour of each kind of scores.
_KINDS = {"score": ("scores", STRATEGY_COLOUR), "uncalibrated": ("before calibration", LOSS_COLOUR)}


def reliability(groups: pl.DataFrame) -> Figure:
    """Draw how often scores came true against what they said, beside the line of those that mean what they say.

    Parameters
    ----------
    groups
        kind, bin, score, share, low, high: rows of `models.reliability` of one model.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    ends = [groups["score"].min(), groups["score"].max()]
    colour, dash = BASELINE_STYLE["exposure_matched"]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": colour, "dash": dash, "width": 1}, name="as said", hoverinfo="skip"
    )
    for kind, (name, colour) in _KINDS.items():
        own = groups.filter(pl.col("kind") == kind).sort("bin")
        if own.is_empty():
            continue
        above, below = own["high"] - own["share"], own["share"] - own["low"]
        figure.add_scatter(
            x=own["score"].to_list(),
            y=own["share"].to_list(),
            error_y={"array": above.to_list(), "arrayminus": below.to_list(), "thickness": 1, "width": 2},
            mode="lines+markers",
            line={"color": colour, "width": 1},
            name=name,
        )
    figure.update_xaxes(tickformat=".0%", title="mean score of the group")
    figure.update_yaxes(tickformat=".0%", title="share that came true")
    found = styled(figure, "Reliability", "groups of neighbouring out-of-sample scores, with intervals of 95 %", 400)
    found.update_layout(legend={"y": -0.25})  # below the title of the axis
    return found


def importance(features: pl.DataFrame) -> Figure:
    """Draw how far the loss rises without each feature, the mean over folds and how far these differ.

    Parameters
    ----------
    features
        feature, mean, low, high: the mean over folds, the least and the largest of them; from top to bottom.
    """
    import plotly.graph_objects as go

    rows = features.reverse()
    above, below = rows["high"] - rows["mean"], rows["mean"] - rows["low"]
    figure = go.Figure(
        go.Bar(
            x=rows["mean"].to_list(),
            y=rows["feature"].to_list(),
            error_x={"array": above.to_list(), "arrayminus": below.to_list(), "thickness": 1, "width": 3},
            orientation="h",
            marker={"color": STRATEGY_COLOUR},
            name="rise of the loss",
        )
    )
    unit = (
        "rise of the mean log loss once symbols have each other's values; the mean over folds, the least and the most"
    )
    return styled(figure, "Permutation importance", unit, 120 + 22 * max(rows.height, 2))
