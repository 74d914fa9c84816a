"""The compiled engine against its plain twin: same trades, same decisions, same curve."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.engine.arrays import DECISIONS, EXIT_REASONS, HOLDS, LIMITS, REJECTIONS
from trading_assets.backtests.engine.dtypes import NUMBERS, OPENS, SHORT
from trading_assets.backtests.engine.simulate import Simulation, simulate, sweep
from trading_assets_tests.backtests.agreement import branches_of, never_taken
from trading_assets_tests.backtests.random_markets import Case, cases
from trading_assets_tests.backtests.reference_book import Outcome
from trading_assets_tests.backtests.reference_engine import simulate_plainly
from trading_assets_tests.narrow import as_signals

#: The two add the same numbers in different orders.
TOLERANCE = 1e-9
EXACT: tuple[str, ...] = (
    "symbol",
    "entry_session",
    "exit_session",
    "decision_session",
    "trigger",
    "exit_reason",
    "hold_sessions",
)
EXACT += ("round_trip", "unexplained_moves")
MONEY = ("notional", "equity", "cash", "gross_room", "sector_room", "adv", "capacity_limit")
NAMES = {"exit": EXIT_REASONS, "reject": REJECTIONS, "hold": HOLDS}
Key = tuple[int, bool, int, str, str | int]


def _decisions(ours: Simulation) -> list[tuple[Key, np.void]]:
    rows = []
    for row in ours.decisions:
        decision = DECISIONS[row["decision"]]
        reason = int(row["reason"]) if decision == "enter" else NAMES[decision][row["reason"]]
        rows.append(((int(row["session"]), bool(row["at_close"]), int(row["symbol"]), decision, reason), row))
    return sorted(rows, key=lambda item: tuple(map(str, item[0])))


def _plain_decisions(theirs: Outcome) -> list[tuple[Key, dict[str, Any]]]:
    rows = [
        ((row["session"], row["at_close"], row["symbol"], row["decision"], row["reason"]), row)
        for row in theirs.decisions
    ]
    return sorted(rows, key=lambda item: tuple(map(str, item[0])))


def _close(ours: Any, theirs: Any, scale: float = 0.0) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True)


def _number(decision: np.void, name: str) -> float:
    return float(decision["numbers"][NUMBERS.index(name)])


def assert_agree(case: Case) -> Outcome:
    """Run both and compare everything that they report."""
    ours = simulate(case.market, case.signals, case.run_parameters, case.settings)
    theirs = simulate_plainly(case.market, as_signals(case.signals), case.run_parameters[0], case.settings)
    money = case.settings.starting_equity
    found, expected = _decisions(ours), _plain_decisions(theirs)
    assert [key for key, _ in found] == [key for key, _ in expected]
    for (key, our), (_, their) in zip(found, expected, strict=True):
        if key[3] == "enter":
            _assert_same_numbers(case, key[2], our, their)
        if "limit" in their:
            assert (LIMITS[our["limit"]] if our["limit"] >= 0 else None) == their["limit"]
    _assert_same_fills(ours, theirs, money)
    trades = sorted(theirs.trades, key=lambda row: (row["exit_session"], row["symbol"], row["entry_session"]))
    ordered = np.sort(ours.trades, order=["exit_session", "symbol", "entry_session"])
    for name in trades[0] if trades else ():
        column, plain = ordered[name], [row[name] for row in trades]
        if name in EXACT:
            assert column.tolist() == plain, name
        elif name in ("pnl", "entry_fee", "exit_fee", "slippage_cost", "borrow_cost"):
            _close(column, plain, money)
        elif name in ("return", "r_multiple"):
            # A result near 0 is a difference of large numbers.
            np.testing.assert_allclose(column, plain, rtol=1e-6, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_allclose(column, plain, rtol=TOLERANCE, atol=1.5e-8, err_msg=name)
    for name in ("equity", "settled_equity", "cash"):
        _close(getattr(ours, name), getattr(theirs, name), money)
    assert ours.unexplained_moves.tolist() == theirs.unexplained_moves
    _close(ours.gross_exposure, theirs.gross_exposure, 1.0)
    assert ours.positions.tolist() == theirs.positions
    assert ours.cash.min() >= 0 or case.run_parameters[0]["side"] == SHORT
    _assert_same_end(ours, theirs)
    _assert_same_counters(case, theirs)
    return theirs


def _assert_same_numbers(case: Case, symbol: int, our: np.void, their: dict[str, float]) -> None:
    lot, money = float(case.market.lot[symbol]), case.settings.starting_equity
    for name in NUMBERS:
        expected = math.nan if their.get(name) is None else their[name]
        step = 1.5 * lot * (lot < 1) if name == "quantity" else 0.0
        absolute = step or TOLERANCE * (money if name in MONEY else 1.0)
        np.testing.assert_allclose(_number(our, name), expected, rtol=TOLERANCE, atol=absolute, err_msg=name)


def _assert_same_fills(ours: Simulation, theirs: Outcome, money: float) -> None:
    ours_by_key = sorted((int(row["session"]), int(row["round_trip"]), n) for n, row in enumerate(ours.fills))
    plain = sorted(theirs.fills, key=lambda row: (row["session"], row["round_trip"]))
    assert len(ours_by_key) == len(plain)
    for (_, _, n), their in zip(ours_by_key, plain, strict=True):
        our = ours.fills[n]
        opens = our["effect"] == OPENS
        assert (our["session"], our["symbol"], our["round_trip"]) == (
            their["session"], their["symbol"], their["round_trip"],
        )  # fmt: skip
        assert ("buy", "sell")[our["side"]] == their["side"]
        assert (int(our["reason"]) if opens else EXIT_REASONS[our["reason"]]) == their["reason"]
        ordered, plainly = ours.decisions[our["decision"]], theirs.decisions[their["decision"]]
        for name in ("session", "symbol", "at_close"):
            assert ordered[name] == plainly[name], name
        assert DECISIONS[ordered["decision"]] == plainly["decision"]
        for name in ("asked", "quantity", "raw_price", "price", "slippage_bps", "mean_slippage_bps"):
            np.testing.assert_allclose(our[name], their[name], rtol=TOLERANCE, atol=1.5e-8, err_msg=name)
        _close(our["fee"], their["fee"], money)


def _assert_same_end(ours: Simulation, theirs: Outcome) -> None:
    assert ours.held.tolist() == [position.symbol for position in theirs.held]
    for row, position in zip(ours.positions_at_end, theirs.held, strict=True):
        pending = -1 if position.exit_reason is None else EXIT_REASONS.index(position.exit_reason)
        assert (row["exit_reason"], row["entry_session"]) == (pending, position.entered)
        assert row["hold_sessions"] == position.held_sessions
        for name, value in (
            ("entry_price", position.entry_price),
            ("stop", position.stop),
            ("mark", position.mark),
            ("confirmed", position.believed),
            ("dividends", position.dividends),
        ):
            _close(row[name], value)
    assert ours.queue.tolist() == [order.symbol for order in theirs.queue]
    for row, order in zip(ours.orders_at_end, theirs.queue, strict=True):
        assert (row["decision_session"], row["trigger"], row["wait"]) == (order.decided, order.trigger, order.wait)
        np.testing.assert_allclose(row["quantity"], order.quantity, rtol=TOLERANCE, atol=1.5e-8)


def _assert_same_counters(case: Case, theirs: Outcome) -> None:
    run = sweep(case.market, case.signals, case.run_parameters, case.settings, threads=1)
    money = case.settings.starting_equity
    pnl = [row["pnl"] for row in theirs.trades]
    assert run.trades.tolist() == [len(pnl)]
    _close(run.equity[0], theirs.equity, money)
    _close(run.settled_equity[0], theirs.settled_equity, money)
    _close(run.gross_profit[0], sum(value for value in pnl if value > 0), money)
    _close(run.gross_loss[0], -sum(value for value in pnl if value < 0), money)
    np.testing.assert_allclose(run.sum_r[0], sum(row["r_multiple"] for row in theirs.trades), rtol=1e-6, atol=1e-6)
    _close(run.turnover[0], theirs.turnover, money)
    assert run.exposed[0] == theirs.exposed


def _branches(case: Case, theirs: Outcome) -> Counter[str]:
    seen: Counter[str] = Counter()
    for row in theirs.decisions:
        seen[f"{row['decision']} {row['reason']}"] += 1
    for row in theirs.trades:
        seen[f"trade {EXIT_REASONS[row['exit_reason']]}"] += 1
    seen["volatility scaled"] += any(0 < value < 1 for value in theirs.multipliers)
    seen["order pending at the end"] += bool(theirs.queue)
    seen["exit pending at the end"] += any(position.exit_reason for position in theirs.held)
    seen["filled late"] += any(row["entry_session"] > row["decision_session"] + 1 for row in theirs.trades)
    sales = Counter(row["round_trip"] for row in theirs.fills if row["side"] == "sell")
    seen["mark made again"] += theirs.settled_equity != theirs.equity
    seen["move confirmed"] += any(theirs.unexplained_moves)
    seen["move confirmed of a trade"] += any(row["unexplained_moves"] for row in theirs.trades)
    seen["sold in slices"] += any(count > 1 for count in sales.values())
    seen["filled in part"] += _reduced_at_the_fill(theirs)
    seen["slippage drawn as nothing"] += any(row["entry_slippage_bps"] == 0 for row in theirs.trades)
    return seen


def _reduced_at_the_fill(theirs: Outcome) -> bool:
    ordered = {
        (row["session"], row["symbol"]): row["quantity"] for row in theirs.decisions if row["decision"] == "enter"
    }
    return any(row["quantity"] < ordered[row["decision_session"], row["symbol"]] for row in theirs.trades)


BRANCHES = (
    # Two last exits are of target weights, and so are two rejections.
    {f"exit {reason}" for reason in EXIT_REASONS[:-2]}
    | {f"trade {reason}" for reason in EXIT_REASONS[:-2]}
    | {f"reject {reason}" for reason in REJECTIONS if reason not in ("pair_leg", "no_borrow")}
    | {"hold already_held", "hold frozen", "hold stop_raised", "enter 0", "enter 1", "enter 2"}
    | {
        "volatility scaled",
        "order pending at the end",
        "exit pending at the end",
        "filled late",
        "filled in part",
        "mark made again",
        "move confirmed",
        "move confirmed of a trade",
        "sold in slices",
        "slippage drawn as nothing",
    }
)


def _compared(case: Case) -> Counter[str]:
    return _branches(case, assert_agree(case))


def test_kernel_and_twin_agree_on_random_markets() -> None:
    assert never_taken(cases(), _compared, BRANCHES, examples=100, searches=24) == set()


@pytest.mark.acceptance
def test_kernel_and_twin_agree_on_many_more() -> None:
    seen = branches_of(cases(), _compared, 6000, number=1_000)
    assert {name for name in BRANCHES if seen[name] < 20} == set()
