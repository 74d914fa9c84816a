from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.config.models import Barriers
from trading_assets.features.indicators import indicators
from trading_assets.models.samples import build_samples
from trading_assets.models.triple_barrier import triple_barrier_labels
from trading_assets_tests.models.panels import bars, features, weekdays


def with_ranges(symbols: int = 4, sessions: int = 90, missing: float = 0.1, seed: int = 3) -> pl.DataFrame:
    """Bars with gaps at the open and wide ranges, so that barriers are touched in every way."""
    panel = bars(symbols, sessions, seed, missing)
    rng = np.random.default_rng(seed)
    close = panel["adj_open"].to_numpy() * np.exp(0.01 * rng.standard_normal(panel.height))
    reach = np.exp(np.abs(0.02 * rng.standard_normal((2, panel.height))))
    high = np.maximum(panel["adj_open"].to_numpy(), close) * reach[0]
    low = np.minimum(panel["adj_open"].to_numpy(), close) / reach[1]
    return panel.with_columns(
        adj_close=pl.Series(close),
        adj_high=pl.Series(high),
        adj_low=pl.Series(low),
        flags=pl.lit([], dtype=pl.List(pl.String)),
    )


def twin(panel: pl.DataFrame, horizon: int, barriers: Barriers) -> list[dict[str, Any]]:
    """One bar after the other, as a person would: of each decision, and of each session after it."""
    if barriers.unit == "atr":
        frame = indicators(panel, {"atr_14"})
        unit = {row[:2]: row[2] for row in frame.select("symbol", "session", "atr_14").iter_rows()}
    found = []
    for (symbol,), own in panel.sort("symbol", "session").group_by("symbol", maintain_order=True):
        rows = own.to_dicts()
        for t, row in enumerate(rows):
            made: dict[str, Any] = {"label_end": None, "relative_return": None, "label": None, "span": 1}
            found.append(made)
            if barriers.unit == "atr":
                size = unit[symbol, row["session"]]
            else:
                closes = [each["adj_close"] for each in rows[max(t - 20, 0) : t + 1]]
                moves = [after / before - 1 for before, after in itertools.pairwise(closes)]
                size = float(np.std(moves, ddof=1)) * closes[-1] * horizon**0.5 if len(moves) == 20 else None
            if size is None or t + 1 >= len(rows):
                continue
            entry = rows[t + 1]["adj_open"]
            above, below = entry + barriers.upper * size, entry - barriers.lower * size
            outcome = None
            for step in range(1, horizon + 1):
                if t + step >= len(rows):
                    break
                bar = rows[t + step]
                if bar["adj_open"] >= above or bar["adj_open"] <= below:
                    outcome = (step, bar["adj_open"])
                elif bar["adj_low"] <= below:
                    outcome = (step, below)
                elif bar["adj_high"] >= above:
                    outcome = (step, above)
                if outcome:
                    break
            if outcome is None and t + horizon + 1 < len(rows):
                outcome = (horizon + 1, rows[t + horizon + 1]["adj_open"])
            if outcome and t + horizon + 1 < len(rows):
                step, price = outcome
                earned = price / entry - 1
                made |= {"label_end": rows[t + horizon + 1]["session"], "relative_return": earned, "span": step}
                made["label"] = int(earned > 0)
    return found


@pytest.mark.parametrize("unit", ["atr", "volatility"])
@pytest.mark.parametrize(("horizon", "upper", "lower"), [(1, 0.5, 0.5), (5, 1.0, 1.0), (5, 2.0, 0.7), (12, 0.6, 3.0)])
def test_labels_against_a_loop(unit: Any, horizon: int, upper: float, lower: float) -> None:
    panel, barriers = with_ranges(), Barriers(upper=upper, lower=lower, unit=unit)
    labels = triple_barrier_labels(panel, horizon, barriers)
    expected = twin(panel, horizon, barriers)
    for row, other in zip(labels.iter_rows(named=True), expected, strict=True):
        assert (row["label_end"], row["label"], row["span"]) == (other["label_end"], other["label"], other["span"])
        known = other["relative_return"]
        assert row["relative_return"] == (None if known is None else pytest.approx(known, abs=1e-12))
    assert labels["label"].count() > 150
    assert set(labels["label"].drop_nulls()) == {0, 1}
    assert labels["position"].to_list() == list(range(panel.height))


@pytest.mark.parametrize("unit", ["atr", "volatility"])
def test_labels_of_shorts_against_a_loop_over_the_mirrored_market(unit: Any) -> None:
    """What is sold at 100 and earns 5 % at 95 is what is bought at 100 and earns 5 % at 105: prices p become 200 - p.

    The mirror turns each price about the entry of its decision, so it is another one for each: a loop of its own.
    """
    panel, barriers, horizon = with_ranges(), Barriers(upper=1.0, lower=0.7, unit=unit), 5
    labels = triple_barrier_labels(panel, horizon, barriers, -1)
    units = units_of(panel, horizon, unit)
    counted = 0
    for (symbol,), own in panel.sort("symbol", "session").group_by("symbol", maintain_order=True):
        rows, found = own.to_dicts(), labels.filter(symbol=symbol).to_dicts()
        for t, row in enumerate(found):
            size = units.get((symbol, row["session"]))
            if size is None or t + horizon + 1 >= len(rows):
                assert row["label"] is None
                continue
            entry, outcome = rows[t + 1]["adj_open"], None
            for step in range(1, horizon + 1):
                bar = rows[t + step]
                opened, worst, best = (2 * entry - bar[name] for name in ("adj_open", "adj_high", "adj_low"))
                above, below = entry + barriers.upper * size, entry - barriers.lower * size
                touched = opened if opened >= above or opened <= below else below if worst <= below else None
                touched = above if touched is None and best >= above else touched
                if touched is not None:
                    outcome = (step, touched)
                    break
            step, price = outcome or (horizon + 1, 2 * entry - rows[t + horizon + 1]["adj_open"])
            assert row["relative_return"] == pytest.approx(price / entry - 1, abs=1e-12)
            assert (row["label"], row["span"]) == (int(price > entry), step)
            assert row["label_end"] == rows[t + horizon + 1]["session"]
            counted += 1
    assert counted > 150 and set(labels["label"].drop_nulls()) == {0, 1}


def units_of(panel: pl.DataFrame, horizon: int, unit: str) -> dict[tuple[Any, ...], float | None]:
    """Unit of the barriers by symbol and session, as `twin` has it."""
    if unit == "atr":
        rows = indicators(panel, {"atr_14"}).select("symbol", "session", "atr_14")
    else:
        move = pl.col("adj_close") / pl.col("adj_close").shift(1) - 1
        size = move.rolling_std(20).over("symbol") * pl.col("adj_close") * horizon**0.5
        rows = panel.sort("symbol", "session").select("symbol", "session", size)
    return {row[:2]: row[2] for row in rows.iter_rows()}


def test_a_bar_that_reaches_both_barriers_has_touched_the_lower_one() -> None:
    """Entry at 100 after a range of 2 a bar: barriers at 102 and 98, and the bar goes from 97 to 103."""
    flat = {"adj_open": [100.0] * 22, "adj_high": [101.0] * 22, "adj_low": [99.0] * 22, "adj_close": [100.0] * 22}
    flat["adj_high"][16], flat["adj_low"][16] = 103.0, 97.0
    panel = pl.DataFrame({"symbol": ["A"] * 22, "session": weekdays(22), **flat}).with_columns(
        flags=pl.lit([], dtype=pl.List(pl.String))
    )
    row = triple_barrier_labels(panel, 5, Barriers(upper=1, lower=1)).row(15, named=True)
    assert (row["label"], row["label_end"], row["span"]) == (0, weekdays(22)[21], 1)
    assert row["relative_return"] == pytest.approx(-0.02)


@pytest.mark.parametrize("last", [40, 60, 75])
def test_a_label_that_is_over_changes_with_nothing_that_comes(last: int) -> None:
    panel = with_ranges()
    until = panel["session"].unique().sort()[last]

    def over(frame: pl.DataFrame) -> pl.DataFrame:
        made = triple_barrier_labels(frame, 5, Barriers())
        return made.filter(pl.col("label_end") <= until).drop("position")

    assert over(panel.filter(pl.col("session") <= until)).equals(over(panel))


def test_labels_that_are_known_by_a_day_are_like_all_labels() -> None:
    """Barriers far above and near below: fast labels are losses. Of the last sessions before a day as many are known
    as of any other, however fast they were."""
    panel, horizon = with_ranges(symbols=20, sessions=240, missing=0.0), 30
    made = triple_barrier_labels(panel, horizon, Barriers(upper=4, lower=1)).drop_nulls("label")
    days = panel["session"].unique().sort()
    until = days[200]
    known = made.filter(pl.col("label_end") <= until)
    assert known["session"].max() == days[200 - horizon - 1]
    assert set(known.group_by("session").len()["len"]) == {20}
    fast = made.filter(pl.col("span") <= 3)
    assert fast.height > 100
    shares = [float(each["label"].to_numpy().mean()) for each in (known, fast)]
    assert abs(shares[0] - shares[1]) > 0.1  # they would be others


def test_weights_are_of_the_sessions_that_a_label_lives() -> None:
    """No two labels of different symbols share a session; those of one do, for as long as each lives."""
    panel = with_ranges(symbols=1, missing=0.0)
    made = build_samples(panel, None, features(panel, 5, 1.0), 5, "triple_barrier", Barriers(upper=1, lower=1))
    rows = np.flatnonzero(~np.isnan(made.label))
    assert isinstance(made.span, np.ndarray)
    spans = made.span[rows]
    assert len(set(spans.tolist())) > 2
    lives = [set(range(first, first + span)) for first, span in zip(made.first[rows], spans, strict=True)]
    expected = [np.mean([1 / sum(day in other for other in lives) for day in life]) for life in lives]
    assert made.uniqueness(rows) == pytest.approx(expected, rel=1e-6)
    assert made.target is None


def test_samples_whose_labels_live_longer_are_others() -> None:
    """They are weighed otherwise, and make another model of the same rows."""
    panel = with_ranges()
    known = build_samples(panel, None, features(panel, 5, 1.0), 5, "triple_barrier", Barriers())
    assert not isinstance(known.span, int)
    longer = replace(known, span=known.span + (known.label_end == known.label_end.min()))
    last = panel["session"].max()
    assert isinstance(last, dt.date)
    assert known.digest(last) != longer.digest(last) == longer.digest(last)
    assert known.digest(last) == replace(known, span=known.span.copy()).digest(last)


def test_a_number_beyond_single_precision_is_no_value() -> None:
    panel = with_ranges()
    values = features(panel, 5, 1.0)
    large = pl.when(pl.col("symbol") == values["symbol"][0]).then(-1e39).otherwise("signal").alias("signal")
    matrix = build_samples(panel, None, values.with_columns(large), 5).features
    assert np.isnan(matrix).any() and not np.isinf(matrix).any()


def test_nothing_is_labelled_of_nothing() -> None:
    empty = with_ranges().clear()
    assert triple_barrier_labels(empty, 5, Barriers()).height == 0
