"""The tables of one run of the engine on arrays, with names made up for what it numbers."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Targets
from trading_assets.backtests.engine.dtypes import SHORT
from trading_assets.backtests.engine.simulate import simulate
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.market_axes import MarketAxes
from trading_assets.backtests.results.run_tables import Result
from trading_assets.strategies.interface.rules import Rules, Side, Trigger
from trading_assets_tests.backtests.random_markets import Case

FIRST = dt.date(2001, 1, 1)


def grid_of_case(case: Case) -> MarketAxes:
    """Sessions on consecutive days, symbols S00, S01, ..."""
    sessions, symbols = case.market.close.shape
    return MarketAxes(
        sessions=[FIRST + dt.timedelta(days=t) for t in range(sessions)],
        symbols=[f"S{i:02d}" for i in range(symbols)],
        asset_classes=["equity"] * symbols,
        calendars=["24/7"] * symbols,
    )


def result_of_case(case: Case, split: str = "train") -> Result:
    """Every table of the run of a case: triggers are named t0 to t3, pairs P0 and on, a target's own reason own."""
    axes = grid_of_case(case)
    if isinstance(case.signals, Targets):
        reasons = (*EXIT_REASONS, "own")
        pairs = [f"P{number}" for number in range(case.signals.pair_index.max() + 1)]
        names = AxisLabels(axes, triggers=reasons, exits=reasons, pairs=pairs)
    else:
        triggers = tuple(Trigger(f"t{k}", pl.lit(1.0), 0.0, pl.lit(1.0)) for k in range(4))
        side: Side = "short" if case.run_parameters[0]["side"] == SHORT else "long"
        names = AxisLabels.of_rules(axes, Rules(eligible=pl.lit(True), triggers=triggers, side=side))
    simulation = simulate(case.market, case.signals, case.run_parameters, case.settings)
    nothing = np.zeros(len(axes.sessions))
    return Result(
        simulation,
        case.market,
        case.run_parameters,
        case.settings,
        names,
        risk_free=nothing,
        strategy="s",
        split=split,
    )
