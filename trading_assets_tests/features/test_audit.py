"""The audit finds what looks ahead, however little."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.config.sections import AssetClass
from trading_assets.features.audit import CUTS, SYMBOLS, audit_sample, column_faults, look_ahead
from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.features.feature import CLOSE, Feature, Scope
from trading_assets.features.tables import DAILY
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.features.markets import market
from trading_assets_tests.narrow import as_number

BENCHMARKS: dict[AssetClass, str] = {"equity": "AAA"}


def test_nothing_of_the_catalogue_looks_ahead() -> None:
    sample, cuts = audit_sample(market(sessions=160), BENCHMARKS, seed=5)
    assert look_ahead(sample, BENCHMARKS, cuts).is_empty()


PEEKING: dict[str, tuple[pl.Expr, Scope]] = {
    "tomorrow": (CLOSE.shift(-1) / CLOSE, "symbol"),
    "centred_mean": (CLOSE / CLOSE.rolling_mean(5, center=True), "symbol"),
    "whole_mean": (CLOSE / CLOSE.mean(), "symbol"),
    "back_filled": (CLOSE.pct_change(5).backward_fill(), "symbol"),
    "this_week": ((pl.col("weekly_close") / pl.col("weekly_close").shift(1)).shift(-1), "week"),
    "benchmark_tomorrow": (pl.col("benchmark_return").shift(-1), "market"),
}


@pytest.mark.parametrize("name", PEEKING)
def test_a_peeking_feature_is_named(name: str) -> None:
    expression, scope = PEEKING[name]
    peeking = Feature(name, "momentum", expression, 1, "", "", scope=scope)
    bars = market(sessions=60)
    cuts = bars["session"].unique().sort()[[3, 31, 44]].to_list()  # the warm-up, a Tuesday, a Friday
    found = look_ahead(bars, BENCHMARKS, cuts, features=(*FEATURES, peeking))
    assert found["column"].unique().to_list() == [name]
    assert as_number(found["rows"].min()) >= 1


def test_rows_that_need_the_future_are_counted() -> None:
    bars = market(sessions=60)
    cut = bars["session"].unique().sort()[40]
    late = (pl.col("symbol") == "BBB") & (pl.col("session") == cut)
    flags = pl.when(late).then(pl.lit(["extreme_move"])).otherwise("flags").alias("flags")
    assert look_ahead(bars.with_columns(flags), BENCHMARKS, [cut]).is_empty()


def test_sample_is_seeded_and_small() -> None:
    bars = market([f"S{number:02}" for number in range(30)] + ["AAA"], 40)
    sample, cuts = audit_sample(bars, BENCHMARKS, seed=5)
    again, same_cuts = audit_sample(bars.sample(fraction=1.0, shuffle=True, seed=3), BENCHMARKS, seed=5)
    assert sample["symbol"].unique().sort().to_list() == again["symbol"].unique().sort().to_list()
    assert cuts == same_cuts
    assert 2 <= len(cuts) <= CUTS
    assert "AAA" in sample["symbol"]
    assert sample["symbol"].n_unique() in (SYMBOLS, SYMBOLS + 1)
    assert audit_sample(bars, BENCHMARKS, seed=6)[1] != cuts


def test_column_faults(tmp_path: Path) -> None:
    rows = daily_features(market(sessions=30), BENCHMARKS)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    assert column_faults(warehouse).missing == [feature.column for feature in FEATURES]
    warehouse.replace(Whole(), {DAILY: rows})
    assert column_faults(warehouse) == ([], {}, [])
    # As somebody may leave the table behind: no step writes a value that is not finite.
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(
            "UPDATE features.daily SET rsi_14 = 'inf', rsi_2 = CASE WHEN symbol = 'AAA' THEN 'nan'::DOUBLE END"
        )
        connection.execute("ALTER TABLE features.daily RENAME return_5 TO old")
        connection.execute("ALTER TABLE features.daily DROP beta_60")
    of_aaa = rows.filter(symbol="AAA").height
    assert column_faults(warehouse) == (
        ["return_5", "beta_60"], {"rsi_14": rows.height, "rsi_2": of_aaa}, ["old"]
    )  # fmt: skip
