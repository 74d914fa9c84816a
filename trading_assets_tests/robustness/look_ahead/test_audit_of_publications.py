"""The audit takes publications away, and puts others in their place: a strategy or model that knew them is caught."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.features.alternative import AlternativeFeature, Publications
from trading_assets.features.feature import Feature
from trading_assets.features.own import features_of
from trading_assets.robustness.look_ahead import what_is_read
from trading_assets.robustness.look_ahead.another_future import PUBLISHED, draw_future, followed_by
from trading_assets.robustness.look_ahead.audit import differing, look_ahead
from trading_assets.robustness.look_ahead.cuts import seed_of
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot, known_at
from trading_assets_tests.features.published import published
from trading_assets_tests.features.test_alternative import BackFilled, StampedAtTheObservation, WithTheLateClose
from trading_assets_tests.robustness.look_ahead.test_audit import DAYS, MODEL, market_snapshot

MACRO = {"path": "m.csv", "observed": "date", "published": "out", "timezone": "UTC", "values": ["level"]}
STRATEGIES: dict[str, dict[str, Any]] = {
    "reader": {"type": "trading_assets_tests.robustness.look_ahead.reader_of_publications"},
    "ml": {"type": "ml", "model": "forward_return", "entry_score": 0.0},
}


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    """A number of every week, public nine days later in the evening, and revised three weeks after that."""
    market = market_snapshot()
    rows = []
    for number, day in enumerate(DAYS[::5]):
        for revision, days in enumerate((9, 30)):
            when = dt.datetime.combine(day + dt.timedelta(days=days), dt.time(22, 15))
            value = float(number % 7) + 0.5 * revision
            rows.append(("", dt.datetime.combine(day, dt.time()), when, when.date(), value))
    return replace(market, publications=Publications.of(published(*rows), market.instruments))


def configured(folder: Path) -> Configuration:
    from trading_assets_tests.backtests.frames import loaded

    return loaded(folder, strategies=STRATEGIES, models={"forward_return": MODEL}, alternative_data={"macro": MACRO})


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STRATEGIES])
def test_nothing_clean_is_accused(name: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    assert differing(look_ahead(configured(tmp_path), name, whole, 4)).is_empty()


@pytest.mark.slow  # `features/test_alternative.py` has the same leaks, and the quick audit of features
@pytest.mark.parametrize("kind", [StampedAtTheObservation, BackFilled, WithTheLateClose])
def test_a_column_that_knows_what_was_published_later_is_accused(
    kind: type[AlternativeFeature], whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(configuration: Configuration) -> tuple[Feature, ...]:
        every = features_of(configuration)
        return tuple(kind(**vars(each)) if isinstance(each, AlternativeFeature) else each for each in every)

    monkeypatch.setattr(what_is_read, "features_of", leaking)
    found = differing(look_ahead(configured(tmp_path), "reader", whole, 8))
    columns = found.filter(subject="features")["column"].unique()
    assert columns.len() >= 1
    assert columns.str.starts_with("alt_macro_level").all()


def test_another_future_begins_after_the_close(whole: MarketSnapshot) -> None:
    cut = DAYS[200]
    then = known_at(whole, cut)
    assert then.publications is not None
    known = then.publications.seen_from("XNYS")
    # In winter New York closes at 21:00 UTC, in summer at 20:00; what came at 22:15 of the cut itself is not known.
    assert known["published_at"].max() < dt.datetime.combine(cut, dt.time(21))  # type: ignore[operator]
    future = draw_future(whole, cut, seed_of(whole))
    drawn = future.publications
    assert drawn.height == PUBLISHED
    assert drawn.filter(pl.col("session") <= cut).is_empty()
    assert drawn["observed"].is_in(known["observed"].implode()).sum() == PUBLISHED // 2, "revisions"
    after = followed_by(then, future).publications
    assert after is not None
    assert after.seen_from("XNYS").equals(pl.concat([known, drawn]))
    assert after.seen_from("24/7").height >= known.height + PUBLISHED
