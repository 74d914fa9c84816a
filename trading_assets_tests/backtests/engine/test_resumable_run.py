"""A run that stops at a close and goes on from what was saved has the bytes of a run in one go."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from trading_assets.backtests.engine.arrays import Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import ACCOUNT, DECISION, FILL, ORDER, POSITION, SPREAD, TRADE
from trading_assets.backtests.engine.resumable_run import Run, SavedRun
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets_tests.backtests.engine.test_simulate import crowded
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases, target_cases

FEW = profile(max_examples=60, suppress_health_check=list(HealthCheck))


@FEW
@given(case=cases(), cut=st.floats(0, 1))
def test_orders_go_on_where_they_stopped(case: Case, cut: float) -> None:
    """Stops, splits, dividends, holes, delistings, breaker, daily loss limit, crashes: whatever a market brings."""
    _assert_same_in_two_parts(case, cut)


@FEW
@given(case=target_cases(), cut=st.floats(0, 1))
def test_target_weights_go_on_where_they_stopped(case: Case, cut: float) -> None:
    """As above with pairs, flips, short legs, borrowing and liquidation in slices."""
    _assert_same_in_two_parts(case, cut)


def test_a_crowded_portfolio_goes_on_at_every_close() -> None:
    """Stopped, saved and restored at each close: scaling, correlation limit and value at risk are at work."""
    case = crowded()
    whole = simulate(case.market, case.signals, case.run_parameters, case.settings)
    saved = None
    for last in range(_first(case), _last(case) + 1):
        going = _run(case, saved)
        going.advance(last)
        saved = going.save()
    assert_same(_run(case, saved).simulation(), whole)
    assert whole.trades.size > 20


def test_what_a_session_leaves_on_record_is_there_once() -> None:
    """An entry ordered at the first close, saved, filled at the next open: one decision, one fill of its order."""
    market = quiet_market([100.0, 101.0, 102.0])
    run_parameters = run_parameters_of(market)
    going = Run(market, entries(market, (0, 0)), run_parameters, settings())
    going.advance(0)
    saved = going.save()
    assert (saved.queue.size, saved.fills.size, saved.equity.size) == (1, 0, 1)
    again = Run(market, entries(market, (0, 0)), run_parameters, settings(), saved)
    again.advance(2)
    found = again.simulation()
    assert found.decisions.size == found.fills.size == 1
    assert found.fills["decision"].tolist() == [0]
    assert found.equity.size == 3


def test_a_run_of_another_span_is_refused() -> None:
    market = quiet_market([100.0, 101.0, 102.0, 103.0])
    signals = entries(market, (0, 0))
    going = Run(market, signals, run_parameters_of(market), settings())
    going.advance(1)
    with pytest.raises(ValueError, match="ends elsewhere"):
        Run(market, signals, run_parameters_of(market, first_session=1), settings(), going.save())


@pytest.mark.parametrize("layout", [ACCOUNT, POSITION, ORDER, SPREAD, TRADE, FILL, DECISION])
def test_records_have_no_bytes_that_nothing_fills(layout: np.dtype) -> None:
    """What is saved is hashed by its bytes: a gap would hold anything."""
    assert layout.itemsize == sum(layout[name].itemsize for name in layout.names or ())


def assert_same(found: Simulation, expected: Simulation) -> None:
    """Compare every byte of two runs."""
    for item in fields(Simulation):
        ours, theirs = getattr(found, item.name), getattr(expected, item.name)
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes(), item.name


def _assert_same_in_two_parts(case: Case, cut: float) -> None:
    """The second part knows the market up to the cut from what was saved alone, and the first none of what follows."""
    first, last = _first(case), _last(case)
    stop = first + round(cut * (last - first))
    whole = simulate(case.market, case.signals, case.run_parameters, case.settings)
    begun = Run(_until(case.market, stop), _signals_until(case, stop), _span(case, stop), case.settings)
    begun.advance(stop)
    going = _run(case, begun.save())
    for array in going._state:  # what nothing restored, nothing may read
        if not any(array is kept for kept in _kept(going)):
            array[:] = np.array(np.nan if array.dtype.kind == "f" else 77).astype(array.dtype)
    going.advance(last)
    assert_same(going.simulation(), whole)


def _kept(run: Run) -> list[np.ndarray]:
    names = ("account", "positions", "orders", "busy", "ordered", "spread", "held", "queue", "returns")
    return [getattr(run._state, name) for name in (*names, "volatilities", "sorted_volatilities")]


def _run(case: Case, saved: SavedRun | None) -> Run:
    return Run(case.market, case.signals, case.run_parameters, case.settings, saved)


def _first(case: Case) -> int:
    return int(case.run_parameters["first_session"][0])


def _last(case: Case) -> int:
    return int(case.run_parameters["last_session"][0])


def _span(case: Case, last: int) -> np.ndarray:
    spanned = case.run_parameters.copy()
    spanned["last_session"] = last
    return spanned


def _until(market: Market, last: int) -> Market:
    """The market as it was at a close: rows up to it, and what the next bar takes back not yet taken back."""
    sessions = market.close.shape[0]
    cut = {
        name: np.ascontiguousarray(value[: last + 1])
        for name, value in market._asdict().items()
        if value.shape[:1] == (sessions,) and name not in ("benchmark_returns",) and value.ndim == market.close.ndim
    }
    cut |= {name: market._asdict()[name][: last + 1] for name in ("day", "weekend")}
    cut["benchmark_returns"] = np.ascontiguousarray(market.benchmark_returns[:, : last + 1])
    cut["crash"] = market.crash[: last + 1]
    cut["delisted"] = np.where(market.delisted <= last, market.delisted, -1)
    return market._replace(**cut)


def _signals_until(case: Case, last: int) -> Signals | Targets:
    signals = case.signals
    if isinstance(signals, Targets):
        return signals._replace(first=signals.first[: last + 2])
    candidates = signals.candidates._replace(first=signals.candidates.first[: last + 2])
    return Signals(candidates, np.ascontiguousarray(signals.exits[:, : last + 1]))
