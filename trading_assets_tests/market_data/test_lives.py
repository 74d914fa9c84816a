"""A ticker that two securities had, one after the other, is two instruments, and nothing reaches over the break."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.backtests.backtest import backtest
from trading_assets.config import Configuration
from trading_assets.features.daily import daily_features
from trading_assets.market_data import calendars
from trading_assets.market_data.lives import (
    FEWEST_BARS,
    NO_LIVES,
    by_life,
    delivered_as,
    find_lives,
    for_each_life,
    later_lives,
    revives,
)
from trading_assets.market_data.quality.findings import QualityError
from trading_assets.market_data.tables import BARS, CORPORATE_ACTIONS, INSTRUMENTS, QUARANTINE, UNIVERSE
from trading_assets.models.samples import build_samples
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import BENCHMARK, bars_of, configuration, frames_of, prepare_strategy
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import received
from trading_assets_tests.strategies.panels import settings

DAYS = calendars.sessions("XNYS", dt.date(2012, 1, 3), dt.date(2016, 12, 30)).to_list()
NOTHING = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date})
#: 528 bars at a cent, two years of empty rows, six bars at 12, two empty rows, 70 more.
OLD, EMPTY, SIX, GAP, LATE = DAYS[:528], DAYS[528:1032], DAYS[1032:1038], DAYS[1038:1040], DAYS[1040:1110]
NEW = [*SIX, *LATE]
BEGINS = SIX[0]


def reused(ticker: str = "NAME") -> pl.DataFrame:
    random = np.random.default_rng(2)

    def bars(days: Sequence[dt.date], level: float) -> list[dict[str, object]]:
        closes = level * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
        rows = zip(days, closes, strict=True)
        return [{"symbol": ticker, "session": day, "close": float(c), "volume": 1e9} for day, c in rows]

    none = dict.fromkeys(("open", "high", "low", "close", "volume"))
    empty = [{"symbol": ticker, "session": day, **none} for day in (*EMPTY, *GAP)]
    return received([*bars(OLD, 0.01), *empty, *bars(NEW, 12.0)]).sort("session")


def quiet(ticker: str = "QUIET") -> pl.DataFrame:
    random = np.random.default_rng(3)
    closes = 50 * np.exp(np.cumsum(random.normal(0, 0.01, len(DAYS))))
    return received({"symbol": ticker, "session": day, "close": float(c)} for day, c in zip(DAYS, closes, strict=True))


def span_of(configuration: Configuration) -> tuple[dt.date, dt.date]:
    return dt.date(2012, 1, 1), dt.date(2016, 12, 31)


def configured(folder: Path, **values: object) -> Configuration:
    usual: dict[str, object] = {"start": dt.date(2012, 1, 1), "as_of": LATE[-1], "benchmarks": {"equity": "QUIET"}}
    return experiment(folder, **(usual | values))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("reused")
    deliver(folder, pl.concat([reused(), quiet()]))
    configuration = configured(folder)
    return run(configuration, span_of(configuration))


def test_both_instruments_are_listed_with_their_ticker(warehouse: Warehouse) -> None:
    listed = warehouse.read(INSTRUMENTS).filter(pl.col("symbol") != "QUIET")
    columns = ("symbol", "tickers", "first_session", "last_session", "in_universe")
    assert listed.select(columns).rows() == [
        ("NAME", ["NAME"], OLD[0], OLD[-1], True),
        ("NAME@2016", ["NAME"], BEGINS, LATE[-1], True),
    ]
    assert warehouse.read(UNIVERSE)["symbol"].to_list() == ["NAME", "NAME@2016", "QUIET"]


def test_each_instrument_leads_to_the_ticker_that_its_bars_were_received_under(warehouse: Warehouse) -> None:
    listed = warehouse.read(INSTRUMENTS).select("symbol", ticker=delivered_as()).sort("symbol")
    assert listed.rows() == [("NAME", "NAME"), ("NAME@2016", "NAME"), ("QUIET", "QUIET")]
    # Renamed, and called so by a table of tickers: its bars were received under the instrument's symbol.
    renamed = pl.DataFrame({"symbol": ["FB", "A@B"], "tickers": [["FB", "META"], ["A", "A@B"]]})
    assert renamed.select(delivered_as()).to_series().to_list() == ["FB", "A@B"]


def test_bars_are_parted_and_no_move_or_action_joins_them(warehouse: Warehouse) -> None:
    bars = warehouse.read(BARS)
    assert bars.filter(symbol="NAME")["session"].to_list() == OLD
    later = bars.filter(symbol="NAME@2016").sort("session")
    assert later["session"].to_list() == NEW
    assert later["forward_factor"].to_list() == [1.0] * len(NEW)
    flags = {flag for flags in later["flags"] for flag in flags}
    assert later["flags"][0].to_list() == ["ticker_reuse"] and flags == {"ticker_reuse"}
    assert warehouse.read(CORPORATE_ACTIONS).is_empty()
    held = warehouse.read(QUARANTINE).filter(pl.col("symbol") != "QUIET").group_by("symbol").len().sort("symbol").rows()
    assert held == [("NAME", len(EMPTY)), ("NAME@2016", len(GAP))], "empty rows go with the bars before them"


def test_no_feature_or_label_reaches_over_the_break(warehouse: Warehouse) -> None:
    bars = warehouse.read(BARS)
    features = daily_features(bars, {"equity": "QUIET"}).filter(symbol="NAME@2016").sort("session")
    assert features["return_20"].is_null().to_list()[:21] == [True] * 20 + [False]
    assert features["beta_60"].count() == len(NEW) - 60
    alone = daily_features(bars.filter(pl.col("symbol") != "NAME"), {"equity": "QUIET"}).filter(symbol="NAME@2016")
    own = [name for name in features.columns if not name.startswith(("rank", "excess", "breadth"))]
    assert_frame_equal(features.select(own), alone.sort("session").select(own))
    everything = daily_features(bars, {"equity": "QUIET"})
    samples = build_samples(bars, None, everything, 5)
    labels = samples.keys.filter(symbol="NAME").sort("session")
    assert labels["label_end"].max() == OLD[-1]
    assert labels["label"].is_null().to_list()[-6:] == [True] * 6, "open[t+6] of the last six would be the other's"


@pytest.mark.slow
def test_months_in_any_order_come_to_the_same(tmp_path: Path, warehouse: Warehouse) -> None:
    """Each month after the other, and the whole at once; then months before the first are delivered, too."""
    deliver(tmp_path, pl.concat([reused(), quiet()]))
    configuration = configured(tmp_path)
    for first, last in (
        (dt.date(2012, 1, 1), dt.date(2014, 2, 28)),
        (dt.date(2014, 3, 1), dt.date(2016, 1, 31)),
        (dt.date(2016, 2, 1), dt.date(2016, 2, 29)),
        (dt.date(2016, 3, 1), dt.date(2016, 12, 31)),
    ):
        parts = run(configuration, (first, last))
    for table in (BARS, QUARANTINE, INSTRUMENTS, UNIVERSE):
        left, right = (each.read(table).drop("ingested_at", strict=False) for each in (parts, warehouse))
        assert_frame_equal(left, right)


def test_a_history_that_grows_backward_names_the_later_one_anew() -> None:
    raw = reused()
    assert find_lives(raw.filter(pl.col("session") >= BEGINS), 365, NOTHING).is_empty()
    grown = find_lives(raw.sample(fraction=1.0, shuffle=True, seed=1), 365, NOTHING)
    assert grown.rows() == [("NAME", "NAME@2016", BEGINS)]
    assert find_lives(raw.filter(pl.col("session") <= SIX[0]), 365, NOTHING).rows() == grown.rows()


def some_days(first: dt.date, count: int = FEWEST_BARS) -> list[dict[str, object]]:
    """Bars of so many days, the last of them on `first`'s date and those before it."""
    return [{"session": first - dt.timedelta(days=back)} for back in range(count)]


@pytest.mark.parametrize(("days", "lives"), [(364, 0), (365, 1), (366, 1)])
def test_a_break_is_a_year(days: int, lives: int) -> None:
    last = dt.date(2014, 3, 3)
    raw = received([{"session": last + dt.timedelta(days=days)}, *some_days(last)])
    assert find_lives(raw, 365, NOTHING).height == lives
    known = pl.DataFrame({"symbol": ["AAA"], "session": [last]})
    assert revives(raw, known, last + dt.timedelta(days=1), 365) == bool(lives)


def test_three_owners_a_taken_name_and_those_on_record() -> None:
    days = [dt.date(2010, 3, 4), dt.date(2012, 3, 4), dt.date(2015, 3, 5)]
    every = [row for day in days for row in some_days(day)]
    raw = received([*every, {"symbol": "AAA@2012", "session": days[0]}])
    found = find_lives(raw, 365, NOTHING)
    assert found["symbol"].to_list() == ["AAA@2012@", "AAA@2015"]
    assert later_lives(found).equals(found)
    one = pl.DataFrame({"symbol": ["AAA"], "session": [some_days(days[2])[-1]["session"]]})
    assert find_lives(raw, 365, one)["symbol"].to_list() == ["AAA@2012@"]
    assert find_lives(raw, 365, NOTHING, pl.Series(["AAA"])).is_empty()
    named = by_life(raw.filter(pl.col("session").is_in(days), symbol="AAA"), found).sort("session")
    assert named["symbol"].to_list() == ["AAA", "AAA@2012@", "AAA@2015"]
    assert by_life(raw, NO_LIVES).equals(raw)
    spells = pl.DataFrame({"symbol": ["AAA", "BBB"], "start": days[:2]})
    assert sorted(for_each_life(spells, found)["symbol"]) == ["AAA", "AAA@2012@", "AAA@2015", "BBB"]


@pytest.mark.parametrize(("strays", "owner"), [(1, "AAA"), (FEWEST_BARS - 1, "AAA"), (FEWEST_BARS, "AAA@2015")])
def test_a_handful_of_bars_is_no_life(strays: int, owner: str) -> None:
    """Stray bars of 2010 and of 2012 are named after their years, and what begins in 2015 has the ticker."""
    early, middle, late = dt.date(2010, 3, 4), dt.date(2012, 3, 4), dt.date(2015, 3, 5)
    raw = received([*some_days(early, strays), {"session": middle}, *some_days(late, 40)]).sort("session")
    found = find_lives(raw, 365, NOTHING)
    named = by_life(raw, found)
    assert named["symbol"][-1] == owner
    assert named["symbol"].unique(maintain_order=True).to_list() == (
        ["AAA@2010", "AAA@2012", "AAA"] if owner == "AAA" else ["AAA", "AAA@2012", "AAA@2015"]
    )
    assert later_lives(found).is_empty() == (owner == "AAA")
    # What came before a break decides who has the ticker after it: nothing later renames what is no handful.
    for end in (raw["session"][-40], raw["session"][-39], late):
        assert find_lives(raw.filter(pl.col("session") <= end), 365, NOTHING).equals(found)
    spells = for_each_life(pl.DataFrame({"symbol": ["AAA"]}), found)
    assert spells["symbol"].is_unique().all() and spells.height == 3


@pytest.mark.slow
def test_a_stray_bar_has_the_ticker_until_it_turns_out_to_be_one(tmp_path: Path) -> None:
    """Run in two parts and at once: one bar of 2012, and a life from 2016 on that has the ticker."""
    stray = received([{"symbol": "NAME", "session": DAYS[3], "close": 3.0}])
    deliver(tmp_path, pl.concat([stray, reused().filter(pl.col("session") >= BEGINS), quiet()]))
    parts, whole = configured(tmp_path), configured(tmp_path, name="whole")
    first, last = span_of(parts)
    early = run(parts, (first, dt.date(2014, 2, 28)))
    assert early.read(INSTRUMENTS)["symbol"].to_list() == ["NAME", "QUIET"]
    found, at_once = run(parts, (dt.date(2014, 3, 1), last)), run(whole, (first, last))
    for table in (BARS, QUARANTINE, INSTRUMENTS):
        left, right = (each.read(table).drop("ingested_at", strict=False) for each in (found, at_once))
        assert_frame_equal(left, right)
    assert found.read(INSTRUMENTS)["symbol"].to_list() == ["NAME", "NAME@2012", "QUIET"]
    assert found.read(BARS).filter(symbol="NAME").sort("session")["session"].to_list() == NEW


def test_what_is_configured_for_a_name_is_so_for_both(tmp_path: Path) -> None:
    """A membership by name, an action of the later one, a delisting of the earlier one, and a sector."""
    (tmp_path / "members.csv").write_text(f"symbol,start,end,delisted\nNAME,2012-01-01,,{OLD[-1]}\n")
    (tmp_path / "actions.csv").write_text(f"symbol,session,split_ratio,cash_dividend\nNAME,{LATE[3]},2,0\n")
    (tmp_path / "sectors.csv").write_text("symbol,sector\nNAME,Energy\n")
    deliver(tmp_path, pl.concat([reused(), quiet()]))
    source = {"source": "files", "asset_class": "equity", "path": "prices/*.csv", "actions": "actions.csv"}
    configuration = configured(
        tmp_path, market_data=[source], universe={"equity": "members.csv"}, sectors="sectors.csv"
    )
    found = run(configuration, span_of(configuration))
    listed = found.read(INSTRUMENTS).filter(pl.col("symbol") != "QUIET").select("symbol", "delisted", "sector").rows()
    assert listed == [("NAME", OLD[-1], "Energy"), ("NAME@2016", None, "Energy")]
    assert found.read(UNIVERSE).select("symbol", "start").rows() == [
        ("NAME", dt.date(2012, 1, 1)),
        ("NAME@2016", dt.date(2012, 1, 1)),
    ]
    assert found.read(CORPORATE_ACTIONS).select("symbol", "session", "split_ratio").rows() == [
        ("NAME@2016", LATE[3], 2.0)
    ]


def test_the_rule_can_be_off_and_a_finding_overridden(tmp_path: Path) -> None:
    deliver(tmp_path, pl.concat([reused(), quiet()]))
    configuration = configured(tmp_path, quality={"severity": {"ticker_reuse": "off"}})
    assert run(configuration, span_of(configuration)).read(INSTRUMENTS)["symbol"].to_list() == ["NAME", "QUIET"]
    (tmp_path / "reviewed.csv").write_text(f"symbol,session,rule\nNAME,{BEGINS},ticker_reuse\n")
    configuration = configured(tmp_path, name="second", quality={"overrides": "reviewed.csv"})
    assert run(configuration, span_of(configuration)).read(INSTRUMENTS)["symbol"].to_list() == ["NAME", "QUIET"]


@pytest.mark.parametrize(("symbol", "bought"), [("NAME", OLD[500]), ("NAME@2016", LATE[30])])
def test_no_position_reaches_over_the_break(warehouse: Warehouse, symbol: str, bought: dt.date) -> None:
    """Bought at a cent and never worth 12: half of 100,000 in it stays about what it was on its last day."""
    bars = warehouse.read(BARS)
    index = bars_of(BENCHMARK, np.full(len(DAYS), 100.0), DAYS, "index").select(bars.columns)
    held = settings("trading_assets_tests.market_data.hold_from", symbol=symbol, session=bought)
    experiment = configuration().model_copy(update={"strategies": {"hold": held}})
    prepared = prepare_strategy(experiment, "hold", frames_of(pl.concat([bars, index])))
    result = backtest(prepared, DAYS[100], LATE[-1], split="train")
    assert result.fills["symbol"].unique().to_list() == [symbol]
    assert result.fills["session"].min() == DAYS[DAYS.index(bought) + 1]
    lowest, highest = bars.filter(symbol=symbol).select(pl.col("low").min(), pl.col("high").max()).row(0)
    assert result.fills["price"].is_between(lowest * 0.9, highest * 1.1).all()
    assert result.equity["equity"].is_between(80_000, 125_000).all()


def test_a_bar_after_the_as_of_date_parts_nothing(tmp_path: Path) -> None:
    """A stray bar of the year 2201 is quarantined as one of the future; the ticker stays one instrument."""
    stray = received([{"symbol": "QUIET", "session": dt.date(2201, 1, 2), "close": 50.0}])
    deliver(tmp_path, pl.concat([reused(), quiet(), stray]))
    configuration = configured(tmp_path)
    found = run(configuration, span_of(configuration))
    assert found.read(INSTRUMENTS)["symbol"].to_list() == ["NAME", "NAME@2016", "QUIET"]


def test_a_benchmark_has_one_life(tmp_path: Path) -> None:
    deliver(tmp_path, pl.concat([reused(), quiet()]))
    configuration = configured(tmp_path, benchmarks={"equity": "NAME"})
    with pytest.raises(QualityError, match=f"the benchmark NAME has no bar for 365 days or more before {BEGINS}"):
        run(configuration, span_of(configuration))
