"""From received bars to equity: a run that is cut at a session equals the whole one up to there, bit for bit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.engine.arrays import Market
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets.backtests.inputs.market_arrays import build_market
from trading_assets.backtests.inputs.market_axes import build_axes
from trading_assets.backtests.inputs.market_grids import MarketTables
from trading_assets.config import Configuration
from trading_assets.config.sections import Costs
from trading_assets.features.indicators import indicators
from trading_assets.market_data.pipeline import history
from trading_assets.market_data.quality.overrides import NO_OVERRIDES
from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS
from trading_assets.market_data.reference.delistings import SCHEMA
from trading_assets.market_data.reference.symbology import NO_SYMBOLOGY
from trading_assets.market_data.reference_data import Inputs
from trading_assets_tests.backtests.markets import entries, run_parameters_of, settings
from trading_assets_tests.backtests.target_runs import targets
from trading_assets_tests.market_data.markets import CALENDAR, SESSIONS, received

COUNT = 45
#: What happens to each symbol, as a multiple of its level by session; None: no bar.
PATHS: dict[str, dict[int, float | None]] = {
    "CRASH": {25: 0.1, **dict.fromkeys(range(26, COUNT))},  # falls by 90 % and is never seen again
    "DROP": dict.fromkeys(range(24, COUNT), 0.3),  # falls by 70 % for good
    "GONE": {30: 0.2, **dict.fromkeys(range(31, COUNT))},  # delisted at a recorded value
    "HALT": {**dict.fromkeys(range(23, 35)), **dict.fromkeys(range(35, COUNT), 0.1)},
    "JUMP": dict.fromkeys(range(23, COUNT), 2.5),
    "LEAP": {27: 3.0, **dict.fromkeys(range(28, COUNT))},  # an unconfirmed gain ends it
    "SPIKE": {23: 0.2, 31: 4.0},
    "TWICE": {**dict.fromkeys(range(26, COUNT), 0.12), 25: 0.3},  # two collapses in a row
}
SYMBOLS = sorted(PATHS)
DELISTINGS = pl.DataFrame([("GONE", SESSIONS[33], 0.25, "per_share", "bankruptcy", None)], schema=SCHEMA, orient="row")


def bars(until: int) -> pl.DataFrame:
    random, rows = np.random.default_rng(11), []
    walks = 100 * np.exp(np.cumsum(random.normal(0, 0.01, (COUNT, len(SYMBOLS))), axis=0))
    for i, symbol in enumerate(SYMBOLS):
        for t in range(until + 1):
            level = PATHS[symbol].get(t, 1.0)
            if level is not None:
                close = float(round(walks[t, i] * level, 4))
                rows.append({"symbol": symbol, "session": SESSIONS[t], "close": close, "open": close, "volume": 1e6})
    return received(rows)


def market_until(until: int) -> Market:
    """All that is known at the close of session `until`."""
    configuration = Configuration.model_validate(
        {
            "name": "cut",
            "start": dt.date(2024, 1, 1),
            "as_of": SESSIONS[until],
            "market_data": [{"source": "synthetic", "asset_class": "equity"}],
            "strategies": {"breakout": {"type": "equity_momentum"}},
        }
    )
    known = DELISTINGS.filter(pl.col("session") <= SESSIONS[until])
    inputs = Inputs(configuration, {}, {}, NO_OVERRIDES, NO_ACTIONS, NO_SYMBOLOGY, known)
    found = history(bars(until), inputs)
    axes = build_axes(SYMBOLS, found.instruments, CALENDAR, SESSIONS[until])
    return build_market(
        axes,
        [MarketTables(SYMBOLS, found.bars, found.quarantine, indicators(found.bars))],
        found.bars,
        CALENDAR.filter(pl.col("session") <= SESSIONS[until]),
        found.instruments,
        benchmarks={},
        costs=Costs(),
        extreme_move=configuration.quality.extreme_move,
    )


def orders(market: Market, until: int) -> Simulation:
    signals = entries(market, *((20, i) for i in range(len(SYMBOLS))))
    changes: dict[str, Any] = {"stop_atr": 6.0, "capacity": 0.5, "last_session": until}
    numbers = settings(noise="drawn", max_sector=1.0, risk_per_trade=0.05, max_position=0.1, daily_loss_limit=0.05)
    return simulate(market, signals, run_parameters_of(market, **changes), numbers)


def weights(market: Market, until: int) -> Simulation:
    signed = [(20, i, -0.09 if i % 2 else 0.09) for i in range(len(SYMBOLS))]
    rows = [row for t in (20, 29) for row in [(t, i, w * (1 if t == 20 else 0.5)) for _, i, w in signed]]
    wanted = targets(market, *(row for row in rows if row[0] <= until))
    changes: dict[str, Any] = {"capacity": 0.5, "last_session": until}
    return simulate(market, wanted, run_parameters_of(market, **changes), settings(noise="drawn", drawdown_limit=0.5))


@pytest.mark.parametrize("kind", [orders, weights])
def test_a_cut_run_is_the_beginning_of_the_whole_one(kind: Any) -> None:
    whole = market_until(COUNT - 1)
    at_the_end = kind(whole, COUNT - 1)
    assert at_the_end.equity[-1] != at_the_end.equity[20]
    for until in range(20, COUNT - 1):
        cut, known = kind(market_until(until), until), kind(whole, until)
        for name in ("equity", "settled_equity", "cash", "gross_exposure", "positions", "unexplained_moves"):
            assert getattr(cut, name).tobytes() == getattr(known, name).tobytes(), (until, name)
        for name in ("equity", "cash", "gross_exposure", "positions"):
            assert getattr(cut, name).tobytes() == getattr(at_the_end, name)[: until + 1].tobytes(), (until, name)
        for name in ("fills", "trades", "decisions"):
            ours, theirs = getattr(cut, name), getattr(known, name)
            for column in ours.dtype.names:
                assert ours[column].tobytes() == theirs[column].tobytes(), (until, name, column)


def test_what_each_symbol_comes_to() -> None:
    """Each kind of ending, booked: by reason and, where nothing is sold at an open, by price."""
    market = market_until(COUNT - 1)
    found = orders(market, COUNT - 1)
    left = {SYMBOLS[row["symbol"]]: float(row["mark"]) for row in found.positions_at_end}
    close = {symbol: market.close[:, i] for i, symbol in enumerate(SYMBOLS)}
    assert left["CRASH"] == close["CRASH"][25] < 15
    assert left["LEAP"] == close["LEAP"][26] > 80  # not the 300 that nobody confirmed
    sold = {SYMBOLS[row["symbol"]]: row for row in found.trades}
    assert (sold["GONE"]["exit_price"], sold["GONE"]["exit_session"]) == (0.25, 33)
    assert (sold["HALT"]["exit_session"], sold["HALT"]["exit_price"] < 15) == (35, True)
    assert found.settled_equity[23] > found.equity[23]
    assert (found.settled_equity != found.equity).sum() == 1
