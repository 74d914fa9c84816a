"""Target weights as the engine takes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.arrays import EXIT_REASONS, Targets
from trading_assets.backtests.inputs.axis_labels import AxisLabels
from trading_assets.backtests.inputs.target_weights import targets_of
from trading_assets.backtests.perturbations import with_entries
from trading_assets.strategies.interface.target_weights import SCHEMA, checked
from trading_assets_tests.backtests.dropped_bars import without_bars
from trading_assets_tests.backtests.frames import frames, loaded, prepare_strategy, weekdays
from trading_assets_tests.narrow import as_targets

DAYS = weekdays(60)
Row = tuple[int, str, str | None, float, str]
ROWS: list[Row] = [
    (5, "BBB", None, 0.2, "in"),
    (5, "DDD", "late", -0.1, "short"),
    (5, "CCC", "late", 0.1, "long"),
    (5, "AAA", None, 0.3, "in"),
    (9, "BBB", "first", 0.1, "long"),
    (9, "AAA", "first", -0.1, "short"),
    (9, "AAA", None, 0.0, "rebalance"),
    (12, "DDD", "late", 0.0, "out"),
    (12, "CCC", "late", 0.0, "out"),
]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> PreparedBacktest:
    return prepare_strategy(loaded(tmp_path_factory.mktemp("small")), "breakout", frames(60))


def arrays(market: PreparedBacktest, rows: list[Row]) -> tuple[Targets, AxisLabels]:
    frame = pl.DataFrame(
        [(DAYS[t], symbol, pair, weight, reason) for t, symbol, pair, weight, reason in rows],
        schema=SCHEMA,
        orient="row",
    )
    panel = market.panel.with_columns(in_universe=pl.col("symbol") != "DDD")
    return targets_of(checked(frame, panel), panel, market.axes, market.market)


def read_back(found: tuple[Targets, AxisLabels]) -> list[tuple[int, str, str | None, float, str, bool]]:
    targets, names = found
    rows = []
    for t in range(60):
        for row in range(targets.first[t], targets.first[t + 1]):
            position_index = targets.position_index[row]
            pair_index = targets.pair_index[position_index]
            symbol = ["AAA", "BBB", "CCC", "DDD"][targets.symbol[position_index]]
            pair = None if pair_index < 0 else names.pairs[pair_index]
            rows.append(
                (t, symbol, pair, targets.weight[row], names.triggers[targets.reason[row]], targets.eligible[row])
            )
    return rows


def test_every_row_is_there_by_session_pair_and_symbol(market: PreparedBacktest) -> None:
    wanted = [
        (5, "AAA", None, 0.3, "in"),
        (5, "BBB", None, 0.2, "in"),
        (5, "CCC", "late", 0.1, "long"),
        (5, "DDD", "late", -0.1, "short"),
        (9, "AAA", None, 0.0, "rebalance"),
        (9, "AAA", "first", -0.1, "short"),
        (9, "BBB", "first", 0.1, "long"),
        (12, "CCC", "late", 0.0, "out"),
        (12, "DDD", "late", 0.0, "out"),
    ]
    assert read_back(arrays(market, ROWS)) == [(*row, row[1] != "DDD") for row in wanted]


def test_a_symbol_and_each_leg_of_a_pair_are_slots_of_their_own(market: PreparedBacktest) -> None:
    targets, names = arrays(market, ROWS)
    assert names.pairs == ("late", "first")
    assert list(zip(targets.pair_index, targets.symbol, strict=True)) == [
        (-1, 0),
        (-1, 1),
        (0, 2),
        (0, 3),
        (1, 0),
        (1, 1),
    ]
    own = [name for name in ("in", "long", "out", "rebalance", "short") if name not in EXIT_REASONS]
    assert names.triggers == names.exits == (*EXIT_REASONS, *own)


def test_later_rows_change_no_number_of_an_earlier_pair(market: PreparedBacktest) -> None:
    """A pair that comes first by name, but later, moves none of those before it."""
    before = [row for row in ROWS if row[0] <= 5]
    whole, short = arrays(market, ROWS), arrays(market, before)
    assert read_back(whole)[: len(before)] == read_back(short)
    assert whole[1].pairs[:1] == short[1].pairs
    order = [list(zip(each.pair_index, each.symbol, strict=True)) for each, _ in (whole, short)]
    assert [position_index for position_index in order[0] if position_index in order[1]] == order[1]


def test_rows_of_a_bar_that_the_market_does_not_have_are_left_out(market: PreparedBacktest) -> None:
    frame = pl.DataFrame(
        [(DAYS[5], "AAA", None, 0.3, "in"), (DAYS[6], "AAA", None, 0.0, "out")], schema=SCHEMA, orient="row"
    )
    holed = market.market._replace(present=market.market.present & (np.arange(60) != 6)[:, None])
    targets, _ = targets_of(frame, market.panel, market.axes, holed)
    assert (targets.weight.tolist(), targets.first[6], targets.first[-1]) == ([0.3], 1, 1)


def test_a_strategy_that_wants_nothing_has_empty_arrays(market: PreparedBacktest) -> None:
    targets, names = arrays(market, [])
    assert (targets.position_index.size, targets.symbol.size, names.pairs) == (0, 0, ())
    assert targets.first.tolist() == [0] * 61
    assert all(
        each.dtype == np.int64
        for each in (targets.first, targets.position_index, targets.reason, targets.symbol, targets.pair_index)
    )


def test_a_weight_of_a_dropped_bar_is_decided_on_the_next_one(market: PreparedBacktest) -> None:
    rows: list[Row] = [
        (5, "AAA", None, 0.3, "in"),  # dropped on 5 and 6: comes on 7
        (5, "BBB", None, 0.3, "in"),  # dropped until the strategy decides anew on 9
        (9, "BBB", None, 0.1, "again"),
        (9, "CCC", "p", 0.1, "long"),  # the other leg has no bar on 9: both come on 10
        (9, "DDD", "p", -0.1, "short"),
        (12, "CCC", "p", 0.0, "out"),  # no bar of CCC any more: never
        (12, "DDD", "p", 0.0, "out"),
    ]
    targets, names = arrays(market, rows)
    missing = np.zeros(market.market.present.shape, dtype=bool)
    for symbol, days in {0: slice(5, 7), 1: slice(5, 9), 3: slice(9, 10), 2: slice(12, 60)}.items():
        missing[days, symbol] = True
    found = without_bars(replace(market, signals=targets), missing)
    assert not (found.market.present & missing).any()
    moved = [(t, symbol, weight) for t, symbol, _, weight, *_ in read_back((as_targets(found.signals), names))]
    assert moved == [(7, "AAA", 0.3), (9, "BBB", 0.1), (10, "CCC", 0.1), (10, "DDD", -0.1)]
    same = without_bars(replace(market, signals=targets), np.zeros_like(missing))
    assert read_back((as_targets(same.signals), names)) == read_back((targets, names))


def test_a_target_weight_strategy_has_no_entries_to_replace(market: PreparedBacktest) -> None:
    targets, _ = arrays(market, ROWS)
    with pytest.raises(TypeError, match="breakout: a target-weight strategy has no entries"):
        with_entries(replace(market, signals=targets), np.array([5]), np.array([0]))
