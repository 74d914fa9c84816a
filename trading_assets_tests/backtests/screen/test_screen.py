"""The screen of independent columns: by hand, beside vectorbt, and what must not change its results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.results.return_metrics import max_drawdown, sharpe, total_return
from trading_assets.backtests.screen.screen import (
    CROSS,
    Columns,
    Prices,
    Terms,
    cross_signals,
    equity_curves,
    round_trips,
    screen_crosses,
    screen_signals,
)

TERMS = Terms(cash=10_000.0, fee_bps=3.0, slippage_bps=5.0)
SETS = np.array([(3, 10, 0.05), (3, 10, 0.0), (5, 20, 0.02), (10, 40, 0.2)], CROSS)


def market(seed: int, sessions: int = 400, symbols: int = 19) -> Prices:
    """Random walks that gap: some opens are far below the last close."""
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0.0003, 0.02, (sessions, symbols)), axis=0))
    jump = np.where(random.random(close.shape) < 0.03, -0.08, 0.0)
    opening = np.vstack([close[:1], close[:-1]]) * np.exp(random.normal(0, 0.005, close.shape) + jump)
    low = np.minimum(opening, close) * np.exp(-np.abs(random.normal(0, 0.01, close.shape)))
    return Prices(opening, low, close)


def signals(seed: int, prices: Prices, often: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.random(prices.open.shape) < often, random.random(prices.open.shape) < often


def one_column(**bars: list[float]) -> Prices:
    return Prices(**{name: np.array(values).reshape(-1, 1) for name, values in bars.items()})


def flags(sessions: int, *true: int) -> np.ndarray:
    found = np.zeros((sessions, 1), dtype=bool)
    found[list(true)] = True
    return found


def same(one: Columns, other: Columns) -> bool:
    return all(np.array_equal(mine, vars(other)[name], equal_nan=True) for name, mine in vars(one).items())


# --- by hand ------------------------------------------------------------------------------------------


def test_a_round_trip_by_hand() -> None:
    """Decided at the close of 0, bought at 100 + 10 %; 1,100 pays the fee of 25 % on 880, which buy 8. Sold at 120."""
    prices = one_column(open=[90.0, 100.0, 110.0, 120.0], low=[90.0, 90, 90, 90], close=[95.0, 105.0, 115.0, 95.0])
    terms = Terms(cash=1_100.0, fee_bps=2_500.0, slippage_bps=1_000.0)
    entries, exits = flags(4, 0), flags(4, 2)
    [trip] = round_trips(prices, entries, exits, 0.0, terms)
    assert trip["quantity"] == pytest.approx(8.0)
    assert (trip["entry_session"], trip["exit_session"], trip["stopped"]) == (1, 3, False)
    assert (trip["entry_price"], trip["exit_price"]) == (pytest.approx(110.0), pytest.approx(108.0))
    assert trip["pnl"] == pytest.approx(8 * 108 * 0.75 - 1_100)
    curve = equity_curves(prices, entries, exits, 0.0, terms)[:, 0]
    assert curve == pytest.approx([1_100, 8 * 105, 8 * 115, 8 * 108 * 0.75])


@pytest.mark.parametrize(
    ("opens", "lows", "session", "price"),
    [
        pytest.param([100.0, 99, 99, 99], [80.0, 95, 95, 95], None, None, id="not on the session of the entry"),
        pytest.param([100.0, 99, 97, 99], [99.0, 95, 90, 95], 3, 90.0, id="at the stop inside the session"),
        pytest.param([100.0, 99, 85, 99], [99.0, 95, 80, 95], 3, 85.0, id="at the open below the stop"),
        pytest.param([100.0, 99, 90, 99], [99.0, 95, 90, 95], 3, 90.0, id="at the open on the stop"),
    ],
)
def test_stop(opens: list[float], lows: list[float], session: int | None, price: float | None) -> None:
    """10 % below the open of 100 of session 1."""
    prices = one_column(open=[100.0, *opens], low=[100.0, *lows], close=[100.0, 99, 98, 98, 98])
    trips = round_trips(prices, flags(5, 0), flags(5), 0.1, Terms())
    assert [(trip["exit_session"], trip["exit_price"]) for trip in trips] == ([(session, price)] if session else [])


def test_a_touched_stop_goes_before_an_exit_at_its_open() -> None:
    """The worse price of the two, as vectorbt has it; the entry that was due then is not filled either."""
    prices = one_column(open=[100.0] * 5, low=[100.0, 100, 80, 100, 100], close=[100.0] * 5)
    [trip] = round_trips(prices, flags(5, 0, 1), flags(5, 1), 0.1, Terms())
    assert (trip["exit_session"], trip["exit_price"], trip["stopped"]) == (2, 90.0, True)


def test_signals_of_the_last_session_do_nothing() -> None:
    prices = one_column(open=[100.0] * 3, low=[100.0] * 3, close=[100.0, 100, 110])
    found = screen_signals(prices, flags(3, 2), flags(3), 0.0, Terms())
    assert (found.final_equity[0], found.trades[0]) == (Terms().cash, 0)
    still_held = screen_signals(prices, flags(3, 0), flags(3, 2), 0.0, Terms())
    assert (still_held.total_return[0], still_held.trades[0]) == (pytest.approx(0.1), 0)


def test_a_constant_price_never_crosses() -> None:
    """After a move: the rounding of the sums that leave the means is no cross."""
    close = np.concatenate([1e5 * np.exp(0.01 * np.arange(50)), np.full(400, 0.1), np.full(300, 7.7)])[:, None]
    entries, exits = cross_signals(close, 3, 49)
    assert np.flatnonzero(entries).tolist() == [450]
    assert np.flatnonzero(exits).tolist() == [50]


# --- one summary, one curve ---------------------------------------------------------------------------


@pytest.mark.parametrize(("often", "stop"), [(0.05, 0.03), (0.01, 0.0)])
def test_the_summary_is_that_of_the_curve(often: float, stop: float) -> None:
    """Short round trips, and long ones whose deepest fall is from a peak of their own."""
    prices = market(1)
    entries, exits = signals(1, prices, often)
    found = screen_signals(prices, entries, exits, stop, TERMS, periods_per_year=365)
    curves = equity_curves(prices, entries, exits, stop, TERMS)
    returns = np.diff(np.vstack([np.full((1, curves.shape[1]), TERMS.cash), curves]), axis=0)
    returns /= np.vstack([np.full((1, curves.shape[1]), TERMS.cash), curves[:-1]])
    assert found.final_equity.tolist() == curves[-1].tolist()
    for i in range(curves.shape[1]):
        assert found.total_return[i] == pytest.approx(total_return(returns[:, i]), abs=1e-12)
        assert found.max_drawdown[i] == pytest.approx(max_drawdown(returns[:, i]), abs=1e-12)
        assert found.sharpe[i] == pytest.approx(sharpe(returns[:, i], 365), rel=1e-10)


def test_no_trade_has_no_sharpe() -> None:
    prices = market(2, sessions=50, symbols=1)
    found = screen_signals(prices, flags(50), flags(50), 0.0, TERMS)
    assert np.isnan(found.sharpe[0])
    assert (found.max_drawdown[0], found.total_return[0], found.trades[0]) == (0.0, 0.0, 0)


def test_crosses_are_signals_of_crosses_bit_for_bit() -> None:
    prices = market(3)
    swept = screen_crosses(prices, SETS, TERMS)
    assert swept.trades.min() > 0
    for p, (fast, slow, stop) in enumerate(SETS.tolist()):
        one = screen_signals(prices, *cross_signals(prices.close, fast, slow), stop, TERMS)
        assert same(one, Columns(*(each[p] for each in vars(swept).values()))), p


def test_crosses_are_those_of_plain_means() -> None:
    close = market(4).close
    entries, exits = cross_signals(close, 5, 20)
    for i in range(close.shape[1]):
        means = [np.convolve(close[:, i], np.full(n, 1 / n), "valid")[-381:] for n in (5, 20)]
        above = means[0] > means[1]
        assert (np.flatnonzero(entries[:, i]) - 19).tolist() == (np.flatnonzero(above[1:] & ~above[:-1]) + 1).tolist()
        assert (np.flatnonzero(exits[:, i]) - 19).tolist() == (np.flatnonzero(~above[1:] & above[:-1]) + 1).tolist()


# --- what must not change anything ----------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_neighbours_change_no_bit(threads: int) -> None:
    prices = market(5)
    every = screen_crosses(prices, SETS, TERMS)
    assert same(every, screen_crosses(prices, SETS, TERMS, threads=threads))
    back = Prices(*(np.ascontiguousarray(each[:, ::-1]) for each in prices))
    turned = screen_crosses(back, SETS[::-1].copy(), TERMS, threads=threads)
    assert same(every, Columns(*(each[::-1, ::-1] for each in vars(turned).values())))


def test_the_future_changes_nothing() -> None:
    prices, cut = market(6), 250
    later = [each.copy() for each in prices]
    for each in later:
        each[cut:] *= 3.0
    found = [
        equity_curves(each, *cross_signals(each.close, 3, 10), 0.05, TERMS)[:cut] for each in (prices, Prices(*later))
    ]
    one, other = found
    assert np.array_equal(one, other)


# --- vectorbt -------------------------------------------------------------------------------------------


def vectorbt_portfolio(prices: Prices, entries: np.ndarray, exits: np.ndarray, stop: float, terms: Terms) -> Any:
    """The same rules in vectorbt; its high only has to be one."""
    import vectorbt

    due = np.zeros((1, entries.shape[1]), dtype=bool)
    return vectorbt.Portfolio.from_signals(
        prices.close,
        np.vstack([due, entries[:-1]]),
        np.vstack([due, exits[:-1]]),
        open=prices.open,
        high=np.maximum(prices.open, prices.close),
        low=prices.low,
        price=prices.open,
        size=np.inf,
        direction="longonly",
        upon_long_conflict="exit",
        sl_stop=stop or np.nan,
        stop_entry_price="price",
        stop_exit_price="stopmarket",
        fees=terms.fee_bps / 1e4,
        slippage=terms.slippage_bps / 1e4,
        init_cash=terms.cash,
        freq="1D",
        engine="rust",
    )


@pytest.mark.parametrize("case", ["crosses", "crosses without stop", "signals", "dense signals"])
def test_vectorbt_agrees(case: str) -> None:
    prices = market(7)
    stop = 0.0 if case == "crosses without stop" else 0.03
    if case.startswith("crosses"):
        entries, exits = cross_signals(prices.close, 3, 10)
    else:
        entries, exits = signals(8, prices, 0.05 if case == "signals" else 0.4)
    portfolio = vectorbt_portfolio(prices, entries, exits, stop, TERMS)
    theirs = portfolio.exit_trades.records
    theirs = theirs[theirs["status"] == 1].sort_values(["col", "entry_idx"])
    ours = round_trips(prices, entries, exits, stop, TERMS)
    assert len(ours) == len(theirs) > 200
    assert (stop == 0.0) == (not ours["stopped"].any())
    for mine, name in (("column", "col"), ("entry_session", "entry_idx"), ("exit_session", "exit_idx")):
        assert ours[mine].tolist() == theirs[name].tolist()
    for mine, name in (("entry_price",) * 2, ("exit_price",) * 2, ("quantity", "size")):
        np.testing.assert_allclose(ours[mine], theirs[name], rtol=1e-9)
    np.testing.assert_allclose(ours["pnl"], theirs["pnl"], rtol=1e-9, atol=1e-9 * TERMS.cash)
    curves = equity_curves(prices, entries, exits, stop, TERMS)
    np.testing.assert_allclose(curves, portfolio.value().to_numpy(), rtol=1e-9)
    found = screen_signals(prices, entries, exits, stop, TERMS, periods_per_year=365)
    assert found.trades.tolist() == np.bincount(theirs["col"], minlength=19).tolist()
    np.testing.assert_allclose(found.final_equity, portfolio.final_value(), rtol=1e-9)
    np.testing.assert_allclose(found.max_drawdown, portfolio.max_drawdown(), rtol=1e-9)
    np.testing.assert_allclose(found.sharpe, portfolio.sharpe_ratio(), rtol=1e-9)


# --- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sets": np.array([(10, 5, 0.0)], CROSS)}, r"sets\[0\]: fast below slow"),
        ({"sets": np.array([(3, 9, 0.0), (3, 500, 0.0)], CROSS)}, r"sets\[1\]: .*at most 400 sessions"),
        ({"sets": np.array([(3, 9, -0.1)], CROSS)}, r"sets\[0\]: .*stop -0.1"),
        ({"sets": np.zeros(0, CROSS)}, "sets: at least one"),
        ({"terms": Terms(cash=0.0)}, "cash above 0"),
        ({"terms": Terms(fee_bps=-1.0)}, "fee and slippage"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"prices": market(9), "sets": SETS, "terms": TERMS} | changes
    with pytest.raises(ValueError, match=message):
        screen_crosses(**arguments)


@pytest.mark.parametrize(("name", "value"), [("close", np.nan), ("low", -1.0), ("open", np.inf), ("low", 1e6)])
def test_wrong_prices_are_named(name: str, value: float) -> None:
    prices = market(9)
    getattr(prices, name)[3, 2] = value
    with pytest.raises(ValueError, match=r"prices\[3, 2\]"):
        screen_crosses(prices, SETS, TERMS)


def test_wrong_signals_are_named() -> None:
    prices = market(9)
    entries, exits = signals(9, prices, 0.1)
    with pytest.raises(ValueError, match="exits: booleans"):
        screen_signals(prices, entries, exits[1:], 0.0, TERMS)
    with pytest.raises(ValueError, match="stop: a fraction"):
        round_trips(prices, entries, exits, 1.0, TERMS)
