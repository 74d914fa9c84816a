"""Pictures of figures, made without a browser."""

from __future__ import annotations

import sys

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest

from trading_assets import charts
from trading_assets_tests.charts.test_figures import FIGURES, decoded


@pytest.mark.parametrize("name", FIGURES)
def test_png_is_an_image_of_the_figures_size_and_the_same_bytes_again(name: str) -> None:
    image = decoded(FIGURES[name]())
    assert image.shape == (FIGURES[name]().layout.height, 800, 4)
    assert len(np.unique(image.reshape(-1, 4), axis=0)) > 10
    assert charts.png(FIGURES[name]()) == charts.png(FIGURES[name]())


def test_png_draws_years_in_the_order_of_the_page() -> None:
    """2021 holds the only gain: its blue must be above the loss of 2020 in the image, as in the figure."""
    monthly = pl.DataFrame({"year": [2020, 2021], "month": [6, 6], "return": [-0.1, 0.1]})
    image = decoded(charts.monthly_returns(monthly))
    red, blue = image[..., 0], image[..., 2]
    gain_rows = np.nonzero((blue - red > 0.5).sum(axis=1) > 20)[0]
    loss_rows = np.nonzero((red - blue > 0.5).sum(axis=1) > 20)[0]
    assert gain_rows.mean() < loss_rows.mean()


def test_without_matplotlib_the_ui_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    said = charts.markdown(go.Figure(layout={"title": "Equity"}))
    assert said.startswith("Equity: the picture needs Matplotlib")
    assert "pip install 'trading-assets[charts]'" in said
    with pytest.raises(ModuleNotFoundError, match="matplotlib"):
        charts.png(go.Figure())


def test_another_module_that_is_missing_is_no_matter_of_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    figure = go.Figure(layout={"title": "Equity"})
    with pytest.raises(ModuleNotFoundError, match="PIL"):
        charts.markdown(figure)


def test_a_trace_that_has_no_drawing_is_an_error() -> None:
    with pytest.raises(ValueError, match="type 'pie'"):
        charts.png(go.Figure(go.Pie(values=[1, 2])))
