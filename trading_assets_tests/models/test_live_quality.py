"""Scores from the holdout on against what was promised: by hand, by a loop, and by markets in which nothing changes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from trading_assets.models.live_quality import (
    LEAST_SESSIONS,
    WINDOW_SESSIONS,
    loss_drift,
    losses_of_sessions,
    quality_by_window,
)
from trading_assets.models.page_sums import TOLERATED
from trading_assets_tests.backtests.frames import weekdays

DAYS = weekdays(WINDOW_SESSIONS + 2)


def scored() -> pl.DataFrame:
    """Two symbols a session, one right at 0.8 and one wrong at 0.7; another version from the second window on."""
    rows = [
        (symbol, day, "old" if place < WINDOW_SESSIONS else "new", score, label, 0.01 * (2 * label - 1), day)
        for place, day in enumerate(DAYS)
        for symbol, score, label in (("AAA", 0.8, 1), ("BBB", 0.7, 0))
    ]
    names = ["symbol", "session", "version", "score", "label", "relative_return", "label_end"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_window_has_its_metrics_beside_what_was_promised() -> None:
    """Each pair of a 1 and a 0 is in order: 1.0. Log loss (-log 0.8 - log 0.3) / 2. Folds 0.5, 0.7: 0.6 +- 0.1414."""
    promised = pl.DataFrame({"fold": [0, 1, 0], "metric": ["auc", "auc", "log_loss"], "value": [0.5, 0.7, None]})
    found = quality_by_window(scored(), promised)
    assert found.select("version", "window", "start", "end", "sessions", "rows").unique(maintain_order=True).rows() == [
        ("old", 0, DAYS[0], DAYS[WINDOW_SESSIONS - 1], WINDOW_SESSIONS, 2 * WINDOW_SESSIONS),
        ("new", 1, DAYS[-2], DAYS[-1], 2, 4),
    ]
    of_last = {
        name: rest for name, *rest in found.filter(window=1).select("metric", "value", "promised", "spread").rows()
    }
    assert of_last["auc"] == pytest.approx([1.0, 0.6, np.sqrt(0.02)])
    assert of_last["log_loss"] == [pytest.approx(-(np.log(0.8) + np.log(0.3)) / 2), None, None]
    assert quality_by_window(scored().clear(), promised).is_empty()


def test_the_loss_of_a_session_is_known_with_its_last_label() -> None:
    late = pl.when(pl.col("symbol") == "BBB", pl.col("session") == DAYS[0]).then(pl.lit(DAYS[9])).otherwise("label_end")
    found = losses_of_sessions(scored().with_columns(label_end=late))
    assert found["loss"].to_list() == pytest.approx([-(np.log(0.8) + np.log(0.3)) / 2] * len(DAYS))
    assert found["known_on"].is_sorted() and found.filter(session=DAYS[0])["known_on"].to_list() == [DAYS[9]]


def overlapping(generator: np.random.Generator, sessions: int, horizon: int) -> NDArray[np.float64]:
    """Losses that share the sessions of their labels, of deviation 1."""
    noise = generator.normal(size=sessions + horizon)
    return np.convolve(noise, np.full(horizon + 1, 1 / np.sqrt(horizon + 1)), "valid")


@pytest.mark.parametrize("horizon", [1, 5])
def test_sums_are_those_of_a_loop(horizon: int) -> None:
    generator = np.random.default_rng(horizon)
    before, since = overlapping(generator, 300, horizon), overlapping(generator, 200, horizon)
    total, expected = 0.0, []
    for loss in since:
        total = max(0.0, total + (loss - before.mean()) / before.std(ddof=1) - TOLERATED)
        expected.append(total)
    sums, threshold = loss_drift(before, since, horizon=horizon, seed=1)
    assert sums == pytest.approx(expected, abs=1e-9)
    assert threshold is not None and loss_drift(before, since, horizon=horizon, seed=1)[1] == threshold
    assert loss_drift(before, since[:50], horizon=horizon, seed=1)[0] == pytest.approx(expected[:50], abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "usual", "least"), [(1, 0.024, 0.98), (5, 0.048, 0.95), (20, 0.07, 0.7)])
def test_alarms_are_rare_and_a_change_is_found(horizon: int, usual: float, least: float) -> None:
    """300 years without a change, three standard errors beyond the share of 500; and a shift by one deviation."""
    generator, years = np.random.default_rng(7), 300
    alarms = found = 0
    for seed in range(years):
        before, since = overlapping(generator, 750, horizon), overlapping(generator, 252, horizon)
        sums, threshold = loss_drift(before, since, horizon=horizon, seed=seed)
        assert threshold is not None
        alarms += bool((sums > threshold).any())
        found += bool((loss_drift(before, since + 1.0, horizon=horizon, seed=seed)[0] > threshold).any())
    assert alarms / years <= usual + 3 * np.sqrt(usual * (1 - usual) / years)
    assert found / years >= least


def test_too_few_or_equal_losses_promise_nothing() -> None:
    since = np.ones(5)
    for before in (np.arange(LEAST_SESSIONS - 1.0), np.ones(200)):
        sums, threshold = loss_drift(before, since, horizon=5, seed=0)
        assert threshold is None and sums.tolist() == [0.0] * 5
