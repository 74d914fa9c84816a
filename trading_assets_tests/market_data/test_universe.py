"""Spells of the universe, what the data lack of it, and the default as-of date."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config import Configuration
from trading_assets.market_data import universe
from trading_assets.market_data.instruments import instruments
from trading_assets.market_data.reference.symbology import NO_SYMBOLOGY
from trading_assets.market_data.universe import (
    UniverseError,
    default_as_of,
    in_universe,
    missing_data_message,
    read_membership,
    read_memberships,
    resolve,
    without_data,
)
from trading_assets_tests.market_data.markets import SESSIONS, path

START = dt.date(2024, 1, 1)


def configured(directory: Path = Path(), **values: Any) -> Configuration:
    return Configuration.model_validate(
        {
            "name": "test",
            "start": START,
            "market_data": [{"source": "files", "asset_class": "equity", "path": "prices/*.csv"}],
            "strategies": {"equity_momentum": {"type": "equity_momentum"}},
            "directory": directory,
            **values,
        }
    )


def listed(**classes: list[str]) -> pl.DataFrame:
    rows = [(symbol, name) for name, symbols in classes.items() for symbol in symbols]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "asset_class": pl.String}, orient="row")


def membership(folder: Path, text: str) -> Path:
    (folder / "members.csv").write_text(text)
    return folder / "members.csv"


def test_membership_table_under_either_set_of_names(tmp_path: Path) -> None:
    ours = read_membership(
        membership(tmp_path, "symbol,start,end\nB,2001-01-02,2005-03-04\nA,2000-06-05,\nB,2007-01-01,\n")
    )
    assert ours.rows() == [
        ("A", dt.date(2000, 6, 5), None, None),
        ("B", dt.date(2001, 1, 2), dt.date(2005, 3, 4), None),
        ("B", dt.date(2007, 1, 1), None, None),
    ]
    theirs = read_membership(
        membership(tmp_path, "end_date,name,ticker,start_date,delisted\n2005-03-04,x, B ,2001-01-02,2006-01-02\n")
    )
    assert theirs.rows() == [("B", dt.date(2001, 1, 2), dt.date(2005, 3, 4), dt.date(2006, 1, 2))]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("symbol,start\nA,2000-01-03\n", ["no column 'end'", "line 1", "end or end_date", "symbol, start"]),
        ("symbol,start,end\nA,2000-01-03,\nB,03.01.2000,\n", ["'start'", "line 3", "symbol B", "2004-08-19"]),
        ("symbol,start,end\nA,2000-01-03,soon\n", ["'end'", "line 2"]),
        ("symbol,start,end\n,2000-01-03,\n", ["'symbol'", "line 2"]),
        ("symbol,start,end\nA,2000-01-03,1999-01-04\n", ["'end'", "line 2", "not before the start"]),
        ("symbol,start,end\nA,2000-01-03,\nA,2001-01-03,\n", ["'start'", "line 3", "after the symbol's spell before"]),
        ("symbol,start,end,delisted\nA,2000-01-03,,never\n", ["'delisted'", "line 2"]),
        ("", ["cannot read"]),
    ],
)
def test_a_wrong_membership_table_is_refused_with_file_and_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    file = membership(tmp_path, text)
    with pytest.raises(UniverseError) as caught:
        read_membership(file)
    for part in [str(file), *parts]:
        assert part in str(caught.value)


def test_an_absent_membership_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UniverseError, match=r"no_such\.csv"):
        read_memberships(configured(tmp_path, universe={"equity": "no_such.csv"}))


def test_membership_is_as_of_the_session() -> None:
    spells = pl.DataFrame(
        {
            "symbol": ["A", "A", "B"],
            "start": [dt.date(2000, 1, 3), dt.date(2005, 1, 3), dt.date(2001, 1, 2)],
            "end": [dt.date(2001, 12, 31), None, None],
        }
    )
    asked = {
        day: in_universe(spells, dt.date(*day))
        for day in [(1999, 12, 31), (2000, 1, 3), (2001, 12, 31), (2002, 1, 2), (2005, 1, 3)]
    }
    assert list(asked.values()) == [[], ["A"], ["A", "B"], ["B"], ["A", "B"]]


def test_all_list_and_table_resolve_to_spells(tmp_path: Path) -> None:
    membership(tmp_path, "ticker,start_date,end_date\nA,2024-01-10,2024-02-01\nA,2024-03-01,\n")
    classes = configured().market_data
    both = [*classes, classes[0].model_copy(update={"asset_class": "crypto"})]
    data = listed(equity=["A", "B"], crypto=["X", "Y"], index=["SPX"])
    by_table = configured(tmp_path, market_data=both, universe={"equity": "members.csv", "crypto": ["Y", "Y", "Z"]})
    spells = resolve(by_table, data, read_memberships(by_table))
    assert spells.rows() == [
        ("A", "equity", dt.date(2024, 1, 10), dt.date(2024, 2, 1)),
        ("A", "equity", dt.date(2024, 3, 1), None),
        ("Y", "crypto", START, None),
        ("Z", "crypto", START, None),
    ]
    everything = configured(market_data=both, universe={"equity": "all"})  # crypto is not mentioned: all of it
    assert resolve(everything, data, {})["symbol"].to_list() == ["A", "B", "X", "Y"]  # never an index


def test_what_the_data_lack_is_found_and_named(tmp_path: Path) -> None:
    membership(
        tmp_path, "symbol,start,end\nA,2020-01-02,\nOLD,2010-01-04,2015-01-05\nGONE,2024-02-01,\nLATER,2025-01-02,\n"
    )
    configuration = configured(
        tmp_path, universe={"equity": "members.csv"}, benchmarks={"equity": "SPX", "crypto": "BTC"}
    )
    data = listed(equity=["A"], index=["SPX"])
    missing = without_data(
        configuration, resolve(configuration, data, read_memberships(configuration)), data, dt.date(2024, 12, 31)
    )
    assert missing.rows() == [("BTC", "benchmarks.crypto", True), ("GONE", "universe.equity", False)]
    message = missing_data_message(configuration, missing)
    for part in (
        "BTC",
        "GONE",
        "benchmarks.crypto",
        "universe.equity",
        str(tmp_path / "members.csv"),
        "prices/*.csv",
        "allow_missing",
    ):
        assert part in message


def test_a_symbol_of_another_class_is_no_data() -> None:
    configuration = configured(universe={"equity": ["BTC"]})
    data = listed(crypto=["BTC"])
    assert without_data(configuration, resolve(configuration, data, {}), data, START).height == 1


def live_as_of(rows: list[tuple[str, dt.date]], grace: int) -> dt.date | None:
    """Brute force: the last session on which half of the live symbols have a bar."""
    days = sorted({day for _, day in rows})
    answer = None
    for index, day in enumerate(days):
        live = 0
        for symbol in {name for name, _ in rows}:
            own = [days.index(d) for name, d in rows if name == symbol]
            live += min(own) <= index <= max(own) + grace
        if 2 * len({name for name, d in rows if d == day}) >= live:
            answer = day
    return answer


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from(SESSIONS[:12]))), st.integers(1, 4))
def test_default_as_of_agrees_with_brute_force(rows: list[tuple[str, dt.date]], grace: int) -> None:
    schema = {"symbol": pl.String, "session": pl.Date}
    bars = pl.DataFrame([*rows, ("OUT", dt.date(2030, 1, 1))], schema=schema, orient="row")
    universe = pl.DataFrame({"symbol": list("ABCDEA")})
    assert default_as_of(bars, universe, grace) == live_as_of(rows, grace)


def test_a_few_fresh_symbols_do_not_push_the_date_on() -> None:
    bars = pl.concat([path([100.0] * (9 if symbol == "A" else 7), symbol) for symbol in "ABCD"])
    assert default_as_of(bars, bars, 10) == SESSIONS[6]
    assert default_as_of(bars.filter(pl.col("symbol") == "A"), bars, 10) == SESSIONS[8]


def test_instruments_describe_symbols_and_refuse_a_double_one() -> None:
    raw = pl.concat([path([100.0] * 3, "A"), path([100.0] * 2, "B", source="synthetic")])
    spells = pl.DataFrame({"symbol": ["A"]})
    delisted = pl.DataFrame({"symbol": ["A", "A", "C"], "delisted": [None, SESSIONS[2], SESSIONS[1]]})
    kinds = raw.select("symbol", "asset_class", "calendar", "source")
    ends = pl.DataFrame({"symbol": ["A"], "first_session": [SESSIONS[0]], "last_session": [SESSIONS[2]]})
    table = instruments(kinds, ends, spells, {"equity": delisted}, {}, NO_SYMBOLOGY)
    columns = ("symbol", "first_session", "last_session", "delisted", "synthetic", "in_universe")
    assert table.select(columns).rows() == [
        ("A", SESSIONS[0], SESSIONS[2], SESSIONS[2], False, True),
        ("B", None, None, None, True, False),
    ]
    twice = pl.concat([kinds, path([100.0], "A", asset_class="crypto", calendar="24/7").select(kinds.columns)])
    with pytest.raises(UniverseError, match="'A' comes as two instruments"):
        instruments(twice, ends, spells, {}, {}, NO_SYMBOLOGY)


@pytest.mark.parametrize("seed", range(20))
def test_who_is_a_member_is_who_a_count_by_hand_says(seed: int) -> None:
    """Rows in any order, symbols with no spell, one or several, some without an end."""
    draw = random.Random(seed)
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(60)]
    spells: list[tuple[str, dt.date, dt.date | None]] = []
    for symbol in "ABCD":
        for begin in range(0, 45, 15)[: draw.choice([0, 1, 1, 3]) if seed % 2 else draw.choice([0, 1])]:
            spells.append((symbol, days[begin + draw.randint(0, 4)], days[begin + draw.randint(5, 12)]))
        if spells and spells[-1][0] == symbol and draw.random() < 0.3:
            spells[-1] = (*spells[-1][:2], None)
    schema = {"symbol": pl.String, "start": pl.Date, "end": pl.Date}
    rows = [(draw.choice("ABCDE"), draw.choice(days)) for _ in range(80)]
    found = universe.membership(
        pl.DataFrame(rows, schema={"symbol": pl.String, "session": pl.Date}, orient="row"),
        pl.DataFrame(spells, schema=schema, orient="row"),
    )
    assert found.to_list() == [
        any(symbol == each and start <= day and (end is None or day <= end) for each, start, end in spells)
        for symbol, day in rows
    ]
