"""Random markets, signals and target weights, for what has to hold on any of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market, Signals, Targets
from trading_assets.backtests.engine.dtypes import LONG, SHORT
from trading_assets.backtests.engine.settings import Settings, settings_of
from trading_assets.config.accounts import Accounts
from trading_assets.config.sections import Costs, Risk
from trading_assets_tests.backtests.markets import MONDAY, entries, quiet_market, run_parameters_of


@dataclass(frozen=True)
class Case:
    """What one simulation takes."""

    market: Market
    signals: Signals | Targets
    run_parameters: np.ndarray
    settings: Settings


def _between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


ACCOUNTS = st.sampled_from([Accounts(closing_limit=limit) for limit in (0.05, 0.01, 1.0)])
RISKS = st.fixed_dictionaries(
    {
        "starting_equity": st.sampled_from([100_000.0, 2_000.0, 333.3]),
        "risk_per_trade": st.sampled_from([0.0075, 0.05, 0.3, 1e-5]),
        "max_position": st.sampled_from([0.15, 0.5, 1.0]),
        "max_gross": st.sampled_from([0.8, 0.3, 1.0]),
        "max_positions": st.integers(1, 8),
        "max_sector": st.sampled_from([0.5, 0.2, 1.0]),
        "max_symbol": st.sampled_from([0.25, 1.0]),
        "volatility_window": st.integers(2, 20),
        "volatility_baseline": st.integers(10, 40),
        "volatility_minimum": st.integers(1, 10),
        "correlation_window": st.integers(3, 20),
        "correlation_positions": st.integers(2, 4),
        "correlation_portfolio": st.sampled_from([0.1, 0.7]),
        "correlation_candidate": st.sampled_from([0.2, 0.75]),
        "beyond_capacity": st.sampled_from(["reduce", "reject"]),
        "var_limit": st.sampled_from([0.03, 0.005, 1.0]),
        "var_window": st.sampled_from([20, 30]),
        "daily_loss_limit": st.sampled_from([0.02, 0.005, 1.0]),
        "drawdown_limit": st.sampled_from([0.2, 0.05, 0.02, 1.0]),
        "halt_sessions": st.integers(0, 8),
        "restart_risk": st.sampled_from([0.5, 0.0, 1.0]),
        "max_regime_turnover": st.sampled_from([0.05, 0.3, 0.007]),
        "health_clean_sessions": st.integers(1, 6),
        "missing_sessions_exit": st.integers(1, 3),
        "delisting_sessions": st.sampled_from([3, 5, 10]),
    }
)
#: Everything into one position: cash runs out at the fill.
GREEDY = {"risk_per_trade": 1.0, "max_position": 1.0, "max_symbol": 1.0, "max_sector": 1.0, "max_gross": 1.0}
COSTS = st.fixed_dictionaries({"noise": st.sampled_from(["drawn", "off"])})
TRIALS = st.fixed_dictionaries(
    {
        "threshold": st.lists(_between(-2, 1), min_size=4, max_size=4).map(tuple),
        "stop_atr": st.sampled_from([0.5, 1.0, 2.5, 4.0]),
        "raised_stop_atr": st.sampled_from([0.2, 2.0]),
        "exit_signal": st.integers(-1, 1),
        "raise_signal": st.integers(-1, 1),
        "max_hold": st.sampled_from([0, 0, 1, 4, 9]),
        "capacity": st.sampled_from([0.005, 0.0025, 0.5]),
        "scaling": st.integers(0, 2),
        "rank_weights": st.sampled_from([(0.5, 0.3, 0.2), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)]),
        "fee_multiplier": st.sampled_from([0.0, 1.0, 3.0, 100.0]),
        "slippage_multiplier": st.sampled_from([0.0, 1.0, 3.0, 100.0]),
        "delay": st.sampled_from([0, 0, 0, 1, 3]),
        "closing": st.sampled_from([0, 0, 0, 0, 0, 0, 25, 50]),
    }
)
MARKETS = st.fixed_dictionaries(
    {
        "sessions": st.integers(5, 120),
        "symbols": st.integers(1, 8),
        "volatility": st.sampled_from([0.01, 0.03, 0.1]),
        "common": st.sampled_from([0.0, 0.5, 0.99]),
        "drift": st.sampled_from([0.002, -0.002, -0.02]),
        "holes": st.sampled_from([0.0, 0.02, 0.1]),
        "doubted": st.sampled_from([0.02, 0.02, 0.2]),
        "events": st.sampled_from([0.0, 0.03]),
        "signals": st.sampled_from([0.05, 0.3, 1.0]),
        "leave": st.sampled_from([0.02, 0.2]),
        "calendars": st.sampled_from(["weekdays", "daily", "mixed"]),
        "crashes": st.sampled_from([0.0, 0.0, 0.05]),
    }
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A random market with signals, a trial and settings, small and nasty enough to reach every rule."""
    shape = draw(MARKETS)
    # The shape is hypothesis's to shrink; the numbers come from a seed, because thousands are needed.
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    market = _wild_market(random, shape)
    signals = _wild_signals(random, market, shape)
    first = draw(st.integers(0, min(10, market.day.size - 1)))
    last = draw(st.integers(max(first, market.day.size - 10), market.day.size - 1))
    side = draw(st.sampled_from([LONG, LONG, SHORT]))
    run_parameters = run_parameters_of(market, **draw(TRIALS), side=side, first_session=first, last_session=last)
    costs = Costs.model_validate(draw(COSTS))
    risk = Risk.model_validate(draw(RISKS) | draw(st.sampled_from([{}, {}, GREEDY])))
    return Case(market, signals, run_parameters, settings_of(risk, costs, draw(st.integers(0, 9)), draw(ACCOUNTS)))


def _wild_market(random: np.random.Generator, shape: dict[str, Any]) -> Market:
    count, symbols = shape["sessions"], shape["symbols"]
    day = MONDAY + int(random.integers(7)) + np.arange(2 * count)
    weekend = (day + 3) % 7 >= 5
    if shape["calendars"] == "weekdays":
        day = day[~weekend]
    day, weekend = day[:count], ((day + 3) % 7 >= 5)[:count]
    rests = random.random(symbols) < {"weekdays": 1.0, "daily": 0.0, "mixed": 0.5}[shape["calendars"]]

    expected = ~(weekend[:, None] & rests)
    start = np.where(random.random(symbols) < 0.3, random.integers(0, count, symbols), 0)
    expected &= np.arange(count)[:, None] >= start
    delisted = np.full(symbols, -1)
    for i in range(symbols):
        on_calendar = np.flatnonzero(expected[:, i])
        if random.random() < 0.15 and on_calendar.size:
            delisted[i] = random.choice(on_calendar)
            expected[delisted[i] + 1 :, i] = False

    received = expected & (random.random((count, symbols)) >= shape["holes"])
    for i in range(symbols):
        if shape["holes"] and random.random() < 0.4:
            halt = int(random.integers(count))
            received[halt : halt + int(random.integers(1, 14)), i] = False
    odd = random.random((count, symbols))
    present = received & (odd > shape["doubted"])
    refuted = received & ~present & (random.random((count, symbols)) < 0.5)
    fillable = received & (odd < 0.97)
    tradable = fillable.copy()
    fillable &= (random.random((count, symbols)) > 0.03) | present

    split = np.where(
        random.random((count, symbols)) < shape["events"], random.choice([2, 1.5, 0.5, 0.1], (count, symbols)), 1.0
    )
    split[~received] = 1.0
    factor = random.normal(0, 1, (count, 1))
    own = random.normal(0, 1, (count, symbols))
    mixed = np.sqrt(shape["common"]) * factor + np.sqrt(1 - shape["common"]) * own
    adjusted_return = np.where(expected, shape["drift"] + shape["volatility"] * mixed, 0.0)
    level = random.choice([100.0, 20.0, 0.03, 3000.0], symbols)
    close = np.maximum(level * np.exp(np.cumsum(adjusted_return, axis=0)) / np.cumprod(split, axis=0), 1e-6)
    before = np.vstack([close[:1], close[:-1]]) / split
    gap = random.normal(0, shape["volatility"] / 2, (count, symbols))
    opening = np.round(np.maximum(before * np.exp(gap), 1e-6), 6)
    close = np.where(present, close, close * random.choice([0.2, 1.0, 4.0], close.shape))
    close = np.maximum(np.round(close, 6), 1e-6)
    pays = random.random((count, symbols)) < np.where(split == 1, shape["events"], 0.5)
    dividend = np.where(pays & received, 0.02 * before, 0.0)
    low = np.minimum(opening, close) * np.exp(-np.abs(random.normal(0, shape["volatility"] / 2, (count, symbols))))
    high = np.maximum(opening, close) * np.exp(np.abs(random.normal(0, shape["volatility"] / 2, (count, symbols))))
    atr = close * shape["volatility"] * random.uniform(0.5, 2, (count, symbols))
    atr[random.random((count, symbols)) < 0.03] = random.choice([0.0, np.nan])
    adv = close * 10 ** random.uniform(1, 7, symbols)
    adv[random.random((count, symbols)) < 0.03] = random.choice([0.0, np.nan])
    if random.random() < 0.5:  # liquidity dries up: a halt sells in slices
        adv *= 10 ** random.uniform(0, 3) * 0.7 ** np.arange(count)[:, None]
    ratio = random.uniform(0.1, 6, (count, symbols))
    ratio[random.random((count, symbols)) < 0.05] = np.nan

    crypto = random.random(symbols) < 0.5
    tick = np.where(crypto, 1e-8, random.choice([0.0, 0.01], symbols))
    market = quiet_market(
        np.where(received, close, np.nan),
        open=np.where(received, opening, np.nan),
        high=np.where(received, high, np.nan),
        low=np.where(received, low, np.nan),
        split_ratio=split,
        cash_dividend=dividend,
        expected=expected,
        present=present,
        refuted=refuted,
        fillable=fillable,
        tradable=tradable,
        atr=np.where(received, atr, np.nan),
        adv=np.where(received, adv, np.nan),
        volatility_ratio=np.where(received, ratio, np.nan),
        volatility=shape["volatility"]
        * random.choice([0.0, 0.5, 1.0, np.nan], (count, symbols), p=[0.1, 0.4, 0.4, 0.1]),
        returns=_usable_returns(adjusted_return, expected, present),
        benchmark_returns=shape["drift"] + shape["volatility"] * factor.T,
        benchmark=np.where(random.random(symbols) < 0.8, 0, -1),
        delisted=delisted,
        delisting_value=np.where(random.random(symbols) < 0.3, random.choice([0.0, 1.0, 80.0], symbols), np.nan),
        delisting_return=np.where(random.random(symbols) < 0.3, random.choice([-1.0, -0.3, 0.1], symbols), np.nan),
        ending_loss=random.choice([0.0, 0.0, 0.3, 1.0], symbols),
        day=day,
        weekend=weekend,
        stressed=random.random((count, symbols)) < 0.2,
        symbol_key=random.integers(0, 2**64, symbols, dtype=np.uint64),
        fee_bps=random.choice([0.0, 1.0, 8.0], symbols),
        slippage_bps=random.choice([0.0, 8.0, 10.0], symbols),
        weekend_multiplier=random.choice([1.0, 1.5], symbols),
        tick=tick,
        tick_below_one=np.minimum(tick, random.choice([0.0, 0.0001, 0.01])),
        lot=np.where(crypto, 1e-8, 1.0),
        sector=random.integers(-1, 2, symbols),
        borrow_bps=random.choice([0.0, 50.0, 3000.0], (count, symbols)),
        borrowable=random.random((count, symbols)) < random.choice([0.7, 1.0], symbols),
    )
    if not shape["crashes"]:
        return market
    return market._replace(crash=random.random(count) < shape["crashes"])


def _usable_returns(adjusted: np.ndarray, expected: np.ndarray, present: np.ndarray) -> np.ndarray:
    """NaN unless this expected session and the one before it are both present."""
    returns = np.full(adjusted.shape, np.nan)
    for i in range(adjusted.shape[1]):
        rows = np.flatnonzero(expected[:, i])
        for before, now in pairwise(rows):
            if present[before, i] and present[now, i]:
                returns[now, i] = np.expm1(adjusted[now, i])
    return returns


def _wild_signals(random: np.random.Generator, market: Market, shape: dict[str, Any]) -> Signals:
    chosen = market.present & (random.random(market.present.shape) < shape["signals"])
    rows = [(int(session), int(symbol)) for session, symbol in zip(*np.nonzero(chosen), strict=True)]
    triggers, count = int(random.integers(1, 4)), len(rows)

    def unknown(values: np.ndarray) -> np.ndarray:
        return np.where(random.random(values.shape) < 0.1, np.nan, values)

    signals = entries(
        market,
        *rows,
        eligible=random.random(count) < 0.9,
        strength=unknown(random.normal(0, 1, (triggers, count))),
        # Few levels, so that ties occur.
        rank=unknown(random.integers(0, 4, (triggers, count)).astype(float)),
        relative_strength=unknown(random.integers(0, 3, count).astype(float)),
    )
    return signals._replace(exits=random.random((2, *market.close.shape)) < shape["leave"])


@st.composite
def target_cases(draw: st.DrawFn) -> Case:
    """As `cases`, with target weights: single slots and pairs, flips, repeated rows, sums above the gross cap."""
    shape = draw(MARKETS)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    market = _wild_market(random, shape)
    first = draw(st.integers(0, min(10, market.day.size - 1)))
    last = draw(st.integers(max(first, market.day.size - 10), market.day.size - 1))
    targets = _wild_targets(random, market, shape)
    costs = {"borrow_multiplier": 3.0, "slippage_multiplier": draw(st.sampled_from([0.0, 1.0, 3.0]))}
    run_parameters = run_parameters_of(market, **draw(TRIALS) | costs, first_session=first, last_session=last)
    if draw(st.booleans()):  # deep enough for the large weights
        market = market._replace(adv=market.adv * 1e4)
    risk = Risk.model_validate(
        draw(RISKS) | draw(st.sampled_from([{}, GREEDY])) | {"daily_loss_limit": draw(st.sampled_from([0.02, 1.0]))}
    )
    numbers = settings_of(risk, Costs.model_validate(draw(COSTS)), draw(st.integers(0, 9)), draw(ACCOUNTS))
    # Above 1 the cash runs out before the gross cap.
    return Case(
        market, targets, run_parameters, numbers._replace(max_gross=draw(st.sampled_from([0.8, 0.3, 1.0, 2.0])))
    )


def _wild_targets(random: np.random.Generator, market: Market, shape: dict[str, Any]) -> Targets:
    count, symbols = market.close.shape
    singles = random.permutation(symbols)[: int(random.integers(0, symbols + 1))]
    slots = [(-1, int(i)) for i in sorted(singles)]
    for pair in range(int(random.integers(0, 3)) if symbols > 1 else 0):
        slots += [(pair, int(i)) for i in sorted(random.choice(symbols, 2, replace=False))]
    pair_index = np.array([number for number, _ in slots], dtype=np.int64)
    size, sides = float(random.choice([0.05, 0.3, 1.0])), [[-1, 0, 1, 1], [0, 1, 1, 1]][int(random.integers(2))]
    first = np.zeros(count + 1, dtype=np.int64)
    position_index: list[int] = []
    weight: list[float] = []
    for t in range(count):
        acts = random.random() < max(shape["signals"], 0.1)
        for p, (pair, i) in enumerate(slots):
            other = (
                weight[-1]
                if position_index
                and len(position_index) > first[t]
                and position_index[-1] == p - 1
                and pair_index[p - 1] == pair
                else None
            )
            leg = pair >= 0 and other is not None
            if not acts or not market.present[t, i] or not (leg or random.random() < 0.4):
                continue
            side = -np.sign(other) if leg and other is not None else random.choice(sides)
            position_index.append(p)
            weight.append(float(side * size * random.choice([0.25, 0.5, 1.0])))
        first[t + 1] = len(position_index)
    changes = np.zeros(0, dtype=np.bool_)  # of regime
    if random.random() < 0.5:
        changes = random.random(len(position_index)) < random.choice([0.3, 1.0])
    return Targets(
        first=first,
        position_index=np.array(position_index, dtype=np.int64),
        weight=np.array(weight, dtype=np.float64),
        of_regime=changes,
        eligible=random.random(len(position_index)) < 0.95,
        reason=np.where(np.array(weight) == 0, EXIT_REASONS.index("rule"), len(EXIT_REASONS)).astype(np.int64),
        symbol=np.array([i for _, i in slots], dtype=np.int64),
        pair_index=pair_index,
    )
