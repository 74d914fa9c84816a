"""Rows become publications or are kept with the reason why not: nothing is lost, and nothing guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.alternative import AlternativeData
from trading_assets.market_data.alternative.publications import (
    Taken,
    content_of_publications,
    read_provider,
    read_publications,
    rewritten,
    stamped_as_observed,
)
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.tables import PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets_tests.backtests.frames import configuration
from trading_assets_tests.features.published import published

NEWS: dict[str, Any] = {
    "path": "*.csv", "symbol": "ticker", "published": "time", "timezone": "America/New_York", "values": ["score"]
}  # fmt: skip
NOW = dt.datetime(2026, 1, 1)


def taken(folder: Path, text: str, **changes: Any) -> Taken:
    (folder / "news.csv").write_text(text)
    return read_provider("news", AlternativeData.model_validate(NEWS | changes), folder)


def reasons(found: Taken) -> list[tuple[int, str]]:
    return sorted(found.rejected.select("source_line", "reason").rows())


def test_a_row_says_where_it_came_from(tmp_path: Path) -> None:
    found = taken(tmp_path, "ticker,time,score\nAAA,2024-07-03 12:59:59,0.5\n")
    assert found.publications.to_dicts() == [
        {
            "provider": "news",
            "name": "score",
            "symbol": "AAA",
            "observed": dt.datetime(2024, 7, 3, 12, 59, 59),
            "published_at": dt.datetime(2024, 7, 3, 16, 59, 59),
            "session": dt.date(2024, 7, 3),
            "value": 0.5,
            "source_file": "news.csv",
            "source_line": 2,
        }
    ]
    assert found.rejected.is_empty()


def test_rows_that_are_none_are_kept_with_their_reasons(tmp_path: Path) -> None:
    text = (
        "ticker,time,score\nAAA,,1\nAAA,soon,1\n,2024-01-02 10:00,1\nAAA,2024-01-02 10:00,much\nAAA,2024-01-03 10:00,\n"
        "AAA,2024-01-04 10:00,.\nAAA,2024-01-05 10:00,inf\n"
    )
    found = taken(tmp_path, text)
    assert found.publications.is_empty()
    time, number = "no_publication_time", "no_number"
    assert reasons(found) == [(2, time), (3, time), (4, "no_symbol"), (5, number), (8, number)]
    assert found.rejected.filter(source_line=5)["text"].to_list() == ["AAA,2024-01-02 10:00,much"]


def test_a_bad_cell_leaves_the_others_of_its_row(tmp_path: Path) -> None:
    found = taken(tmp_path, "ticker,time,score,n\nAAA,2024-01-02 10:00,x,3\n", values=["score", "n"])
    assert found.publications.select("name", "value").rows() == [("n", 3.0)]
    assert reasons(found) == [(2, "no_number")]


def test_equal_rows_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    row = "AAA,2024-01-02 10:00,"
    found = taken(tmp_path, f"ticker,time,score\n{row}1\n{row}1\nBBB,2024-01-02 10:00,1\nBBB,2024-01-02 10:00,2\n")
    assert found.publications.select("symbol", "source_line").rows() == [("AAA", 2)]
    conflict = "conflicting_duplicate"
    assert reasons(found) == [(3, "duplicate"), (4, conflict), (5, conflict)]


def test_contradictions_between_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ticker,time,score\nAAA,2024-01-02 10:00,1\n")
    found = taken(tmp_path, "ticker,time,score\nAAA,2024-01-02 10:00,2\n")
    assert found.publications.is_empty()
    assert found.rejected["source_file"].to_list() == ["a.csv", "news.csv"]


def test_each_publication_of_an_observation_is_kept(tmp_path: Path) -> None:
    """As ALFRED writes vintages: the date of the observation, and the first day of each of its values."""
    text = (
        "date,realtime_start,GDP\n2020-01-01,2020-04-29,-4.8\n2020-01-01,2020-05-28,-5.0\n2020-01-01,2020-06-25,-5.0\n"
    )
    macro = {"symbol": None, "observed": "date", "published": "realtime_start", "values": {"gdp": "GDP"}}
    found = taken(tmp_path, text, **macro)
    assert found.publications.select("symbol", "session", "value").rows() == [
        ("", dt.date(2020, 4, 30), -4.8), ("", dt.date(2020, 5, 29), -5.0), ("", dt.date(2020, 6, 26), -5.0)
    ]  # fmt: skip
    assert found.publications["observed"].unique().to_list() == [dt.datetime(2020, 1, 1)]


def test_a_lag_stands_for_empty_times_alone(tmp_path: Path) -> None:
    rows = (
        "2020-01-01,2020-01-20 08:30,1",
        "2020-02-01,,2",
        "2020-03-01,soon,3",
        ",2020-04-20,4",
        "2020-05-01,2020-04-20,5",
    )
    text = "\n".join(["date,out,v", *rows])
    macro = {"symbol": None, "observed": "date", "published": "out", "values": ["v"], "lag_days": 45}
    found = taken(tmp_path, text, **macro)
    assert found.publications.select("value", "session").rows() == [
        (1.0, dt.date(2020, 1, 20)), (2.0, dt.date(2020, 3, 18))
    ]  # fmt: skip
    late, early = "no_publication_time", "published_before_observed"
    assert reasons(found) == [(4, late), (5, "no_observation"), (6, early)]


@pytest.mark.parametrize(
    ("observed", "out", "zone", "early"),
    [
        # 23:30 UTC of the 3rd is 08:30 in Tokyo of the 4th; 14:30 is 23:30 of the 3rd.
        ("2024-01-04", "2024-01-03T23:30:00Z", "Asia/Tokyo", False),
        ("2024-01-04", "2024-01-03T14:30:00Z", "Asia/Tokyo", True),
        ("2024-01-04 09:00", "2024-01-04 08:00", "Asia/Tokyo", False),
        # 03:00 UTC of the 5th is 22:00 in New York of the 4th.
        ("2024-01-05", "2024-01-05T03:00:00Z", "America/New_York", True),
        ("2024-01-04", "2024-01-05T03:00:00Z", "America/New_York", False),
        # Both are instants of one evening in New York, though the first is a day as UTC writes it.
        ("2024-01-05T00:00:00Z", "2024-01-05T00:01:00Z", "America/New_York", False),
        ("2024-01-05T00:00:00Z", "2024-01-03T20:00:00Z", "America/New_York", True),
        # A day in its own zone, and midnight of New York in UTC.
        ("2024-01-05", "2024-01-05", "Asia/Tokyo", False),
        ("2024-01-05", "2024-01-05T05:00:00Z", "America/New_York", False),
        ("2024-01-05", "2024-01-04T05:00:00Z", "America/New_York", True),
    ],
)
def test_days_are_compared_in_the_zone_of_the_provider(
    observed: str, out: str, zone: str, early: bool, tmp_path: Path
) -> None:
    macro = {"symbol": None, "observed": "date", "published": "out", "values": ["v"], "timezone": zone}
    found = taken(tmp_path, f"date,out,v\n{observed},{out},1\n", **macro)
    assert reasons(found) == ([(2, "published_before_observed")] if early else [])
    assert found.publications.height == (0 if early else 1)


def test_a_publication_that_is_of_itself_is_not_before_itself(tmp_path: Path) -> None:
    """01:00 UTC is of the day before in New York, and of the same in Tokyo; 23:30 the other way round."""
    text = "ticker,time,score\nAAA,2024-01-05T01:00:00Z,1\nAAA,2024-01-05T23:30:00Z,2\nAAA,2024-01-05T00:00:00Z,3\n"
    for zone in ("America/New_York", "Asia/Tokyo"):
        found = taken(tmp_path, text, timezone=zone)
        assert found.rejected.is_empty()
        assert found.publications.height == 3


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    stamps = pl.Series([dt.datetime(2024, 1, 2, 15), dt.datetime(2024, 1, 3)]).dt.replace_time_zone("UTC")
    pl.DataFrame({"ticker": ["AAA", "AAA"], "time": stamps, "score": [1.5, float("nan")]}).write_parquet(
        tmp_path / "n.parquet"
    )
    found = read_provider("news", AlternativeData.model_validate(NEWS | {"path": "n.parquet"}), tmp_path)
    assert found.publications.select("published_at", "value").rows() == [(dt.datetime(2024, 1, 2, 15), 1.5)]
    assert found.rejected.is_empty()


@pytest.mark.parametrize(
    ("changes", "text", "said"),
    [
        ({"path": "no.csv"}, "", ["no file matches 'no.csv'", "key: alternative_data.news"]),
        ({"published": "when"}, "ticker,time,score\n", ["no column 'when'", "news.csv, line 1", "ticker, time, score"]),
        ({}, "ticker,time,score\nA,3/4/2024,1\n", ["month first", "news.csv, line 2", "column: time", "date_format"]),
    ],
)
def test_an_error_names_file_line_column_and_key(
    changes: dict[str, Any], text: str, said: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SourceError) as error:
        taken(tmp_path, text or "ticker,time,score\n", **changes)
    assert [each for each in said if each not in str(error.value)] == []


def test_all_providers_are_read_and_a_changed_byte_is_another_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,v\n2024-01-02 10:00,1\n")
    (tmp_path / "b.csv").write_text("time,v\n2024-01-02 11:00,2\n")
    both = {
        name: {"path": f"{name}.csv", "published": "time", "timezone": "UTC", "values": ["v"]} for name in ("b", "a")
    }
    own = configuration(alternative_data=both).model_copy(update={"directory": tmp_path})
    assert read_publications(own).publications.select("provider", "value").rows() == [("a", 1.0), ("b", 2.0)]
    before = content_of_publications(own)
    (tmp_path / "b.csv").write_text("time,v\n2024-01-02 11:00,3\n")
    assert content_of_publications(own) != before


@settings(max_examples=25)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_says_nothing(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = [f"{s},2024-01-0{d} 10:00,{d}\n" for s in ("AAA", "BBB") for d in (2, 3, 4)]
    frames = []
    for each in (range(6), order):
        folder = tmp_path_factory.mktemp("rows")
        frames.append(taken(folder, "ticker,time,score\n" + "".join(rows[number] for number in each)).publications)
    assert frames[0].drop("source_line").equals(frames[1].drop("source_line"))


def day(number: int) -> dt.datetime:
    return dt.datetime(2024, 1, number)


def test_a_past_that_is_written_again_is_told() -> None:
    """Another value of an old publication, one that is gone, one that is new in the past; a later one is no change."""
    stored = published(*(("", day(1), day(number), day(number).date(), 1.0) for number in (2, 3, 5)))
    again = published(
        *(("", day(1), day(n), day(n).date(), value) for n, value in ((2, 1.5), (4, 1.0), (5, 1.0), (6, 9)))
    )
    untold = REWRITTEN_PUBLICATIONS.empty()
    found = rewritten(stored, again, untold, NOW)
    assert found.select("published_at", "old", "new").rows() == [
        (day(2), 1.0, 1.5), (day(3), 1.0, None), (day(4), None, 1.0)
    ]  # fmt: skip
    assert rewritten(stored, stored, untold, NOW).is_empty()
    assert rewritten(PUBLICATIONS.empty(), stored, untold, NOW).is_empty()


def levels(*values: tuple[int, float], symbol: str = "") -> pl.DataFrame:
    return published(*((symbol, day(number), day(number), day(number).date(), value) for number, value in values))


def told_of(*deliveries: pl.DataFrame) -> list[list[tuple[object, ...]]]:
    """What each of some deliveries is told of, one after the other."""
    stored, told, found = PUBLICATIONS.empty(), REWRITTEN_PUBLICATIONS.empty(), []
    for number, received in enumerate(deliveries):
        again = rewritten(stored, received, told, NOW + dt.timedelta(days=number))
        found.append(again.select("symbol", "published_at", "old", "new").rows())
        stored, told = received, pl.concat([told, again])
    return found


def test_an_empty_delivery_in_between_hides_nothing() -> None:
    """All are gone, then others are there: both are told, and only what is later than all that was known is news."""
    first, other = levels((2, 1.0), (5, 2.0)), levels((2, 9.0), (4, 8.0), (6, 7.0))
    gone = [("", day(2), 1.0, None), ("", day(5), 2.0, None)]
    come = [("", day(2), None, 9.0), ("", day(4), None, 8.0)]
    empty = PUBLICATIONS.empty()
    assert told_of(first, empty, other) == [[], gone, come]
    assert told_of(first, empty, empty, other, other) == [[], gone, [], come, []]
    assert told_of(empty, empty, first) == [[], [], []], "before the first there is no history"


def test_a_series_that_was_away_is_told_likewise() -> None:
    """Of one symbol alone, or its newest publication alone."""
    stays, away = levels((2, 1.0), symbol="AAA"), levels((2, 1.0), (5, 2.0), symbol="BBB")
    back = levels((2, 9.0), (6, 3.0), symbol="BBB")
    gone = [("BBB", day(2), 1.0, None), ("BBB", day(5), 2.0, None)]
    assert told_of(pl.concat([stays, away]), stays, pl.concat([stays, back])) == [
        [],
        gone,
        [("BBB", day(2), None, 9.0)],
    ]
    found = told_of(away, away.head(1), levels((2, 1.0), (5, 9.0), symbol="BBB"))
    assert found == [[], [("BBB", day(5), 2.0, None)], [("BBB", day(5), None, 9.0)]]


@pytest.mark.parametrize(
    ("apart", "hours", "doubtful"), [(30, 0, True), (30, 37, True), (7, 24, True), (1, 24, False), (30, 72, False)]
)
def test_a_series_that_is_stamped_with_what_it_is_of_is_doubted(apart: int, hours: int, doubtful: bool) -> None:
    """Monthly values that are public at once; daily ones are, and monthly ones three days later may be."""
    days = [dt.datetime(2020, 1, 1) + dt.timedelta(days=apart * number) for number in range(10)]
    times = [(day, day + dt.timedelta(hours=hours)) for day in days]
    rows = published(*(("", day, at, at.date(), 1.0) for day, at in times))
    revised = published(*(("", day, at + dt.timedelta(days=90), at.date(), 2.0) for day, at in times))
    assert stamped_as_observed(pl.concat([rows, revised])) == (["macro.level"] if doubtful else [])
    assert stamped_as_observed(rows.head(7)) == []
