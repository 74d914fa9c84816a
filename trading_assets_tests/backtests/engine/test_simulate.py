"""The engine by hand, and what must not change its results: threads, records, symbols around, the future."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile

from trading_assets.backtests.engine.arrays import EXIT_REASONS, REJECTIONS, Candidates, Market, Signals
from trading_assets.backtests.engine.dtypes import REJECT
from trading_assets.backtests.engine.settings import Settings
from trading_assets.backtests.engine.simulate import Simulation, simulate, sweep, sweep_runs
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings
from trading_assets_tests.backtests.random_markets import Case, cases
from trading_assets_tests.backtests.runs import number
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.narrow import as_signals

FEW = profile(max_examples=25, suppress_health_check=list(HealthCheck))


def test_a_round_trip_by_hand() -> None:
    """Ordered at 100, filled at the next open of 101; left at 110.

    Stop 2 x 2 below: 100,000 x 0.75 % / 4 = 187 shares, capped by 15 % of equity: 150. Half the capacity of
    0.5 % of adv 6,060,000 is 15,150 = 150 x 101: size factor 1, slippage 10 bp. Buy at 101.101, on the tick
    101.11; sale notional 150 x 110 = 16,500: 10 bp x 16,500 / 15,150 = 10.891 bp, 109.8802, tick 109.88.
    Fee 1 bp a side.
    """
    market = quiet_market(
        [100.0, 102.0, 108.0, 111.0],
        open=np.array([[100.0], [101.0], [105.0], [110.0]]),
        slippage_bps=10.0,
        fee_bps=1.0,
        tick=0.01,
        adv=6_060_000.0,
    )
    exits = [[(2, 0)]]
    run_parameters = run_parameters_of(market, stop_atr=2.0, exit_signal=0, capacity=0.005)
    run = simulate(market, entries(market, (0, 0), exits=exits), run_parameters, settings())
    trade = run.trades[0]
    assert trade["quantity"] == 150
    assert trade["entry_price"] == pytest.approx(101.11)
    assert trade["entry_slippage_bps"] == pytest.approx(10.0)
    assert trade["exit_slippage_bps"] == pytest.approx(10.0 * 16_500 / 15_150)
    assert trade["exit_price"] == pytest.approx(109.88)
    assert trade["slippage_cost"] == pytest.approx(150 * (101.11 - 101.0) + 150 * (110.0 - 109.88))
    assert trade["stop_price"] == pytest.approx(97.11)
    assert trade["entry_fee"] == pytest.approx(1.51665)
    assert trade["exit_fee"] == pytest.approx(1.6482)
    pnl = 150 * (109.88 - 101.11) - 1.51665 - 1.6482
    assert trade["pnl"] == pytest.approx(pnl)
    assert trade["return"] == pytest.approx(pnl / (150 * 101.11))
    assert trade["r_multiple"] == pytest.approx(pnl / (4 * 150))
    assert (trade["entry_session"], trade["exit_session"], trade["hold_sessions"]) == (1, 3, 2)
    assert EXIT_REASONS[trade["exit_reason"]] == "rule"
    assert run.equity == pytest.approx(
        [100_000, 100_000 + 150 * (102 - 101.11) - 1.51665, 100_000 + 150 * (108 - 101.11) - 1.51665, 100_000 + pnl]
    )


def test_a_split_and_a_dividend_by_hand() -> None:
    """151 shares at 100 split 3-for-2 into 226 and a half, paid at the open of 66; a dividend of 1 on 226."""
    market = quiet_market(
        [100.0, 100.0, 66.0, 66.0, 66.0],
        split_ratio=np.array([[1.0], [1], [1.5], [1], [1]]),
        cash_dividend=np.array([[0.0], [0], [0], [1], [0]]),
        atr=2.0,
    )
    exits = [[(3, 0)]]
    run_parameters = run_parameters_of(market, stop_atr=2.0, exit_signal=0)
    numbers = settings(max_position=0.151)
    run = simulate(market, entries(market, (0, 0), exits=exits), run_parameters, numbers)
    trade = run.trades[0]
    assert trade["quantity"] == 226
    assert trade["entry_price"] == pytest.approx(100 / 1.5)
    assert trade["stop_price"] == pytest.approx(96 / 1.5)
    assert trade["pnl"] == pytest.approx(-151 * 100 + 0.5 * 66 + 226 * 1 + 226 * 66)
    assert run.equity[-1] == pytest.approx(100_000 + trade["pnl"])


def test_orders_that_come_late_fill_one_session_later() -> None:
    market = quiet_market([100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    exits = [[(3, 0)]]
    run_parameters = run_parameters_of(market, exit_signal=0)
    run_parameters["delay"] = 1
    trade = simulate(market, entries(market, (0, 0), exits=exits), run_parameters, settings()).trades[0]
    assert (trade["entry_session"], trade["exit_session"]) == (2, 5)


def test_an_order_that_comes_late_to_a_delisted_symbol_is_cancelled() -> None:
    market = quiet_market([100.0, 100.0, 100.0], delisted=1)
    run_parameters = run_parameters_of(market)
    run_parameters["delay"] = 1
    run = simulate(market, entries(market, (0, 0)), run_parameters, settings())
    assert run.queue.size == run.held.size == 0
    assert list(run.decisions["session"]) == [0, 1]


@FEW
@given(case=cases())
def test_a_sweep_has_the_bits_of_each_run_whatever_the_threads(case: Case) -> None:
    parameter_rows = np.repeat(case.run_parameters, 5)
    parameter_rows["stop_atr"] *= np.array([1.0, 0.5, 2.0, 3.0, 1.0])
    parameter_rows["scaling"] = [0, 1, 2, 1, 2]
    found = [sweep(case.market, case.signals, parameter_rows, case.settings, threads=n) for n in (1, 2)]
    apart = sweep_runs(((case.market, case.signals, parameter_rows[p : p + 1]) for p in range(5)), case.settings)
    for p in range(parameter_rows.size):
        run = simulate(case.market, case.signals, parameter_rows[p : p + 1], case.settings)
        for each in (*found, apart):
            assert each.equity[p].tobytes() == run.equity.tobytes()
            assert each.trades[p] == run.trades.size
            assert each.sum_r[p] == pytest.approx(run.trades["r_multiple"].sum())
            assert each.gross_profit[p] - each.gross_loss[p] == pytest.approx(run.trades["pnl"].sum())
            assert each.exposed[p] == np.where(run.equity > 0, run.gross_exposure, run.positions).astype(bool).sum()


@FEW
@given(case=cases())
def test_nothing_after_a_session_changes_what_came_up_to_it(case: Case) -> None:
    """Prefix invariance to the bit, cut at every session: a look at the next one shows only at the cut itself."""
    _assert_blind_to_the_future(case)


def test_nothing_after_a_session_changes_the_queue_of_a_crowded_portfolio() -> None:
    """Many candidates beside several positions in every session, so that correlations decide who is first."""
    case = crowded()
    run = simulate(*case_parts(case))
    assert (run.positions[25:] >= 4).mean() > 0.5
    scores = number(run, "score")
    assert np.unique(scores[~np.isnan(scores)]).size > 40
    assert REJECTIONS.index("correlation_limit") in run.decisions["reason"][run.decisions["decision"] == REJECT]
    _assert_blind_to_the_future(case)


@FEW
@given(case=cases())
def test_fills_know_nothing_of_the_close_of_their_session(case: Case) -> None:
    """What happens at the open of a session is the same whatever becomes known at its close."""
    whole = simulate(case.market, case.signals, case.run_parameters, case.settings)
    for cut in range(whole.first_session, whole.first_session + whole.equity.size):
        run = simulate(_with_future(case.market, cut, open_too=False), case.signals, case.run_parameters, case.settings)
        crash = case.market.crash.size and case.market.crash[cut]  # stops positions out at the low
        at_close = ("delisted", "hard_stop") if crash else ("delisted",)
        filled = []
        for trades in (run.trades, whole.trades):
            booked = np.isin(trades["exit_reason"], [EXIT_REASONS.index(reason) for reason in at_close])
            filled.append(trades[(trades["exit_session"] == cut) & ~booked])
        assert filled[0].tobytes() == filled[1].tobytes()
        entered = [_entered_at(cut, each) for each in (run, whole)]
        assert entered[0] == entered[1]


@FEW
@given(case=cases())
def test_symbols_that_are_never_candidates_change_nothing(case: Case) -> None:
    """Order independence: the same symbols at other columns, with their neighbours between them."""
    symbols = case.market.close.shape[1]
    where = np.arange(symbols) * 2 + 1
    wide = simulate(
        _spread(case.market, where),
        _spread_signals(as_signals(case.signals), where),
        case.run_parameters,
        case.settings,
    )
    run = simulate(case.market, case.signals, case.run_parameters, case.settings)
    assert wide.equity.tobytes() == run.equity.tobytes()
    assert (wide.trades["symbol"] == where[run.trades["symbol"]]).all()
    assert wide.trades["pnl"].tobytes() == run.trades["pnl"].tobytes()


@pytest.mark.slow
def test_without_compilation_the_results_are_the_same() -> None:
    """The kernel is plain Python too: a debugger steps through it with NUMBA_DISABLE_JIT=1."""
    script = (
        "import numpy as np\n"
        "from trading_assets_tests.backtests.engine.test_simulate import small_run\n"
        "run = small_run()\n"
        "print(run.trades.size, run.equity.tobytes().hex())"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in ("0", "1")
    ]
    count, curve = printed[0].split()
    assert int(count) > 3
    plain = np.frombuffer(bytes.fromhex(printed[1].split()[1]))
    # The two differ only where the machine's pow, log and cos do.
    assert np.frombuffer(bytes.fromhex(curve)) == pytest.approx(plain, rel=1e-12)


def test_a_span_outside_the_market_is_refused() -> None:
    market = quiet_market([100.0, 100.0])
    run_parameters = run_parameters_of(market)
    run_parameters["last_session"] = 2
    with pytest.raises(ValueError, match="the market has 0 to 1"):
        simulate(market, entries(market), run_parameters, settings())


def crowded() -> Case:
    """Seventy sessions of twelve stocks that move together, all candidates in every session."""
    random = np.random.default_rng(8)
    moves = random.normal(0, 0.02, (70, 1)) + random.normal(0, 0.011, (70, 12))
    market = quiet_market(100 * np.exp(np.cumsum(moves, axis=0)))
    at = [(t, i) for t in range(70) for i in range(12)]
    signals = entries(market, *at, rank=random.normal(size=(1, len(at))))
    return Case(market, signals, run_parameters_of(market, max_hold=9, stop_atr=6.0), settings(max_position=0.1))


def case_parts(case: Case) -> tuple[Market, Signals, np.ndarray, Settings]:
    return case.market, as_signals(case.signals), case.run_parameters, case.settings


def small_run() -> Simulation:
    """Thirty sessions of four random walks with draws, entered every other session."""
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, (30, 4)), axis=0))
    market = quiet_market(closes, slippage_bps=8.0, fee_bps=1.0, tick=0.01)
    at = [(t, i) for t in range(0, 30, 2) for i in range(4)]
    run_parameters = run_parameters_of(market, max_hold=3)
    return simulate(market, entries(market, *at), run_parameters, settings(noise="drawn"))


def _assert_blind_to_the_future(case: Case) -> None:
    whole = simulate(*case_parts(case))
    for kept in range(1, whole.equity.size):
        cut = whole.first_session + kept - 1
        run = simulate(_with_future(case.market, cut + 1), case.signals, case.run_parameters, case.settings)
        assert run.equity[:kept].tobytes() == whole.equity[:kept].tobytes()
        for rows, known in ((run.trades, whole.trades), (run.decisions, whole.decisions)):
            column = "exit_session" if "exit_session" in (rows.dtype.names or ()) else "session"
            assert rows[rows[column] <= cut].tobytes() == known[known[column] <= cut].tobytes()


def _with_future(market: Market, first: int, *, open_too: bool = True) -> Market:
    """Other prices and conditions from session `first` on; its own open stays if `open_too` is false."""
    random = np.random.default_rng(first)
    changed = {}
    for name in ("open", "close", "low", "atr", "adv", "volatility_ratio", "returns"):
        value = getattr(market, name)
        start = first + 1 if name == "open" and not open_too else first
        changed[name] = value.copy()
        changed[name][start:] *= random.uniform(0.5, 2, value[start:].shape)
    return market._replace(**changed)


def _entered_at(session: int, run: Simulation) -> list[tuple[float, ...]]:
    """Symbol, fee and slippage of the entries of a session, whether closed since or still open."""
    names = ["entry_fee", "entry_slippage_bps"]
    closed = run.trades[run.trades["entry_session"] == session]
    held = run.positions_at_end["entry_session"] == session
    rows = [(int(row["symbol"]), *(float(row[name]) for name in names)) for row in closed]
    rows += [
        (int(symbol), *(float(row[name]) for name in names))
        for symbol, row in zip(run.held[held], run.positions_at_end[held], strict=True)
    ]
    return sorted(rows)


def _spread(market: Market, where: np.ndarray) -> Market:
    """Copies of the symbols as strangers in the columns between."""
    source = np.arange(2 * where.size) // 2

    def wider(name: str, value: np.ndarray) -> np.ndarray:
        if name in ("day", "weekend", "crash", "benchmark_returns"):
            return value
        return np.ascontiguousarray(value[..., source])

    return Market(**{name: wider(name, value) for name, value in market._asdict().items()})


def _spread_signals(signals: Signals, where: np.ndarray) -> Signals:
    candidates: Candidates = signals.candidates._replace(symbol=where[signals.candidates.symbol])
    exits = np.ascontiguousarray(signals.exits[..., np.arange(2 * where.size) // 2])
    return Signals(candidates, exits)
