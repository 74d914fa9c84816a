"""A session knows what was public before its close, as it was then."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trading_assets.config.alternative import MADE, Made
from trading_assets.features.alternative import (
    AlternativeFeature,
    KnownSeries,
    Publications,
    alternative_features,
    closes_of,
    providers_read,
    with_alternative,
)
from trading_assets.features.audit import look_ahead
from trading_assets.features.catalog import catalog_table
from trading_assets.features.daily import daily_features, daily_features_until
from trading_assets.features.feature import Feature
from trading_assets.features.own import features_of
from trading_assets_tests.backtests.frames import configuration
from trading_assets_tests.features.markets import market
from trading_assets_tests.features.published import closes_by_library, known_by_brute_force, published
from trading_assets_tests.features.test_own import configured, declared

CALENDARS = {"NEW": "XNYS", "TOK": "XTKS", "LON": "XLON", "COIN": "24/7"}
#: Both changes of clocks, and the half day after Thanksgiving.
SPAN = dt.date(2023, 9, 25), dt.date(2024, 4, 5)


def feature(made: Made = "value", max_age: int = 10_000, **changes: object) -> AlternativeFeature:
    column = "alt_macro_level" + ("" if made == "value" else f"_{made}")
    own = AlternativeFeature(column, "alternative", pl.lit(None, pl.Float64), 0, "", "", provider="macro", scope="row")
    return replace(own, series=("macro", "level"), made=made, max_age=max_age, **changes)  # type: ignore[arg-type]


FEATURES = [feature(each) for each in MADE]


def publications(rows: pl.DataFrame, calendars: dict[str, str] | None = None) -> Publications:
    of = calendars or CALENDARS
    return Publications(rows, pl.DataFrame({"symbol": [*of], "calendar": [*of.values()]}))


def keys(calendars: dict[str, str], span: tuple[dt.date, dt.date] = SPAN) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"session": [day for day, _ in closes_by_library(calendar, *span)]}).select(
            pl.lit(symbol).alias("symbol"), "session"
        )
        for symbol, calendar in calendars.items()
    )


def as_day(value: object) -> dt.date:
    assert isinstance(value, dt.date)
    return value


def at(hour: int, minute: int = 0, second: int = 0, day: dt.date = dt.date(2024, 1, 3)) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute, second))


def first_that_knows(when: dt.datetime, calendar: str, session: dt.date | None = None) -> dt.date:
    """First session that has the value of a single publication."""
    rows = published(("", when, when, session or when.date(), 7.0))
    found = with_alternative(keys({"S": calendar}), FEATURES[:1], publications(rows, {"S": calendar}))
    return as_day(found.drop_nulls()["session"].min())


@pytest.mark.parametrize(
    ("calendar", "when", "first"),
    [
        # New York closes at 21:00 UTC in winter; what is public at the close itself is a session late.
        ("XNYS", at(20, 59, 59), dt.date(2024, 1, 3)),
        ("XNYS", at(21), dt.date(2024, 1, 4)),
        # In summer at 20:00 UTC: the last session of daylight saving was Friday 3 November 2023.
        ("XNYS", at(20, 30, day=dt.date(2023, 11, 3)), dt.date(2023, 11, 6)),
        ("XNYS", at(20, 30, day=dt.date(2023, 11, 6)), dt.date(2023, 11, 6)),
        # Clocks go forward on 10 March 2024.
        ("XNYS", at(20, 30, day=dt.date(2024, 3, 8)), dt.date(2024, 3, 8)),
        ("XNYS", at(20, 30, day=dt.date(2024, 3, 11)), dt.date(2024, 3, 12)),
        # The day after Thanksgiving closes at 13:00, 18:00 UTC.
        ("XNYS", at(17, 59, day=dt.date(2023, 11, 24)), dt.date(2023, 11, 24)),
        ("XNYS", at(18, day=dt.date(2023, 11, 24)), dt.date(2023, 11, 27)),
        # Tokyo has no daylight saving and closes at 06:00 UTC then; London at 16:30 UTC in winter.
        ("XTKS", at(5, 59, day=dt.date(2024, 1, 4)), dt.date(2024, 1, 4)),
        ("XTKS", at(6, 0, day=dt.date(2024, 1, 4)), dt.date(2024, 1, 5)),
        ("XLON", at(16, 30), dt.date(2024, 1, 4)),
        # A day of coins is over at midnight; a weekend is one like others.
        ("24/7", at(23, 59, 59, day=dt.date(2024, 1, 6)), dt.date(2024, 1, 6)),
        ("24/7", at(0, day=dt.date(2024, 1, 7)), dt.date(2024, 1, 7)),
    ],
)
def test_the_first_session_whose_close_is_later_knows(calendar: str, when: dt.datetime, first: dt.date) -> None:
    assert first_that_knows(when, calendar) == first


@pytest.mark.parametrize(("calendar", "first"), [("XNYS", dt.date(2024, 1, 4)), ("24/7", dt.date(2024, 1, 4))])
def test_a_mere_day_counts_from_the_next_session(calendar: str, first: dt.date) -> None:
    """3 January as a day in Tokyo ends at 15:00 UTC, before the close of New York: it still is not of that session."""
    assert first_that_knows(at(15), calendar, session=dt.date(2024, 1, 4)) == first


def test_a_revision_changes_nothing_before_it() -> None:
    """Two observations, and the first again: sessions before the revision keep what they knew."""
    one, other = dt.datetime(2023, 9, 1), dt.datetime(2023, 10, 1)
    rows = published(
        ("", one, at(12, day=dt.date(2023, 10, 4)), dt.date(2023, 10, 4), 1.0),
        ("", one, at(12, day=dt.date(2023, 10, 11)), dt.date(2023, 10, 11), 1.5),
        ("", other, at(12, day=dt.date(2023, 11, 1)), dt.date(2023, 11, 1), 2.0),
        ("", one, at(12, day=dt.date(2023, 12, 1)), dt.date(2023, 12, 1), 9.0),
    )
    found = with_alternative(keys({"NEW": "XNYS"}), FEATURES[:2], publications(rows)).drop_nulls()
    spans = found.group_by("alt_macro_level", maintain_order=True).agg(pl.col("session").min())
    assert spans.rows() == [(1.0, dt.date(2023, 10, 4)), (1.5, dt.date(2023, 10, 11)), (2.0, dt.date(2023, 11, 1))]
    by_day = dict(found.select("session", "alt_macro_level_age").iter_rows())
    assert [by_day[dt.date(2023, 10, day)] for day in (4, 5, 10, 11)] == [0, 1, 4, 0]
    assert by_day[dt.date(2023, 12, 1)] == 21  # of November 2023, without Thanksgiving, XNYS had 21 sessions


def test_a_value_is_unknown_again_when_it_is_too_old() -> None:
    rows = published(("", at(12), at(12), at(12).date(), 7.0))
    young = [feature(each, max_age=2) for each in ("value", "age")]
    found = with_alternative(keys({"NEW": "XNYS"}), young, publications(rows)).drop_nulls("alt_macro_level")
    assert found["alt_macro_level_age"].to_list() == [0, 1, 2]
    assert found["session"].to_list() == [dt.date(2024, 1, day) for day in (3, 4, 5)]


def test_surprise_and_zscore_are_those_worked_out_by_hand() -> None:
    """Nine values 0, 1, 0, 1, ... and then 3: changes of 1 and -1, four of each, deviate by sqrt(8 / 7).

    The last value before is 0: a surprise of 3 / sqrt(8 / 7). The mean of the nine is 4 / 9, the sum of squares
    4 - 16 / 9 = 20 / 9, so their deviation is sqrt(20 / 72), and the z-score (3 - 4 / 9) / sqrt(20 / 72).
    """
    days = [dt.datetime(2023, 10, 2) + dt.timedelta(days=each) for each in range(10)]
    values = [float(each % 2) for each in range(9)] + [3.0]
    rows = published(*(("", day, day, day.date(), value) for day, value in zip(days, values, strict=True)))
    last = with_alternative(keys({"COIN": "24/7"}), FEATURES, publications(rows)).row(-1, named=True)
    assert last["alt_macro_level_surprise"] == pytest.approx(3 / (8 / 7) ** 0.5, rel=1e-12)
    assert last["alt_macro_level_zscore"] == pytest.approx((3 - 4 / 9) / (20 / 72) ** 0.5, rel=1e-12)


def test_what_does_not_vary_has_no_surprise() -> None:
    days = [dt.datetime(2023, 10, 2) + dt.timedelta(days=each) for each in range(12)]
    rows = published(*(("", day, day, day.date(), 0.1) for day in days))
    found = with_alternative(keys({"COIN": "24/7"}), FEATURES, publications(rows))
    assert found["alt_macro_level"].drop_nulls().unique().to_list() == [0.1]
    assert (
        found["alt_macro_level_surprise"].null_count() == found["alt_macro_level_zscore"].null_count() == found.height
    )


def is_close(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


@st.composite
def random_publications(draw: st.DrawFn) -> pl.DataFrame:
    """Publications of some observations, again and again, at any second around closes and at ends of days."""
    symbols = draw(st.sampled_from([[""], ["NEW", "TOK"], ["COIN", "LON", "NEW"]]))
    count = draw(st.integers(1, 40))
    rows: dict[tuple[str, dt.datetime, dt.datetime], tuple[str, dt.datetime, dt.datetime, dt.date, float]] = {}
    for _ in range(count):
        day = SPAN[0] + dt.timedelta(days=draw(st.integers(-40, 160)))
        observed = dt.datetime.combine(day, dt.time()) - dt.timedelta(days=draw(st.integers(0, 20)))
        if draw(st.booleans()):  # a mere day, of a zone east or west
            when = dt.datetime.combine(day, dt.time()) + dt.timedelta(hours=draw(st.integers(14, 34)))
            session = max(day + dt.timedelta(days=1), when.date())
        else:
            hour = draw(st.sampled_from([0, 5, 6, 12, 16, 17, 18, 20, 21, 23]))
            when = dt.datetime.combine(day, dt.time(hour, draw(st.sampled_from([0, 30, 59])), draw(st.integers(0, 1))))
            session = when.date()
        value = draw(st.sampled_from([0.0, 1.0, -2.5, 3.25, 1e6]))
        symbol = draw(st.sampled_from(symbols))
        rows[symbol, observed, when] = (symbol, observed, when, session, value)
    return published(*rows.values())


@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(rows=random_publications(), max_age=st.sampled_from([0, 3, 10_000]), shuffle=st.integers(0, 5))
def test_what_is_known_is_what_brute_force_finds(rows: pl.DataFrame, max_age: int, shuffle: int) -> None:
    calendars, own = CALENDARS, [feature(each, max_age=max_age) for each in MADE]
    of = publications(rows.sample(fraction=1, shuffle=True, seed=shuffle))
    found = with_alternative(keys(calendars).sample(fraction=1, shuffle=True, seed=shuffle), own, of)
    for symbol, calendar in calendars.items():
        expected = known_by_brute_force(rows, symbol, calendar, (SPAN[0] - dt.timedelta(days=60), SPAN[1]), max_age)
        for row in found.filter(symbol=symbol).iter_rows(named=True):
            known = expected[row["session"]]
            assert row["alt_macro_level"] == known.value
            assert row["alt_macro_level_age"] == known.age
            assert is_close(row["alt_macro_level_surprise"], known.surprise)
            assert is_close(row["alt_macro_level_zscore"], known.zscore)


@settings(max_examples=30, phases=[Phase.explicit, Phase.generate])
@given(rows=random_publications(), days=st.integers(0, 190))
def test_without_what_came_later_every_session_before_is_the_same(rows: pl.DataFrame, days: int) -> None:
    """To the bit, whichever calendar decides, and whatever another future would have published."""
    cut = SPAN[0] + dt.timedelta(days=days)
    before, of = keys(CALENDARS).filter(pl.col("session") <= cut), publications(rows)
    if before.is_empty():
        return
    whole = with_alternative(keys(CALENDARS), FEATURES, of).filter(pl.col("session") <= cut)
    later = rows.filter(pl.col("session") > cut).with_columns(pl.col("value") + 1)
    assert with_alternative(before, FEATURES, of.until(cut)).equals(whole)
    assert with_alternative(before, FEATURES, of.until(cut).followed_by(later)).equals(whole)


@pytest.mark.parametrize("symbols", [1, 2])
def test_batches_of_symbols_are_those_of_all(symbols: int) -> None:
    rows = published(
        *((s, at(h), at(h), at(h).date(), float(h)) for s in ("NEW", "TOK", "LON") for h in (2, 10, 17, 22))
    )
    every = keys(CALENDARS)
    whole = with_alternative(every, FEATURES, publications(rows))
    names = [*CALENDARS]
    parts = [names[start : start + symbols] for start in range(0, len(names), symbols)]
    batches = (every.filter(pl.col("symbol").is_in(each)) for each in parts)
    assert pl.concat(with_alternative(each, FEATURES, publications(rows)) for each in batches).equals(whole)


class StampedAtTheObservation(AlternativeFeature):
    """A leak: a value counts as public on the day that it is of."""

    def known(self, rows: pl.DataFrame, calendar: str, first: dt.date, last: dt.date) -> KnownSeries:
        early = rows.with_columns(published_at="observed", session=pl.col("observed").dt.date())
        return super().known(early, calendar, min(first, as_day(early["session"].min())), last)


class BackFilled(AlternativeFeature):
    """A leak: the first publication of an observation has the value of its last revision."""

    def known(self, rows: pl.DataFrame, calendar: str, first: dt.date, last: dt.date) -> KnownSeries:
        final = pl.col("value").sort_by("published_at").last().over("symbol", "observed")
        return super().known(rows.with_columns(value=final), calendar, first, last)


class WithTheLateClose(AlternativeFeature):
    """A leak: what is public after the close counts on the same day."""

    def known(self, rows: pl.DataFrame, calendar: str, first: dt.date, last: dt.date) -> KnownSeries:
        return super().known(rows.with_columns(pl.col("published_at").dt.truncate("1d")), calendar, first, last)


def monthly(bars: pl.DataFrame) -> pl.DataFrame:
    """A number of each month: public three weeks after it, in the evening, and revised a month later."""
    months = bars["session"].dt.month_start().unique().sort().to_list()
    rows = []
    for number, month in enumerate(months):
        for revision, days in enumerate((52, 83)):
            when = dt.datetime.combine(month + dt.timedelta(days=days), dt.time(22))
            rows.append(("", dt.datetime.combine(month, dt.time()), when, when.date(), number + 0.25 * revision))
    return published(*rows)


@pytest.mark.parametrize("kind", [AlternativeFeature, StampedAtTheObservation, BackFilled, WithTheLateClose])
def test_a_leak_is_accused_and_nothing_clean_is(kind: type[AlternativeFeature]) -> None:
    bars = market(sessions=160)
    own = kind(**vars(feature("value")))
    of = publications(monthly(bars), dict.fromkeys(bars["symbol"].unique(), "XNYS"))
    evenings = of.rows["session"].to_list()
    cuts = [day for day in bars["session"].unique().sort() if day in evenings or day.day in (5, 17)]
    found = look_ahead(bars, {"equity": "AAA"}, cuts, (own,), publications=of)
    assert found["column"].unique().to_list() == ([] if kind is AlternativeFeature else ["alt_macro_level"])


def test_columns_are_named_and_catalogued() -> None:
    section = {"path": "n.csv", "published": "time", "timezone": "UTC", "values": ["Score"], "symbol": "ticker"}
    made = alternative_features(configuration(alternative_data={"news": section}))
    rows = catalog_table(made)
    assert rows["feature"].to_list() == [f"alt_news_score{end}" for end in ("", "_age", "_surprise", "_zscore")]
    assert rows["name"].to_list() == [f"alternative.news.score{end}" for end in ("", "_age", "_surprise", "_zscore")]
    assert rows["provider"].unique().to_list() == ["news"]


def test_features_of_bars_stay_what_they_are() -> None:
    bars = market(sessions=60)
    of = publications(monthly(bars), dict.fromkeys(bars["symbol"].unique(), "XNYS"))
    of_bars = daily_features(bars, {"equity": "AAA"})
    every: list[Feature] = [FEATURES[0], *_house(of_bars), FEATURES[1]]
    both = daily_features(bars, {"equity": "AAA"}, every, publications=of)
    assert both.columns == ["symbol", "session", "alt_macro_level", *of_bars.columns[2:], "alt_macro_level_age"]
    assert both.select(of_bars.columns).equals(of_bars)
    with pytest.raises(ValueError, match="alt_macro_level is made of publications"):
        daily_features(bars, {"equity": "AAA"}, every)


def _house(rows: pl.DataFrame) -> list[Feature]:
    from trading_assets.features.catalog import FEATURES as HOUSE

    return [each for each in HOUSE if each.column in rows.columns]


def test_closes_are_those_of_the_library() -> None:
    for calendar in CALENDARS.values():
        assert closes_of(calendar, *SPAN).rows() == closes_by_library(calendar, *SPAN)


def test_a_feature_of_ones_own_is_made_of_them_in_any_scope(tmp_path: Path) -> None:
    """A rank across the market, a sum with a feature of bars, and the change of a symbol's own value."""
    news = {"path": "n.csv", "published": "time", "timezone": "UTC", "values": ["score"], "symbol": "ticker"}
    own = configured(
        tmp_path,
        declared("place", "pl.col('alt_news_score').rank()", scope="session"),
        declared("both", "pl.col('alt_news_score') + pl.col('return_5')", scope="row"),
        declared("moved", "pl.col('alt_news_score').diff()", scope="symbol", lookback=1),
        changes={"alternative_data": {"news": news}},
    )
    bars = market(["AAA", "BBB", "CCC"], 30)
    day = bars["session"].unique().sort()[10]
    when = dt.datetime.combine(day, dt.time(1))
    scores = [("AAA", when, when, day, 3.0), ("BBB", when, when, day, 1.0), ("CCC", when, when, day, 2.0)]
    later = when + dt.timedelta(days=7)
    scores.append(("AAA", later, later, later.date(), 7.0))
    of = publications(published(*scores, provider="news", name="score"), dict.fromkeys(("AAA", "BBB", "CCC"), "24/7"))
    rows = daily_features(bars, {"equity": "AAA"}, features_of(own), publications=of)
    assert rows.filter(session=day)["place"].to_list() == [3.0, 1.0, 2.0]
    assert rows.filter(pl.col("session") < day)["place"].null_count() == 30
    assert rows["both"].equals((rows["alt_news_score"] + rows["return_5"]).alias("both"))
    assert rows.filter(pl.col("moved") != 0).select("symbol", "moved").rows() == [("AAA", 4.0)]
    until = daily_features_until(bars, {"equity": "AAA"}, features_of(own), universe=None, until=day, publications=of)
    assert until.filter(session=day).equals(rows.filter(session=day))
    assert until.filter(pl.col("session") > day)["place"].null_count() == until.filter(pl.col("session") > day).height


def test_who_reads_which_provider() -> None:
    section = {"path": "n.csv", "published": "time", "timezone": "UTC", "values": ["score"]}
    own = configuration(alternative_data={"news": section, "macro": section})
    assert providers_read(own, ["alt_news_score_age", "ma_50"], by_model=False) == ["news"]
    assert providers_read(own, ["ma_50"], by_model=False) == []
    assert providers_read(own, [], by_model=True) == ["macro", "news"]
