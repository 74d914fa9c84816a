"""A Plotly figure as PNG without a browser, for places that show images but run no script.

Draws the trace types that `figures` uses (lines, markers, bars, heat maps), and spans and upright lines of the whole
height, with Matplotlib from the figure's own data, so that a chart has one definition.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DASHES = {None: "-", "solid": "-", "dash": "--", "dot": ":"}
WIDTH_INCHES = 8.0
DOTS_PER_INCH = 100
#: Of what is at a part of the height of the figure, not at a value.
_WHOLE_HEIGHT = "y domain"


def markdown(figure: Figure) -> str:
    """Return markdown with the figure inside, as Dagster's metadata shows it; without Matplotlib, what to install."""
    try:
        picture = png(figure)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        return (
            f"{figure.layout.title.text}: the picture needs Matplotlib, which is not installed; the report has the "
            "chart. What to do: `pip install 'trading-assets[charts]'`"
        )
    return f"![{figure.layout.title.text}](data:image/png;base64,{base64.b64encode(picture).decode()})"


def png(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes.

    Raises
    ------
    ValueError
        The figure has a trace type that this module does not draw.
    ModuleNotFoundError
        The extra `charts` is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(WIDTH_INCHES, (figure.layout.height or 320) / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    drawing = FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    for trace in figure.data:
        _draw(axes, trace)
    for shape in figure.layout.shapes:
        if shape.yref == _WHOLE_HEIGHT:
            _draw_shape(axes, shape)
    for text in figure.layout.annotations:
        if text.yref == _WHOLE_HEIGHT:
            _draw_text(axes, text)
    if figure.layout.yaxis.autorange == "reversed":
        axes.invert_yaxis()
    axes.set_title(figure.layout.title.text or "", loc="left", fontsize=11)
    if figure.layout.yaxis.type == "log":
        axes.set_yscale("log")
    if _percent(figure):
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1 and figure.layout.showlegend is not False:
        axes.legend(handles, labels, fontsize=8, frameon=False, ncols=len(labels), loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    canvas.tight_layout()
    buffer = io.BytesIO()
    drawing.print_png(buffer, metadata={"Software": None})  # `savefig` would draw it twice
    return buffer.getvalue()


def _percent(figure: Figure) -> bool:
    return str(figure.layout.yaxis.tickformat or "").endswith("%")


def _draw(axes: Any, trace: Any) -> None:
    if trace.type == "scatter":
        _draw_scatter(axes, trace)
    elif trace.type == "bar":
        axes.barh(list(trace.y), list(trace.x), color=trace.marker.color)
    elif trace.type == "heatmap":
        _draw_heat_map(axes, trace)
    else:
        raise ValueError(f"no drawing for a trace of type {trace.type!r}")


def _draw_scatter(axes: Any, trace: Any) -> None:
    if trace.mode == "markers":
        axes.plot(list(trace.x), list(trace.y), "s", markersize=24, fillstyle="none", color=trace.marker.color)
        return
    x, y = list(trace.x), list(trace.y)
    axes.plot(
        x,
        y,
        DASHES.get(trace.line.dash, ":"),
        color=trace.line.color,
        linewidth=trace.line.width,
        label=trace.name,
    )
    if trace.fill == "tozeroy":
        axes.fill_between(x, y, 0, color=trace.line.color, alpha=0.25)


def _draw_shape(axes: Any, shape: Any) -> None:
    """A span between two values of x, or a line at one, over the whole height."""
    if shape.type == "rect":
        axes.axvspan(shape.x0, shape.x1, color=shape.fillcolor, alpha=shape.opacity, linewidth=0, zorder=0)
    else:
        style = DASHES.get(shape.line.dash, "-")
        axes.axvline(shape.x0, color=shape.line.color, linewidth=shape.line.width, linestyle=style)


def _draw_text(axes: Any, text: Any) -> None:
    """A text at a value of x and a part of the height."""
    across, colour = axes.get_xaxis_transform(), text.font.color
    side = "bottom" if text.yanchor == "bottom" else "top"
    axes.text(text.x, text.y, f" {text.text}", transform=across, fontsize=7, color=colour, va=side)


def _draw_heat_map(axes: Any, trace: Any) -> None:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm

    if not len(trace.y):
        return
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in trace.z], dtype=float)
    x, y = [str(value) for value in trace.x], [str(value) for value in trace.y]
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    colours = LinearSegmentedColormap.from_list("report", [(stop, colour) for stop, colour in trace.colorscale])
    axes.pcolormesh(
        range(len(x)),
        range(len(y)),
        values,
        cmap=colours,
        norm=TwoSlopeNorm(0, -largest, largest),
        edgecolors="white",
    )
    axes.set_xticks(range(len(x)), x, fontsize=8)
    axes.set_yticks(range(len(y)), y, fontsize=8)
    for row, texts in enumerate(trace.text):
        for column, text in enumerate(texts):
            axes.text(column, row, text, ha="center", va="center", fontsize=7)
