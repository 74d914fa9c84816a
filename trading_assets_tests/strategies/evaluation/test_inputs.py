"""What a strategy reads makes the same bytes of everything, however many symbols are read at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import backtest, baselines_of, parameter_grid, prepare, sweep_parameters
from trading_assets.backtests.engine.arrays import Signals
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.parallel_sweep import Span
from trading_assets.config.robustness import StressScenario
from trading_assets.robustness.resampling.random_runs import random_entries
from trading_assets.robustness.stress.scenario_market import ScenarioInputs, apply_scenario
from trading_assets.strategies.evaluation.decide import decide, first_decision
from trading_assets.strategies.evaluation.inputs import Frames, panels_of, read_frames
from trading_assets.warehouse import by_symbol
from trading_assets_tests.robustness.pipeline import Experiment

NAME, END = "known", dt.date(2016, 12, 30)
SPAN = dt.date(2016, 1, 4), END
SCENARIOS = {
    "holes": StressScenario(drop_bars=0.1),
    "one factor": StressScenario(correlation_one=True),
    "shock": StressScenario.model_validate({"shock": {"session": "2016-06-01", "move": -0.2}}),
}


def read(experiment: Experiment, size: int, monkeypatch: pytest.MonkeyPatch) -> Frames:
    """The tables of the strategy, so many bars at a time."""
    monkeypatch.setattr(by_symbol, "ROWS_AT_A_TIME", size)
    return read_frames(experiment.warehouse, experiment.configuration, NAME, END)


def everything(experiment: Experiment, frames: Frames) -> Mapping[str, Any]:
    """What follows from the tables, as bytes and frames by name."""
    configuration = experiment.configuration
    prepared = prepare(configuration, frames)
    panels = panels_of(configuration, frames)
    decided = decide(frames.strategy, panels, configuration.risk)
    run = backtest(prepared, *SPAN, split="train")
    found: dict[str, Any] = {f"market {name}": array.tobytes() for name, array in prepared.market._asdict().items()}
    assert isinstance(prepared.signals, Signals)
    found |= {f"candidates {name}": each.tobytes() for name, each in prepared.signals.candidates._asdict().items()}
    found |= {"exits": prepared.signals.exits.tobytes(), "panel": prepared.panel}
    found |= {table.name: rows for table, rows in run.by_table().items()}
    found |= {"signals": decided.signals, "targets": decided.target_weights}
    found["first"] = first_decision(frames.strategy, panels)
    found["baselines"] = baselines_of(prepared, run)
    found["hash"] = data_hash(frames.bars_in_parts, [*frames.strategy.symbols, str(prepared.benchmark_name)], END)
    grid = parameter_grid(frames.strategy.parameters, {"stop_atr": [2.0, 3.0], "fast_clearance": [0.0, 0.01]})
    found["sweep"] = sweep_parameters(prepared, grid, *SPAN).equity.tobytes()
    found["random"] = random_entries(Span(prepared, *SPAN), entries=5, runs=8, seed=1).sharpes.tobytes()
    inputs = ScenarioInputs(configuration, lambda _: frames)
    for name, scenario in SCENARIOS.items():
        stressed = apply_scenario(scenario, prepared, inputs, *SPAN)
        found[name] = [stressed.market.close.tobytes(), backtest(stressed, *SPAN, split="train").equity]
    return found


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return all(map(is_same, one, other))
    return one.equals(other) if isinstance(one, pl.DataFrame) else bool(one == other)


def test_any_part_of_the_market_at_a_time_makes_the_same_bytes(
    finished: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = everything(finished, read(finished, 10**9, monkeypatch).whole())
    assert at_once["backtests.trades"].height and at_once["signals"].height
    for size in (1, 700):
        frames = read(finished, size, monkeypatch)
        assert frames.parts is not None and len(list(frames.parts)) > 1
        found = everything(finished, frames)
        assert [name for name, each in found.items() if not is_same(each, at_once[name])] == []


def test_whole_frames_are_the_rows_of_all_parts(finished: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = read(finished, 1, monkeypatch)
    whole = frames.whole()
    assert whole.whole() is whole
    assert pl.concat(frames.bars_in_parts).equals(whole.bars)
    assert frames.last_session == whole.last_session == whole.bars["session"].max()
    assert np.unique(whole.bars["symbol"]).size > len(frames.strategy.symbols), "benchmarks too"
