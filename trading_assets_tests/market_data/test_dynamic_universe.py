"""The dynamic universe: who is chosen, by what was known, against a twin that looks up each choice by itself."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.config.universe import DynamicUniverse
from trading_assets.market_data.dynamic_universe import spells
from trading_assets.market_data.tables import INSTRUMENTS, UNIVERSE
from trading_assets_tests.market_data.experiments import experiment, run

DAYS = pl.date_range(dt.date(2023, 11, 1), dt.date(2024, 12, 31), eager=True).to_list()


def coins(seed: int = 5) -> pl.DataFrame:
    """Ten coins that grow and shrink, one of them listed late, one with holes; one pegged, one that wraps another."""
    random = np.random.default_rng(seed)
    parts = []
    for number in range(10):
        closes = 10 * np.exp(np.cumsum(random.normal(0, 0.04, len(DAYS))))
        volume = 1e6 * 2.0**number * np.exp(np.cumsum(random.normal(0, 0.05, len(DAYS)))) / closes
        parts.append(_coin(f"C{number}", closes, volume))
    first = parts[9]["close"].to_numpy()
    parts.append(_coin("USDX", 1 + random.normal(0, 0.01, len(DAYS)), np.full(len(DAYS), 1e9)))
    parts.append(_coin("WC9", first * (1 + random.normal(0, 0.002, len(DAYS))), np.full(len(DAYS), 1e5)))
    late = parts[8].filter(pl.col("session") >= dt.date(2024, 3, 10))
    holes = parts[7].filter(pl.col("session").dt.day() % 3 != 0)
    return pl.concat([*parts[:7], holes, late, *parts[9:]]).sort("symbol", "session")


def _coin(symbol: str, closes: np.ndarray, volume: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"symbol": symbol, "session": DAYS, "close": closes, "volume": volume}).with_columns(
        adj_close="close", dollar_volume=pl.col("close") * pl.col("volume"), market_cap=pl.col("close") * 1e6
    )


RULES = DynamicUniverse(largest=4, min_dollar_volume=2e6, min_age=60, exclude=["C5"])


def members(found: pl.DataFrame, day: dt.date) -> set[str]:
    lasts = pl.col("end").is_null() | (pl.col("end") >= day)
    return set(found.filter((pl.col("start") <= day) & lasts)["symbol"])


def twin(bars: pl.DataFrame, first: dt.date, rules: DynamicUniverse) -> set[str]:
    """The choice for a month from its definition, one coin at a time."""
    days = [day for day in DAYS if day < first][-rules.window :]
    if len(days) < rules.window:
        return set()
    sizes: dict[str, float] = {}
    prices: dict[str, dict[dt.date, float]] = {}
    for symbol in sorted(set(bars["symbol"])):
        own = {
            row["session"]: row for row in bars.filter(symbol=symbol).iter_rows(named=True) if row["session"] < first
        }
        seen = [day for day in days if day in own]
        if days[-1] not in own or len(seen) < 0.8 * len(days) or len(own) < rules.min_age or symbol in rules.exclude:
            continue
        steps = [
            math.log(own[b]["close"] / own[a]["close"]) for a, b in itertools.pairwise(days) if a in own and b in own
        ]
        volume = statistics.median(own[day]["dollar_volume"] for day in seen)
        logs = [math.log(own[day]["close"]) for day in seen]
        at_one = abs(statistics.median(logs)) <= 0.05 and statistics.stdev(logs) <= 0.03
        pegged = at_one or statistics.stdev(steps) * math.sqrt(365) < rules.pegged_volatility
        if pegged or volume < rules.min_dollar_volume:
            continue
        sizes[symbol] = volume if rules.by == "dollar_volume" else own[days[-1]]["market_cap"]
        prices[symbol] = {day: own[day]["close"] for day in seen}
    kept: list[str] = []
    for symbol in sorted(sizes, key=lambda name: (-sizes[name], name)):
        same = [
            statistics.stdev(
                math.log(prices[symbol][day] / prices[other][day])
                for day in days
                if day in prices[symbol] and day in prices[other]
            )
            < rules.wrapped_deviation
            for other in kept
        ]
        if not any(same) and len(kept) < rules.largest:
            kept.append(symbol)
    return set(kept)


@pytest.mark.parametrize("by", ["dollar_volume", "market_cap"])
@pytest.mark.parametrize("seed", range(3))
def test_every_choice_is_that_of_the_twin(by: str, seed: int) -> None:
    bars = coins(seed)
    rules = RULES.model_copy(update={"by": by})
    found = spells(bars, rules)
    months = [day for day in DAYS if day.day == 1]
    chosen = {month: twin(bars, month, rules) for month in months}
    assert len({frozenset(choice) for choice in chosen.values()}) >= 3, "the choice changes"
    for day in DAYS[::7]:
        assert members(found, day) == chosen[day.replace(day=1)]


def test_a_choice_of_a_quarter_lasts_a_quarter() -> None:
    found = spells(coins(), RULES.model_copy(update={"rebalance": "quarterly"}))
    assert {start.month % 3 for start in found["start"]} == {1}
    assert all(end is None or (end + dt.timedelta(days=1)).day == 1 for end in found["end"])


def test_stablecoins_and_wrapped_coins_are_left_out_by_what_they_do() -> None:
    everything = RULES.model_copy(update={"largest": 20, "min_dollar_volume": 0.0})
    without = set(spells(coins(), everything)["symbol"])
    assert not {"USDX", "WC9", "C5"} & without
    with_them = everything.model_copy(update={"pegged_volatility": 0.0, "wrapped_deviation": 0.0, "exclude": []})
    assert {"USDX", "WC9", "C5"} <= set(spells(coins(), with_them)["symbol"])


@pytest.mark.parametrize("cut", [dt.date(2024, 4, 1), dt.date(2024, 6, 17), dt.date(2024, 9, 30)])
def test_nothing_that_follows_changes_a_choice(cut: dt.date) -> None:
    bars = coins()
    found, known = spells(bars, RULES), spells(bars.filter(pl.col("session") <= cut), RULES)
    for day in (day for day in DAYS if day <= cut):
        assert members(found, day) == members(known, day)
    shuffled = bars.sample(fraction=1.0, shuffle=True, seed=1)
    assert_frame_equal(spells(shuffled, RULES), found)


def test_through_the_stage(tmp_path: Path) -> None:
    bars = coins().filter(pl.col("session") >= dt.date(2024, 1, 1), pl.col("session") <= dt.date(2024, 3, 27))
    prices = [pl.col("close").alias(name) for name in ("open", "high", "low")]
    (tmp_path / "prices").mkdir()
    bars.select(
        "symbol", pl.col("session").alias("date"), *prices, "close", value="dollar_volume", marketcap="market_cap"
    ).write_csv(tmp_path / "prices" / "coins.csv")
    source = {"source": "files", "asset_class": "crypto", "path": "prices/*.csv", "columns": {"volume": "value"}}
    rules = {"largest": 3, "min_age": 20, "min_dollar_volume": 0}
    warehouse = run(
        experiment(
            tmp_path,
            market_data=[{**source, "volume_in": "quote"}],
            universe={"crypto": rules},
            strategies={"crypto_momentum": {"type": "crypto_momentum", "universe": "crypto"}},
        )
    )
    universe = warehouse.read(UNIVERSE)
    assert_frame_equal(
        universe.select("symbol", "start", "end"),
        spells(bars, DynamicUniverse.model_validate(rules)),
        check_row_order=False,
    )
    listed = warehouse.read(INSTRUMENTS).filter("in_universe")["symbol"].to_list()
    assert listed == sorted(set(universe["symbol"]))
