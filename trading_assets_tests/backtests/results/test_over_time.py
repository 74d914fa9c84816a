"""How a curve fared over time, beside a loop over its sessions and the metrics of a whole curve."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.backtests.results.metrics import summarise
from trading_assets.backtests.results.over_time import falls, rolling_year, yearly
from trading_assets.backtests.results.settled_curve import settled

START = dt.date(2019, 12, 30)


def curve(returns: list[float]) -> pl.DataFrame:
    """A run that starts with 100; no bar was refuted, and cash earns 0.01 % a session."""
    equity = 100.0 * np.cumprod(1 + np.array(returns))
    peak = np.maximum.accumulate(np.concatenate([[100.0], equity]))[1:]
    return pl.DataFrame(
        {
            "session": [START + dt.timedelta(days=day) for day in range(len(returns))],
            "equity": equity,
            "settled_equity": equity,
            "gross_exposure": 1.0,
            "daily_return": returns,
            "drawdown": equity / peak - 1,
            "risk_free": 1e-4,
            "interest": 0.0,
        }
    )


def falls_by_hand(equity: list[float]) -> list[tuple[int, int, int | None, int]]:
    """First place below the peak, that of the lowest, that of recovery, places below."""
    found: list[tuple[int, int, int | None, int]] = []
    peak, since = 100.0, None
    for place, value in enumerate(equity):
        if value >= peak:
            if since is not None:
                span = equity[since:place]
                found.append((since, since + span.index(min(span)), place, place - since))
            peak, since = value, None
        elif since is None:
            since = place
    if since is not None:
        span = equity[since:]
        found.append((since, since + span.index(min(span)), None, len(span)))
    return found


@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 1.0]), min_size=1, max_size=40))
def test_falls_are_those_that_a_loop_finds(returns: list[float]) -> None:
    rows = curve(returns)
    found = falls(rows)
    place = {session: number for number, session in enumerate(rows["session"])}
    spells = [
        (place[row["since"]], place[row["lowest"]], place.get(row["recovered"]), row["sessions"])
        for row in found.sort("since").iter_rows(named=True)
    ]
    assert spells == falls_by_hand(rows["equity"].to_list())
    assert found["depth"].to_list() == sorted(found["depth"].to_list())
    assert (found["depth"].min() or 0.0) == min(0.0, rows["drawdown"].min())  # type: ignore[type-var]


def test_the_fall_from_the_capital_at_the_start_counts() -> None:
    [row] = falls(curve([-0.1, 0.05, 0.2])).iter_rows(named=True)
    assert (row["since"], row["recovered"]) == (START, START + dt.timedelta(days=2))
    assert (row["depth"], row["sessions"], row["falling"]) == (pytest.approx(-0.1), 2, 1)


def test_a_rolling_year_is_the_metric_of_its_sessions() -> None:
    returns = np.random.default_rng(3).normal(0.001, 0.01, 45).tolist()
    rows = curve(returns)
    found = rolling_year(rows, 20)
    assert found["session"].to_list() == rows["session"].to_list()[19:]
    measured = settled(rows)
    for place in (0, 7, 25):
        own = summarise(measured[place : place + 20], pl.DataFrame(schema=TRADES), periods_per_year=20)
        assert found.row(place)[1:] == pytest.approx((own["sharpe"], own["volatility"]), rel=1e-12)


_NUMBERS = "pnl r_multiple hold_sessions quantity entry_price exit_price entry_fee exit_fee slippage_cost borrow_cost"
TRADES = {
    **dict.fromkeys(("exit_session", "entry_session"), pl.Date),
    "symbol": pl.String,
    **dict.fromkeys(_NUMBERS.split(), pl.Float64),
}


def test_there_is_no_rolling_year_of_a_shorter_run_and_nothing_varies_is_zero() -> None:
    assert rolling_year(curve([0.01] * 19), 20).is_empty()
    flat = rolling_year(curve([0.0] * 20), 20)
    assert flat.select("sharpe", "volatility").rows() == [(0.0, 0.0)]


def test_years_are_compounded() -> None:
    found = yearly(curve([0.1, 0.1, -0.5, 1.0]))  # two sessions of 2019, two of 2020
    assert found["year"].to_list() == [2019, 2020]
    assert found["return"].to_list() == pytest.approx([0.21, 0.0])
    assert found["sessions"].to_list() == [2, 2]
