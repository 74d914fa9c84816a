"""Correlation, also in drawdowns, common holdings, and the risk of all in equal shares."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.analytics.overlap import BOOK, overlaps
from trading_assets.analytics.tables import OVERLAP

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=k) for k in range(400)]


def curve(returns: np.ndarray) -> pl.DataFrame:
    level = np.cumprod(1 + returns)
    deep = level / np.maximum.accumulate(np.maximum(level, 1.0)) - 1
    return pl.DataFrame({"session": DAYS[: returns.size], "daily_return": returns, "drawdown": deep})


def held(*rows: tuple[str, int]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "session": pl.Date}
    return pl.DataFrame([(symbol, DAYS[day]) for symbol, day in rows], schema, orient="row")


def values(rows: pl.DataFrame) -> dict[tuple[str, str, str], float | None]:
    return {(one, other, measure): value for one, other, measure, value, _ in rows.iter_rows()}


def test_correlations_are_numpy_s_also_in_drawdowns() -> None:
    random = np.random.default_rng(3)
    one = random.normal(-0.0005, 0.02, 400)
    other = np.concatenate([one[:200] + random.normal(0, 0.01, 200), random.normal(0, 0.02, 200)])
    curves = {"one": curve(one), "other": curve(other)}
    rows = overlaps(curves, {"one": held(), "other": held()})
    OVERLAP.validate(rows)
    found = values(rows)
    assert found["one", "other", "correlation"] == pytest.approx(np.corrcoef(one, other)[0, 1])
    deep = (curves["one"]["drawdown"] < -0.05).to_numpy()
    assert 60 < deep.sum() < 400
    assert found["one", "other", "correlation_in_drawdowns"] == pytest.approx(np.corrcoef(one[deep], other[deep])[0, 1])
    book = (one + other) / 2
    assert found["one", BOOK, "volatility"] + found["other", BOOK, "volatility"] == pytest.approx(book.std(ddof=1))  # type: ignore[operator]
    worst = np.sort(book)[:20]
    assert found["one", BOOK, "shortfall"] + found["other", BOOK, "shortfall"] == pytest.approx(-worst.mean())  # type: ignore[operator]


def test_common_holdings_are_what_both_held_over_what_either_held() -> None:
    """A on days 0 and 1, B on day 1; against A on day 1 and C on day 2: one of four is common."""
    flat = curve(np.zeros(3))
    rows = overlaps({"a": flat, "b": flat}, {"a": held(("A", 0), ("A", 1), ("B", 1)), "b": held(("A", 1), ("C", 2))})
    assert values(rows)["a", "b", "common_holdings"] == 0.25
    assert values(rows)["a", "b", "correlation"] is None


def test_one_strategy_overlaps_with_nothing() -> None:
    assert overlaps({"a": curve(np.zeros(3))}, {"a": held()}).is_empty()


def test_what_one_made_on_a_weekend_is_part_of_its_monday() -> None:
    """One trades every day, the other on each second day: with returns over two days they are the same."""
    random = np.random.default_rng(5)
    daily = random.normal(0, 0.02, 400)
    both = np.cumprod(1 + daily)[1::2]
    slow = np.concatenate([both[:1] - 1, both[1:] / both[:-1] - 1])
    rest = curve(slow).with_columns(session=pl.Series(DAYS[1::2]))
    rows = overlaps({"fast": curve(daily), "slow": rest}, {"fast": held(), "slow": held()})
    assert values(rows)["fast", "slow", "correlation"] == pytest.approx(1.0)
