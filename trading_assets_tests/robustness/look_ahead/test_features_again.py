"""What is tried on some symbols at a cut is tried on all in the end, and a leak is not lost between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl
import pytest

from trading_assets.features.catalog import FEATURES
from trading_assets.features.daily import daily_features
from trading_assets.features.feature import CLOSE, Feature
from trading_assets.robustness.look_ahead import features_again as module
from trading_assets.robustness.look_ahead.features_again import FeaturesAgain, KnownFeatures, features_again
from trading_assets_tests.features.markets import market

SYMBOLS = ["IDX", *(f"S{number}" for number in range(8))]
BARS = market(SYMBOLS, 120)
DAYS = BARS["session"].unique().sort().to_list()
CUT = DAYS[90]
KNOWN, TURNS = pl.col("session") <= CUT, 3


@pytest.fixture(autouse=True)
def three_symbols_at_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SYMBOLS", 3)


def tried(features: Sequence[Feature], bars: pl.DataFrame, turn: int) -> tuple[FeaturesAgain, list[list[str]]]:
    """Features of the bars after those of the whole run, and the symbols of each computation."""
    asked: list[list[str]] = []

    def compute(rows: pl.DataFrame, own: Sequence[Feature]) -> pl.DataFrame:
        asked.append(rows["symbol"].unique().sort().to_list())
        return daily_features(rows, {"equity": "IDX"}, own)

    whole = daily_features(BARS, {"equity": "IDX"}, features)
    again = features_again(compute, bars, features, {"return_5"}, {"IDX"}, KnownFeatures(whole, CUT, turn, TURNS))
    return again, asked


def other_bars(symbol: str | None = None) -> pl.DataFrame:
    """Other prices after the cut; of one symbol, or of all."""
    changed = ~KNOWN if symbol is None else ~KNOWN & (pl.col("symbol") == symbol)
    prices = ("adj_open", "adj_high", "adj_low", "adj_close")
    return BARS.with_columns(pl.when(changed).then(pl.col(name) * 1.5).otherwise(name).alias(name) for name in prices)


def test_clean_columns_are_tried_on_every_symbol_once() -> None:
    seen: set[str] = set()
    for turn in range(TURNS):
        again, asked = tried(FEATURES, other_bars(), turn)
        assert again.verified and len(asked) == 2
        assert asked[0] == sorted(SYMBOLS)
        seen |= set(asked[1])
    assert seen == set(SYMBOLS)


def test_what_is_named_goes_on_after_the_cut() -> None:
    again, _ = tried(FEATURES, other_bars(), 0)
    assert again.named["session"].max() == DAYS[-1]
    assert again.of_model["session"].max() == CUT
    assert {"return_5", "rank_return_20"} <= set(again.named.columns)


def test_a_model_is_given_the_rows_up_to_the_cut_as_it_takes_them() -> None:
    again, _ = tried(FEATURES, other_bars(), 0)
    known = daily_features(BARS, {"equity": "IDX"}).filter(KNOWN)
    assert again.of_model.equals(known.cast({pl.Float64: pl.Float32}))


LEAK = Feature("peek", "momentum", CLOSE.shift(-1) / CLOSE, 1, "", "")


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_leak_shows_at_every_turn(turn: int) -> None:
    again, asked = tried((*FEATURES, LEAK), other_bars(), turn)
    assert not again.verified
    assert asked[-1] == sorted(SYMBOLS)
    assert "peek" in again.of_model.columns


def test_a_leak_that_one_symbol_shows_is_found_at_its_turn() -> None:
    """Only the bars of one symbol differ after the cut: one of the turns tries it."""
    assert [tried((*FEATURES, LEAK), other_bars("S4"), turn)[0].verified for turn in range(TURNS)].count(False) == 1


def test_a_leak_of_the_cross_section_shows_at_every_turn() -> None:
    """A rank of tomorrow's return: whichever symbols are tried, ranks are those among all."""
    rank = Feature("rank_peek", "cross_section", pl.col("peek").rank(), 1, "", "", scope="session")
    assert not any(tried((*FEATURES, LEAK, rank), other_bars("S4"), turn)[0].verified for turn in range(TURNS))


def test_in_a_small_market_everything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SYMBOLS", 64)
    again, asked = tried(FEATURES, other_bars(), 0)
    assert not again.verified and asked == [sorted(SYMBOLS)]


def test_rows_that_are_missing_are_a_difference() -> None:
    late = BARS.filter((pl.col("symbol") != "S2") | (pl.col("session") != dt.date(2018, 3, 1)))
    assert not tried(FEATURES, late, 0)[0].verified
