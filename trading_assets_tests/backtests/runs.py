"""Short runs of the engine and what they say, for tests that compute by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import DECISIONS, EXIT_REASONS, HOLDS, REJECTIONS, Market, Signals
from trading_assets.backtests.engine.dtypes import NUMBERS
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets_tests.backtests.markets import entries, quiet_market, run_parameters_of, settings

#: Everything into one position.
ALL_IN: dict[str, Any] = {"risk_per_trade": 1.0, "max_position": 1.0, "max_symbol": 1.0, "max_gross": 1.0}
NAN = math.nan


def run(market: Market, signals: Signals, changes: dict[str, Any] | None = None, **risk: Any) -> Simulation:
    """One run; `changes` of the trial, `risk` of the risk section."""
    return simulate(market, signals, run_parameters_of(market, **(changes or {})), settings(**risk))


def number(simulation: Simulation, name: str) -> np.ndarray:
    """One of the numbers behind every decision, in order."""
    return simulation.decisions["numbers"][:, NUMBERS.index(name)]


def said(simulation: Simulation, decision: str) -> list[tuple[int, int, str]]:
    """(session, symbol, reason) of the decisions of one kind, in order."""
    reasons = {"enter": ("0", "1", "2"), "exit": EXIT_REASONS, "reject": REJECTIONS, "hold": HOLDS}[decision]
    return [
        (int(row["session"]), int(row["symbol"]), reasons[row["reason"]])
        for row in simulation.decisions
        if DECISIONS[row["decision"]] == decision
    ]


def exits_of(simulation: Simulation) -> list[tuple[int, str, Any]]:
    """(session, reason, price) of the trades."""
    return [
        (int(row["exit_session"]), EXIT_REASONS[row["exit_reason"]], float(row["exit_price"]))
        for row in simulation.trades
    ]


def wavy(sessions: int, wide_from: int) -> Market:
    """A symbol that swings by 1 %, from one session on by 10 %; a second one to order."""
    closes = np.array([100.0 * (1 + (0.1 if t >= wide_from else 0.01) * (t % 2)) for t in range(sessions)])
    return quiet_market(np.column_stack([closes, np.full(sessions, 100.0)]))


def herd(sessions: int) -> Market:
    """Five symbols that move as one, by different steps each session."""
    path = 100.0 + np.array([0.0, 1.0, 0.5, 2.0, 1.0, 0.0, 1.5, 1.0, 2.5, 0.5])[:sessions]
    return quiet_market(np.tile(path[:, None], (1, 5)))


def busy(sessions: int = 120, symbols: int = 6) -> tuple[Market, Signals]:
    """Random walks with entries and exits, in lots too small to matter."""
    random = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, symbols)), axis=0))
    market = quiet_market(closes, fee_bps=1.0, slippage_bps=8.0, lot=1e-8)
    at = [(t, i) for t in range(sessions) for i in range(symbols) if random.random() < 0.2]
    ranks = random.normal(size=(1, len(at)))
    signals = entries(market, *at, rank=ranks, relative_strength=random.normal(size=len(at)))
    return market, signals._replace(exits=random.random((1, sessions, symbols)) < 0.1)
