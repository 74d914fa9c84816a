"""Sweeps in parts: the same runs, whoever makes them and however they are shared out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from trading_assets.backtests.backtest import PreparedBacktest, Sweep, parameter_grid, sweep_parameters, sweep_prepared
from trading_assets.backtests.parallel_sweep import RandomVariants, Span, sweep_random, sweep_sets
from trading_assets.backtests.perturbations import with_entries
from trading_assets.parallel.workers import IN_PROCESS, split_evenly
from trading_assets_tests.backtests.frames import frames, loaded, prepare_strategy


class InParts:
    """This process, with as many parts as asked for."""

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def map(
        self, compute: Callable[[Any, Any], Any], shared: Any, items: Sequence[Any], ended: Any = None
    ) -> list[Any]:
        return [compute(shared, item) for item in items]

    def parts_of(self, items: Sequence[Any]) -> list[Sequence[Any]]:
        return split_evenly(items, self.parts)


@pytest.fixture(scope="module")
def span(tmp_path_factory: pytest.TempPathFactory) -> Span:
    tables = frames(300, seed=2)
    days = tables.sessions["session"].unique().sort().to_list()
    return Span(prepare_strategy(loaded(tmp_path_factory.mktemp("span")), "breakout", tables), days[40], days[-1])


def draw(generator: np.random.Generator, size: int) -> np.ndarray:
    return generator.choice(size, size=5, replace=False)


def vary(span: Span, size: int, chosen: np.ndarray) -> PreparedBacktest:
    return with_entries(span.prepared, 40 + chosen % 200, chosen % len(span.prepared.axes.symbols))


def assert_same(found: Sweep, expected: Sweep) -> None:
    for item in fields(Sweep):
        np.testing.assert_array_equal(getattr(found, item.name), getattr(expected, item.name), err_msg=item.name)


@pytest.mark.parametrize("parts", [1, 2, 3, 40])
def test_random_runs_are_those_of_one_generator(span: Span, parts: int) -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    expected = sweep_prepared((vary(span, 400, draw(generator, 400)) for _ in range(11)), span.start, span.end)
    variants = RandomVariants(span, draw, vary, 400)
    found = sweep_random(variants, 11, np.random.Generator(np.random.PCG64(5)), InParts(parts))
    assert_same(found, expected)
    assert len(np.unique(found.equity[:, -1])) > 5


@pytest.mark.parametrize("parts", [1, 2, 40])
def test_parameter_sets_stay_in_their_order(span: Span, parts: int) -> None:
    sets = parameter_grid(span.prepared.parameters, {"stop_atr": [1.0, 2.0, 4.0], "max_hold": [5, 20]})
    expected = sweep_parameters(span.prepared, sets, span.start, span.end)
    assert_same(sweep_sets(span, sets, InParts(parts)), expected)
    assert_same(sweep_sets(span, sets, IN_PROCESS), expected)
    assert len(np.unique(expected.equity[:, -1])) > 1
