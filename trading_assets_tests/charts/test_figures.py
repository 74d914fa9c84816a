"""Figures hold the data of their frames; their PNG says the same without a browser."""

from __future__ import annotations

import base64
import datetime as dt
import io

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
from matplotlib.image import imread

from trading_assets import charts
from trading_assets_tests.benchmarks.watched_year_picture import watched

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(6)]
CURVE = pl.DataFrame(
    {
        "session": DAYS,
        "equity": [100.0, 110.0, 99.0, 104.5, 121.0, 120.0],
        "drawdown": [0.0, 0.0, -0.1, -0.05, 0.0, -1 / 121],
        "gross_exposure": [0.0, 0.5, 1.0, 1.0, 0.25, 0.0],
    }
)
BASELINES = pl.DataFrame(
    {
        "baseline": ["benchmark"] * 3 + ["cash"] * 3,
        "session": DAYS[:3] * 2,
        "equity": [100.0, 101.0, 102.0, 100.0, 100.0, 100.0],
    }
)
SPLITS = pl.DataFrame(
    {"split": ["train", "validation"], "start": [DAYS[0], DAYS[3]], "end": [DAYS[2], dt.date(2021, 1, 1)]}
)
MONTHLY = pl.DataFrame(
    {"year": [2020, 2020, 2021], "month": [1, 12, 3], "return": [0.012, -0.034, 0.0]},
    schema_overrides={"month": pl.Int8},
)
GRID = pl.DataFrame(
    {
        "x_value": ["2.0", "2.0", "10.0"],
        "x_position": [0, 0, 1],
        "y_value": ['"ma_20"', '"ma_50"', '"ma_20"'],
        "y_position": [0, 1, 0],
        "value": [0.51, -0.2, 1.25],
    },
)
IMPORTANCE = pl.DataFrame({"feature": ["roc_60", "adx_14"], "value": [0.7, 0.3]})
BINS = pl.DataFrame({"low": [-1.0, 0.0], "high": [0.0, 1.0], "combinations": [3, 5]})

PARTS = pl.DataFrame({"name": ["edge", "break"], "start": DAYS[::3], "end": [DAYS[2], DAYS[5]]})
MARKS = pl.DataFrame({"session": [DAYS[1], DAYS[4]], "label": ["keen", "alarm"], "is_alarm": [False, True]})
LOSSES = pl.DataFrame({"name": ["keen"] * 6, "session": DAYS, "value": [0.6, 0.6, 0.6, 0.8, 0.9, None]})

FIGURES = {
    "watched": lambda: watched(LOSSES, PARTS, MARKS, "A year", "log loss"),
    "equity": lambda: charts.equity(CURVE, BASELINES, SPLITS),
    "drawdown": lambda: charts.drawdown(CURVE),
    "exposure": lambda: charts.exposure(CURVE),
    "monthly_returns": lambda: charts.monthly_returns(MONTHLY),
    "parameter_heat_map": lambda: charts.parameter_heat_map(GRID, "stop_atr", "exit", "mean Sharpe", (10.0, "ma_20")),
    "bars": lambda: charts.bars(IMPORTANCE, "feature", "value", "Importance"),
    "histogram": lambda: charts.histogram(BINS, "combinations", "Logits"),
}
EMPTY = {
    "watched": lambda: watched(LOSSES.clear(), PARTS.clear(), MARKS.clear(), "A year", "log loss"),
    "equity": lambda: charts.equity(CURVE.clear(), BASELINES.clear(), SPLITS.clear()),
    "drawdown": lambda: charts.drawdown(CURVE.clear()),
    "exposure": lambda: charts.exposure(CURVE.clear()),
    "monthly_returns": lambda: charts.monthly_returns(MONTHLY.clear()),
    "parameter_heat_map": lambda: charts.parameter_heat_map(GRID.clear(), "stop_atr", "exit", "mean Sharpe", None),
    "bars": lambda: charts.bars(IMPORTANCE.clear(), "feature", "value", "Importance"),
    "histogram": lambda: charts.histogram(BINS.clear(), "combinations", "Logits"),
}


def test_equity_with_a_band_of_what_chance_could_have_made() -> None:
    bands = pl.DataFrame({"session": DAYS[:2], "low": [90.0, 91.0], "high": [110.0, 111.0]})
    low, high, *rest = charts.equity(CURVE, BASELINES, SPLITS, bands).data
    assert (list(low.y), list(high.y), high.fill) == ([90.0, 91.0], [110.0, 111.0], "tonexty")
    assert [trace.name for trace in rest] == ["benchmark", "cash", "strategy"]


def test_what_happened_is_a_line_where_it_did() -> None:
    figure = FIGURES["watched"]()
    lines = [(shape.x0, shape.line.dash) for shape in figure.layout.shapes if shape.type == "line"]
    assert lines == [(DAYS[1], "solid"), (DAYS[4], "dot")]
    assert [text.text for text in figure.layout.annotations] == ["edge", "break", "keen", "alarm"]
    image = decoded(figure)
    reddish = (image[..., 0] - image[..., 2] > 0.4).sum(axis=0)
    assert (reddish > image.shape[0] / 4).any(), "the picture has the upright line of the alarm"


def test_histogram_shows_bins_below_zero_as_losses() -> None:
    [trace] = FIGURES["histogram"]().data
    assert (list(trace.x), list(trace.y), list(trace.width)) == ([-0.5, 0.5], [3, 5], [1.0, 1.0])
    assert trace.marker.color[0] != trace.marker.color[1]


def test_equity_has_the_strategy_and_what_one_could_have_held() -> None:
    traces = {trace.name: (list(trace.x), list(trace.y)) for trace in FIGURES["equity"]().data}
    assert traces == {
        "benchmark": (DAYS[:3], [100.0, 101.0, 102.0]),
        "cash": (DAYS[:3], [100.0, 100.0, 100.0]),
        "strategy": (DAYS, CURVE["equity"].to_list()),
    }


def test_splits_are_shaded_within_the_curve() -> None:
    shades = [
        (shape.x0, shape.x1, note.text)
        for shape, note in zip(FIGURES["equity"]().layout.shapes, FIGURES["equity"]().layout.annotations, strict=True)
    ]
    assert shades == [(DAYS[0], DAYS[2], "train"), (DAYS[3], DAYS[-1], "validation")]


@pytest.mark.parametrize(("chart", "column"), [("drawdown", "drawdown"), ("exposure", "gross_exposure")])
def test_lines_hold_their_column_as_fractions(chart: str, column: str) -> None:
    [trace] = FIGURES[chart]().data
    assert list(trace.x) == DAYS
    assert list(trace.y) == CURVE[column].to_list()
    assert FIGURES[chart]().layout.yaxis.tickformat == ".0%"


def test_monthly_returns_are_in_their_cells_and_other_months_are_blank() -> None:
    [trace] = FIGURES["monthly_returns"]().data
    cells = {
        (year, month): (trace.z[row][column], trace.text[row][column])
        for row, year in enumerate(trace.y)
        for column, month in enumerate(trace.x)
        if trace.z[row][column] is not None
    }
    assert cells == {
        ("2020", "Jan"): (0.012, "+1.2%"),
        ("2020", "Dec"): (-0.034, "-3.4%"),
        ("2021", "Mar"): (0.0, "+0.0%"),
    }
    assert sum(text == "" for row in trace.text for text in row) == 21


def test_newest_year_is_at_the_top() -> None:
    figure = FIGURES["monthly_returns"]()
    assert list(figure.data[0].y) == ["2021", "2020"]
    assert figure.layout.yaxis.autorange == "reversed"  # the first row is drawn at the top


def test_heat_map_has_each_pair_and_marks_the_chosen_one() -> None:
    cells, chosen = FIGURES["parameter_heat_map"]().data
    assert list(cells.x) == ["2.0", "10.0"]
    assert list(cells.y) == ["ma_20", "ma_50"]
    assert [list(row) for row in cells.z] == [[0.51, 1.25], [-0.2, None]]
    assert (list(chosen.x), list(chosen.y)) == (["10.0"], ["ma_20"])


def test_bars_are_in_the_order_of_the_frame_from_the_top() -> None:
    [trace] = FIGURES["bars"]().data
    assert list(zip(trace.y, trace.x, strict=True)) == [("adx_14", 0.3), ("roc_60", 0.7)]  # plotly draws upwards


def decoded(figure: go.Figure) -> np.ndarray:
    return imread(io.BytesIO(charts.png(figure)), format="png")


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_draw_is_an_empty_chart(name: str) -> None:
    assert decoded(EMPTY[name]()).shape[1] == 800
    assert EMPTY[name]().to_html(include_plotlyjs=False)


def test_markdown_holds_the_image() -> None:
    text = charts.markdown(FIGURES["drawdown"]())
    assert text.startswith("![Drawdown](data:image/png;base64,")
    assert base64.b64decode(text.split(",", 1)[1].rstrip(")")) == charts.png(FIGURES["drawdown"]())


def test_long_curves_are_thinned_and_keep_their_last_session_and_their_trough() -> None:
    """2,500 sessions: every third one of the equity; of the drawdown the deepest of three."""
    days = [DAYS[0] + dt.timedelta(days=day) for day in range(2_500)]
    fall = [-0.4 if day == 1_234 else -0.001 * (day % 100) for day in range(2_500)]
    curve = pl.DataFrame({"session": days, "equity": [100.0 + day for day in range(2_500)], "drawdown": fall})
    baselines = curve.select("session", "equity", baseline=pl.lit("cash"))
    traces = charts.equity(curve, baselines, SPLITS.clear()).data
    assert [list(trace.x) for trace in traces] == [days[::-1][::3][::-1]] * 2
    assert list(traces[-1].y) == [100.0 + (day - DAYS[0]).days for day in traces[-1].x]
    [trace] = charts.drawdown(curve).data
    assert len(trace.x) == 834
    assert dict(zip(trace.x, trace.y, strict=True))[days[1_234]] == -0.4
    assert all(fall[(day - DAYS[0]).days] == depth for day, depth in zip(trace.x, trace.y, strict=True))
