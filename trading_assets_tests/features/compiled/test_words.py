"""The words of the house mean what those of Polars mean, which a user's own features are written in."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.features import feature
from trading_assets.features.compiled import words
from trading_assets.features.compiled.expression import Expression
from trading_assets.features.compiled.symbols import over_bars

COLUMNS = {"OPEN": "open", "HIGH": "high", "LOW": "low", "CLOSE": "close", "DOLLARS": "dollar_volume"}
WORDS: dict[str, tuple[Expression, pl.Expr]] = {
    **{name: (getattr(words, name), getattr(feature, name)) for name in COLUMNS},
    "RETURN": (words.RETURN, (feature.CLOSE / feature.CLOSE.shift(1)).log()),
    "change": (feature.change(words.CLOSE, 3), feature.change(feature.CLOSE, 3)),
    "share": (words.share(words.CLOSE, 4), feature.share(feature.CLOSE, 4)),
    "correlation": (
        words.correlation(words.CLOSE, words.OPEN, 5),
        feature.correlation(feature.CLOSE, feature.OPEN, 5),
    ),
}


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    draw = np.random.default_rng(1)
    close = np.exp(np.cumsum(draw.normal(0, 0.02, 80)))
    close[30:40] = close[30]
    dollars = np.where(draw.random(80) < 0.4, 0.0, 1e6)
    dollars[50:58] = 0.0
    rows = {"open": close * 1.001, "high": close * 1.01, "low": close * 0.99, "close": close, "dollar_volume": dollars}
    return pl.DataFrame({"symbol": "A", **rows})


@pytest.mark.parametrize("word", WORDS)
def test_a_word_has_the_values_of_polars(word: str, bars: pl.DataFrame) -> None:
    compiled, by_polars = WORDS[word]
    expected = bars.select(by_polars.fill_nan(None).alias("x"))["x"].fill_null(np.nan).to_numpy()
    np.testing.assert_array_equal(over_bars(bars, {"x": compiled})["x"], expected)


@pytest.mark.parametrize("window", [4, 9])
def test_movement_and_variation_are_seen_where_polars_sees_them(window: int, bars: pl.DataFrame) -> None:
    pairs = {
        "moved": (words.moved(window), feature.moved(window)),
        "varies": (feature.varies(words.RETURN, window), feature.varies(WORDS["RETURN"][1], window)),
    }
    for name, (compiled, by_polars) in pairs.items():
        expected = bars.select(by_polars.cast(pl.Float64).alias("x"))["x"].fill_null(np.nan).to_numpy()
        np.testing.assert_array_equal(over_bars(bars, {"x": compiled})["x"], expected, err_msg=name)
