"""What a page's script is told: the figures' own numbers to six digits, and once what they share."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config import Configuration
from trading_assets.reports import build_reports, build_single_files
from trading_assets.reports.strategy_page.drawing import Drawing, shared_script
from trading_assets.warehouse import Warehouse
from trading_assets_tests.reports.pages import NAME, equity, fill

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(40)]


def told(drawing: Drawing) -> dict[str, Any]:
    """What the script says is on the page."""
    written = drawing.script().removeprefix("const page = ").split(";\n", 1)[0]
    page: dict[str, Any] = json.loads(written)
    return page


def lines(*values: list[float], title: str = "") -> go.Figure:
    figure = go.Figure(layout={"template": "plotly_white", "height": 260, "title": {"text": title}})
    for each in values:
        figure.add_scatter(x=DAYS, y=each)
    return figure


def test_curves_of_the_same_sessions_share_them() -> None:
    drawing = Drawing()
    chart = drawing.add(lines([1.0] * 40, [2.0] * 40), "one")
    drawing.add(lines([3.0] * 40), "two")
    page = told(drawing)
    assert (chart.identifier, chart.height) == ("one", 260)
    assert page["axes"] == [{"first": "2020-01-01", "steps": [1] * 39}]
    assert [trace["x"] for chart in page["charts"].values() for trace in chart["data"]] == [0, 0, 0]
    assert [trace["y"][0] for chart in page["charts"].values() for trace in chart["data"]] == [1, 2, 3]
    assert page["template"]["layout"]["paper_bgcolor"] == "white"
    assert all("template" not in chart["layout"] for chart in page["charts"].values())


@settings(max_examples=50)
@given(st.lists(st.floats(-1e12, 1e12), min_size=40, max_size=40))
def test_numbers_are_the_figures_to_six_digits(values: list[float]) -> None:
    drawing = Drawing()
    drawing.add(lines(values), "one")
    [trace] = told(drawing)["charts"]["one"]["data"]
    assert trace["y"] == pytest.approx(values, rel=0.5e-5, abs=0)


def test_no_text_ends_the_script() -> None:
    drawing = Drawing()
    drawing.add(lines([1.0] * 40, title="</script><script>alert(1)</script>"), "one")
    assert "</script" not in drawing.script()
    assert told(drawing)["charts"]["one"]["layout"]["title"]["text"] == "</script><script>alert(1)</script>"


def test_pages_share_one_file_and_a_single_file_needs_none(configuration: Configuration, warehouse: Warehouse) -> None:
    fill(warehouse, equity=equity())
    name, script = shared_script()
    folder = configuration.home / "reports"
    [_, path] = build_reports(configuration, warehouse, [NAME])
    assert (folder / name).read_text(encoding="utf-8") == script
    assert f'<script src="{name}"></script>' in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 100_000 < len(script)
    [single] = build_single_files(configuration, warehouse, [NAME])
    assert single == path
    text = single.read_text(encoding="utf-8")
    assert script in text and "src=" not in text.replace(script, "")


@pytest.mark.parametrize("names", [["20200101"] * 20, ["A"] * 20, [*(["2020-01-01"] * 19), "B"], [None] * 20])
def test_names_that_look_like_days_stay_as_they_are(names: list[Any]) -> None:
    drawing = Drawing()
    drawing.add(go.Figure(go.Bar(x=names, y=[1.0] * 20)), "one")
    assert told(drawing)["axes"] == [names]


def test_a_chart_says_what_it_shows() -> None:
    figure = lines([1.0], [2.0], title="Equity")
    figure.data[0].name, figure.data[1].name = "benchmark", "strategy"
    assert Drawing().add(figure, "one").label.startswith("Equity")
    assert Drawing().add(figure, "one").label.endswith(": benchmark, strategy")
