"""Factors are known the day before and long one third, short another."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest

from trading_assets.analytics.factor_returns import SORTED_BY, factor_returns

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(40)]
NOBODY = pl.DataFrame(schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date})


def world(seed: int, symbols: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    random = np.random.default_rng(seed)
    names = [f"S{i}" for i in range(symbols)]
    rows = pl.DataFrame({"symbol": np.repeat(names, len(DAYS)), "session": DAYS * symbols})
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (symbols, len(DAYS))), axis=1)).ravel()
    levels = {column: random.normal(size=rows.height) for column, _ in SORTED_BY.values()}
    return rows.with_columns(adj_close=pl.Series(closes)), rows.with_columns(
        **{k: pl.Series(v) for k, v in levels.items()}
    )


def by_brute_force(bars: pl.DataFrame, levels: pl.DataFrame, name: str) -> dict[dt.date, float]:
    column, sign = SORTED_BY[name]
    closes = {(s, d): c for s, d, c in bars.select("symbol", "session", "adj_close").iter_rows()}
    of = {(s, d): sign * v for s, d, v in levels.select("symbol", "session", column).iter_rows()}
    symbols, found = sorted({s for s, _ in closes}), {}
    for before, day in itertools.pairwise(DAYS):
        known = [s for s in symbols if (s, before) in of and (s, before) in closes and (s, day) in closes]
        if len(known) < 3:
            continue
        ordered = sorted(known, key=lambda s: (of[s, before], s))
        made = {s: closes[s, day] / closes[s, before] - 1 for s in known}
        side = len(known) // 3
        found[day] = np.mean([made[s] for s in ordered[-side:]]) - np.mean([made[s] for s in ordered[:side]])
    return found


@pytest.mark.parametrize("name", sorted(SORTED_BY))
def test_factors_are_those_of_a_loop(name: str) -> None:
    bars, levels = world(1)
    found = factor_returns(bars, levels, NOBODY).filter(factor=name)
    wanted = by_brute_force(bars, levels, name)
    assert found["session"].to_list() == sorted(wanted)
    np.testing.assert_allclose(found["return"].to_numpy(), [wanted[day] for day in sorted(wanted)], atol=1e-14)


def test_another_future_changes_no_factor_return_of_the_past() -> None:
    bars, levels = world(2)
    cut = DAYS[25]
    other = bars.with_columns(adj_close=pl.when(pl.col("session") > cut).then(7.0).otherwise("adj_close"))
    turned = levels.with_columns(
        pl.when(pl.col("session") >= cut).then(-pl.col(column)).otherwise(column).alias(column)
        for column, _ in SORTED_BY.values()
    )
    past = pl.col("session") <= cut
    assert factor_returns(other, turned, NOBODY).filter(past).equals(factor_returns(bars, levels, NOBODY).filter(past))


def test_a_symbol_outside_of_its_spells_is_in_no_side() -> None:
    bars, levels = world(3, symbols=4)
    spells = pl.DataFrame(
        {"symbol": ["S0", "S1", "S2", "S3"], "start": [DAYS[0]] * 4, "end": [None, None, None, DAYS[9]]},
        schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date},
    )
    late = pl.col("session") > DAYS[10]
    without = factor_returns(bars.filter(pl.col("symbol") != "S3"), levels, NOBODY)
    assert factor_returns(bars, levels, spells).filter(late).equals(without.filter(late))


def test_two_symbols_are_no_factor() -> None:
    assert factor_returns(*world(4, symbols=2), NOBODY).is_empty()
