"""The rules of the shipped strategies, on rows made by hand and on random walks."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest

from trading_assets.strategies import crypto_momentum, equity_momentum, ml
from trading_assets.strategies.interface.panel import build_panel, evaluate
from trading_assets_tests.backtests.frames import BENCHMARK, SYMBOLS, frames, weekdays

LEVELS = {"ma_20": 95.0, "ma_50": 90.0, "ma_200": 80.0, "highest_close_20": 100.0, "highest_close_55": 100.0}


def row(close: float, **changes: float | None) -> pl.DataFrame:
    """The 21st session of a symbol whose ma_50 rose by 1 % over 20 sessions."""
    values = {"atr_14": 2.0, "roc_60": 0.2, "benchmark_roc_60": 0.1, "score": 0.6, **LEVELS, **changes}
    earlier = values | {"ma_50": 90.0 / 1.01 if values["ma_50"] is None else values["ma_50"] / 1.01}
    made = [earlier | {"adj_close": close}] * 20 + [values | {"adj_close": close}]
    return pl.DataFrame(
        [
            each | {"symbol": "AAA", "session": day, "in_universe": True}
            for each, day in zip(made, weekdays(21), strict=True)
        ],
        schema_overrides=dict.fromkeys(values, pl.Float64),
    )


def at(module: object, frame: pl.DataFrame, **parameters: object) -> dict[str, object]:
    rules = module.rules(module.Parameters(**parameters))  # type: ignore[attr-defined]
    found = evaluate(rules, frame).row(-1, named=True)
    fires = [t.name for k, t in enumerate(rules.triggers) if (found[f"strength_{k}"] or -1) >= t.threshold]
    return found | {"fires": fires}


@pytest.mark.parametrize("module", [equity_momentum, crypto_momentum])
def test_breakouts_clear_the_highest_close_by_their_clearance(module: object) -> None:
    assert at(module, row(100.4))["fires"] == []
    assert at(module, row(100.5))["fires"] == ["fast"]
    assert at(module, row(101.0))["fires"] == ["fast", "slow"]
    assert at(module, row(101.0), slow_clearance=0.02)["fires"] == ["fast"]


@pytest.mark.parametrize("module", [equity_momentum, crypto_momentum])
def test_breakouts_are_ranked_by_atrs_above_their_mean(module: object) -> None:
    found = at(module, row(101.0))
    assert (found["rank_0"], found["rank_1"]) == ((101 - 95) / 2, (101 - 90) / 2)
    assert found["relative_strength"] == pytest.approx(0.1)


def test_exits_by_name() -> None:
    equity, crypto = (
        equity_momentum.rules(equity_momentum.Parameters()),
        crypto_momentum.rules(crypto_momentum.Parameters()),
    )
    assert equity.exit is not None and crypto.exit is not None
    assert (equity.exit.signal, equity.exit.raise_stop_on) == ("ma_20", None)
    assert (crypto.exit.signal, crypto.exit.raise_stop_on, crypto.exit.raised_stop_atr) == ("ma_50", "ma_20", 2.0)
    assert equity.exit_reason == crypto.exit_reason == "ma_cross"


@pytest.mark.parametrize(
    ("module", "stop_atr", "capacity"),
    [(equity_momentum, 2.5, 0.005), (crypto_momentum, 3.0, 0.0025), (ml, 2.5, 0.005)],
)
def test_defaults_are_those_of_the_trading_rules(module: object, stop_atr: float, capacity: float) -> None:
    parameters = module.Parameters()  # type: ignore[attr-defined]
    assert (parameters.stop_atr, parameters.capacity, parameters.volatility_scaling) == (
        stop_atr,
        capacity,
        "continuous",
    )


@pytest.mark.parametrize("module", [equity_momentum, crypto_momentum])
def test_the_grid_has_432_points(module: object) -> None:
    grid = module.GRID  # type: ignore[attr-defined]
    assert math.prod(len(values) for values in grid.values()) == 432


@pytest.mark.parametrize("module", [equity_momentum, crypto_momentum, ml])
def test_rules_look_back_only(module: object) -> None:
    """The rules on the sessions up to a date are, to the bit, those on all sessions."""
    tables, cut = frames(300), weekdays(300)[249]

    def evaluated(last: dt.date) -> pl.DataFrame:
        bars, indicators = (table.filter(pl.col("session") <= last) for table in (tables.bars, tables.indicators))
        made = build_panel(bars, indicators, tables.universe, symbols=list(SYMBOLS), benchmarks={"equity": BENCHMARK})
        score = pl.col("adj_close") / 100 % 1
        return evaluate(module.rules(module.Parameters()), made.with_columns(score=score))  # type: ignore[attr-defined]

    assert evaluated(cut).equals(evaluated(weekdays(300)[-1]).filter(pl.col("session") <= cut))
