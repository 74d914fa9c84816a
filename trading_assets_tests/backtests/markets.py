"""Markets to simulate on: quiet ones to compute by hand, and wild ones that hypothesis draws."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import numpy as np

from trading_assets.backtests.engine.arrays import RUN_PARAMETERS, Candidates, Market, Signals
from trading_assets.backtests.engine.settings import Settings, settings_of
from trading_assets.config.accounts import Accounts
from trading_assets.config.sections import Costs, Risk

MONDAY = (dt.date(2001, 1, 1) - dt.date(1970, 1, 1)).days


_OF_SYMBOLS: tuple[str, ...] = ("fee_bps", "slippage_bps", "weekend_multiplier", "tick", "lot", "sector")
_OF_SYMBOLS += ("tick_below_one", "delisting_value", "delisting_return", "ending_loss", "benchmark")


_FLAGS: tuple[str, ...] = ("expected", "present", "refuted", "fillable", "tradable", "weekend", "stressed")
_FLAGS += ("borrowable", "crash")


def quiet_market(closes: Any, **changes: Any) -> Market:
    """A market without costs, events or holes, from closes (sessions, symbols) or (sessions,).

    It opens where it closes; ATR is 2, lot 1, tick 0, liquidity unlimited. A NaN close is a missing bar.
    `changes` replace fields; a scalar or a row is broadcast.
    """
    close = np.array(closes, dtype=np.float64)
    close = close.reshape(close.shape[0], -1)
    count, symbols = close.shape
    shapes: dict[str, tuple[int, ...]] = {
        "delisted": (symbols,),
        "symbol_key": (symbols,),
        "day": (count,),
        "weekend": (count,),
    }
    shapes["benchmark_returns"] = (1, count)
    shapes |= dict.fromkeys(_OF_SYMBOLS, (symbols,))
    opening = np.broadcast_to(np.asarray(changes.get("open", close), dtype=np.float64), close.shape)
    day = np.arange(MONDAY, MONDAY + count)
    fields: dict[str, Any] = {
        "open": opening,
        "high": np.fmax(opening, close),
        "low": np.fmin(opening, close),
        "close": close,
        "split_ratio": 1.0,
        "cash_dividend": 0.0,
        "expected": True,
        "present": np.isfinite(close),
        "refuted": False,
        "fillable": np.isfinite(opening),
        "tradable": np.isfinite(opening),
        "atr": 2.0,
        "adv": 1e12,
        "volatility_ratio": 1.0,
        "volatility": 0.0,
        "returns": _returns(close),
        "delisted": -1,
        "delisting_value": np.nan,
        "delisting_return": np.nan,
        "ending_loss": 0.0,
        "day": day,
        "weekend": (day + 3) % 7 >= 5,
        "stressed": False,
        "symbol_key": np.arange(1, symbols + 1),
        "fee_bps": 0.0,
        "slippage_bps": 0.0,
        "weekend_multiplier": 1.0,
        "tick": 0.0,
        "tick_below_one": np.minimum(changes.get("tick", 0.0), 0.0001),
        "lot": 1.0,
        "sector": -1,
        "benchmark_returns": 0.0,
        "benchmark": -1,
        "borrow_bps": 50.0,
        "borrowable": True,
    }
    # Copies: the compiled engine has one type for all arrays, and a broadcast view is another.
    return Market(
        **{
            name: np.array(np.broadcast_to(value, shapes.get(name, close.shape)), dtype=_dtype(name), order="C")
            for name, value in (fields | changes).items()
        }
    )


def _dtype(field: str) -> type:
    if field in (
        "expected",
        "present",
        "refuted",
        "fillable",
        "tradable",
        "weekend",
        "stressed",
        "borrowable",
        "crash",
    ):
        return np.bool_
    return {
        "delisted": np.int64,
        "day": np.int64,
        "sector": np.int64,
        "benchmark": np.int64,
        "symbol_key": np.uint64,
    }.get(field, np.float64)


def _returns(close: np.ndarray) -> np.ndarray:
    returns = np.full_like(close, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):  # a price of 0, in the market of a total loss
        returns[1:] = close[1:] / close[:-1] - 1
    return returns


def entries(market: Market, *at: tuple[int, int], exits: Any = None, **columns: Any) -> Signals:
    """Candidates at the given (session, symbol), one trigger that fires; `columns` replace fields.

    `exits` maps signals to the (session, symbol) pairs at which they are true: a list of lists of pairs.
    """
    rows = sorted(at)
    count = len(rows)
    fields: dict[str, Any] = {
        "eligible": np.ones(count, dtype=bool),
        "strength": np.ones((1, count)),
        "rank": np.zeros((1, count)),
        "relative_strength": np.zeros(count),
    } | {name: np.asarray(value) for name, value in columns.items()}
    flags = np.zeros((len(exits or ()), *market.close.shape), dtype=bool)
    for signal, pairs in enumerate(exits or ()):
        for session, symbol in pairs:
            flags[signal, session, symbol] = True
    candidates = Candidates(
        first=np.searchsorted([session for session, _ in rows], np.arange(market.day.size + 1)).astype(np.int64),
        symbol=np.array([symbol for _, symbol in rows], dtype=np.int64),
        **fields,
    )
    return Signals(candidates, flags)


def run_parameters_of(market: Market, **changes: Any) -> np.ndarray:
    """One trial over the whole market: stop 2 x ATR, no exit rule, no volatility scaling."""
    run_parameters = np.zeros(1, dtype=RUN_PARAMETERS)
    values: dict[str, Any] = {
        "stop_atr": 2.0,
        "exit_signal": -1,
        "raise_signal": -1,
        "capacity": 0.01,
        "rank_weights": (0.5, 0.3, 0.2),
        "fee_multiplier": 1.0,
        "slippage_multiplier": 1.0,
        "borrow_multiplier": 1.0,
        "last_session": market.day.size - 1,
    }
    for name, value in (values | changes).items():
        run_parameters[name] = value
    return run_parameters


def settings(
    seed: int = 7, *, noise: Literal["drawn", "off"] = "off", costs: dict[str, Any] | None = None, **risk: Any
) -> Settings:
    """Settings of the default sections, noise off, with some values of the sections replaced."""
    accounts = Accounts(**{name: risk.pop(name) for name in ("closing_limit",) if name in risk})
    return settings_of(Risk(**risk), Costs(noise=noise, **(costs or {})), seed, accounts)
