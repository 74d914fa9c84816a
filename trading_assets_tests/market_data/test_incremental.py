"""Checking what is new by its past alone comes to what checking everything again comes to."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.config import Configuration
from trading_assets.config.quality import LOOK_BACK, Quality
from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data import assets, calendars
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets.market_data.reference_data import read_inputs
from trading_assets.market_data.sources.synthetic import generate
from trading_assets.market_data.sources.synthetic_faults import KINDS
from trading_assets.market_data.tables import (
    BARS,
    CORPORATE_ACTIONS,
    INSTRUMENTS,
    QUARANTINE,
    SESSIONS,
    SETTLED_MONTHS,
    UNIVERSE,
)
from trading_assets.warehouse import Table, Warehouse
from trading_assets_tests.market_data.experiments import MONTHS, deliver, experiment, step
from trading_assets_tests.market_data.markets import SESSIONS as DAYS
from trading_assets_tests.market_data.markets import path, received

TABLES = (BARS, QUARANTINE, CORPORATE_ACTIONS, SESSIONS, INSTRUMENTS, UNIVERSE, SETTLED_MONTHS)
START = dt.date(2014, 1, 1)
MONTH_ENDS = pl.date_range(START, dt.date(2016, 12, 31), "1mo", eager=True).dt.month_end().to_list()
SEVERITIES = dict.fromkeys(("one_series", "common_jump", "stale_day"), "row")
SYMBOLS = 12


def market(seed: int, rate: float) -> pl.DataFrame:
    """Three years with every fault, splits, listings and delistings, and an adjusted close with holes."""
    source = SyntheticSource(
        source="synthetic",
        asset_class="equity",
        calendar="XNYS",
        symbols=SYMBOLS,
        splits=1.0,
        listings=0.4,
        delistings=0.1,
        missing_rate=0.02,
        faults={cast(Any, fault): 0.1 if kind == "symbol" and rate else rate for fault, kind in KINDS.items()},
    )
    random = np.random.default_rng(seed)
    bars = generate(source, START, MONTH_ENDS[-1], seed)
    holes = pl.Series(random.random(bars.height) < 0.3)
    paused = (pl.col("symbol") == "SYN005") & pl.col("session").is_between(dt.date(2015, 2, 1), dt.date(2015, 8, 1))
    return bars.with_columns(adj_close=pl.when(holes).then(None).otherwise("adj_close")).filter(~paused)


def run(configuration: Configuration, first: dt.date, last: dt.date) -> str:
    """Both assets for some months; how the bars were checked."""
    assets.raw_bars(step(configuration, first, last))
    return str(assets.bars(step(configuration, first, last))["checked"])


def tables_of(configuration: Configuration, tables: Sequence[Table] = TABLES) -> dict[str, pl.DataFrame]:
    warehouse = Warehouse(configuration.warehouse_path)
    return {table.name: warehouse.read(table) for table in tables}


def assert_same(one: Configuration, other: Configuration) -> None:
    ours, theirs = tables_of(one), tables_of(other)
    for name, frame in ours.items():
        left, right = frame, theirs[name]
        if name == SETTLED_MONTHS.name:  # commits are counted in each warehouse by itself
            left, right = left.drop("raw_commit"), right.drop("raw_commit")
        left, right = (each.drop("ingested_at", "source_line", strict=False) for each in (left, right))
        assert_frame_equal(left, right, check_exact=True)


def configured(folder: Path, **values: Any) -> Configuration:
    return experiment(folder, start=START, as_of=None, quality={"severity": SEVERITIES}, **values)


@pytest.mark.acceptance
@pytest.mark.parametrize(("seed", "rate"), [(1, 0.0), (2, 0.0005), (3, 0.003)])
def test_a_month_after_the_other_is_as_everything_at_once(tmp_path: Path, seed: int, rate: float) -> None:
    """Months arrive one by one, some of them again with other values; in the end it is one history."""
    bars = market(seed, rate)
    random = np.random.default_rng(seed)
    configuration = configured(tmp_path / "parts")
    checked = []
    for number, end in enumerate(MONTH_ENDS):
        start = end.replace(day=1)
        if number % 5 == 4:  # the month as far as it came, and then whole, with values that changed
            early = bars.filter(pl.col("session") <= start + dt.timedelta(days=int(random.integers(3, 20))))
            changed = (pl.col("session") >= start) & (pl.col("symbol") == f"SYN{random.integers(1, SYMBOLS):03d}")
            wrong = early.with_columns(
                pl.when(changed).then(pl.col(name) * random.choice([1.3, 3.0, 1.0])).otherwise(name).alias(name)
                for name in ("open", "high", "low", "close")
            )
            deliver(tmp_path / "parts", wrong)
            checked.append(run(configuration, start, end))
        deliver(tmp_path / "parts", bars.filter(pl.col("session") <= end))
        checked.append(run(configuration, start, end))
    quick = sum(each != "everything" for each in checked)
    assert quick > (30 if rate < 0.001 else 3), checked

    whole = configured(tmp_path / "whole")
    deliver(tmp_path / "whole", bars)
    assert run(whole, START, MONTH_ENDS[-1]) == "everything"
    assert_same(configuration, whole)


JANUARY_31, FEBRUARY_1 = DAYS.index(dt.date(2024, 1, 31)), DAYS.index(dt.date(2024, 2, 1))


def with_event(event: str) -> pl.DataFrame:
    """A quiet symbol beside one to which something happens where January becomes February."""
    quiet = path([40.0 + n % 5 / 10 for n in range(len(DAYS))], "QUIET")
    closes = np.array([100.0 + n % 7 / 10 for n in range(len(DAYS))])
    factor = np.full(len(DAYS), 0.5)
    match event:
        case "taken back":
            closes[JANUARY_31] *= 3
        case "stays":
            closes[JANUARY_31:] *= 3
        case "twice":
            closes[[JANUARY_31, FEBRUARY_1 + 1]] *= 3
        case "half adjusted":
            closes[JANUARY_31] /= 1.5
        case "other unit":
            closes[JANUARY_31 - 1 : FEBRUARY_1 + 5] *= 100
        case "other unit for good":
            closes[JANUARY_31 - 1 :] *= 100
        case "split":
            closes[FEBRUARY_1:] /= 4
            factor[:FEBRUARY_1] /= 4
    return pl.concat([path(closes, "EVENT").with_columns(adj_close=pl.Series(closes * factor)), quiet])


LEVELS = {"EVENT": 100.0, "QUIET": 40.0}
EVENTS = ("taken back", "split")
SLOW_EVENTS = ("stays", "twice", "half adjusted", "other unit", "other unit for good")


@pytest.mark.parametrize("event", [*EVENTS, *(pytest.param(event, marks=pytest.mark.slow) for event in SLOW_EVENTS)])
def test_what_happens_between_two_months(tmp_path: Path, event: str) -> None:
    """January is checked with the first bars of February at hand, or without them."""
    bars, quality = with_event(event), {"quality": {"severity": {"half_adjusted": "row"}}}
    whole = experiment(tmp_path / "whole", **quality)
    deliver(tmp_path / "whole", bars)
    run(whole, MONTHS[0][0], MONTHS[-1][1])
    for known in (0, 3):
        folder = tmp_path / f"parts with {known} days more"
        parts = experiment(folder, **quality)
        for first, last in MONTHS:
            end = last + dt.timedelta(days=known)
            deliver(folder, bars.filter(pl.col("session") <= end))
            for month in MONTHS:
                if month[0] <= end:
                    assets.raw_bars(step(parts, *month))
            assets.bars(step(parts, first, last))
        assert_same(parts, whole)


@pytest.mark.slow
def test_a_bar_is_in_use_again_when_the_next_one_is_corrected(tmp_path: Path) -> None:
    """February's first bar took January's last one back, and was itself at fault."""
    parts, whole = experiment(tmp_path / "parts"), experiment(tmp_path / "whole")
    for event, month in (("taken back", MONTHS[0]), ("taken back", MONTHS[1]), ("stays", MONTHS[1])):
        deliver(tmp_path / "parts", with_event(event).filter(pl.col("session") <= month[1]))
        run(parts, *month)
    deliver(tmp_path / "whole", with_event("stays").filter(pl.col("session") <= MONTHS[1][1]))
    run(whole, MONTHS[0][0], MONTHS[1][1])
    assert_same(parts, whole)


@pytest.mark.slow
def test_another_unit_since_long_ago(tmp_path: Path) -> None:
    """The jump lies before all that would be read again, the jump back within."""
    days = calendars.sessions("XNYS", START, MONTH_ENDS[-1])
    closes = {name: np.array([level + n % 7 / 10 for n in range(len(days))]) for name, level in LEVELS.items()}
    closes["EVENT"][90:-150] *= 100
    bars = received(
        {"symbol": symbol, "session": day, "close": float(close)}
        for symbol, series in closes.items()
        for day, close in zip(days, series, strict=True)
    )
    parts, whole = experiment(tmp_path / "parts", start=START), experiment(tmp_path / "whole", start=START)
    for folder in ("parts", "whole"):
        deliver(tmp_path / folder, bars)
    run(parts, START, MONTH_ENDS[-2])
    run(parts, MONTH_ENDS[-1].replace(day=1), MONTH_ENDS[-1])
    run(whole, START, MONTH_ENDS[-1])
    assert_same(parts, whole)


def test_a_month_in_the_middle_again(tmp_path: Path) -> None:
    bars = market(2, 0.0005)
    deliver(tmp_path, bars)
    configuration = configured(tmp_path)
    run(configuration, START, MONTH_ENDS[-1])
    before = tables_of(configuration)
    end = MONTH_ENDS[20]
    assert assets.bars(step(configuration, end.replace(day=1), end))["checked"] == f"from {end.replace(day=1)} on"
    after = tables_of(configuration)
    assert after[SETTLED_MONTHS.name].height == 21, "what came after is to be looked at again"
    del before[SETTLED_MONTHS.name]
    for name, frame in before.items():
        assert_frame_equal(after[name], frame, check_exact=True)


def test_edited_factors_are_not_adjusted_on_from(tmp_path: Path) -> None:
    """Twice the factor of January would give February twice the price; it is made from what was received instead."""
    deliver(tmp_path, with_event("split"))
    configuration = experiment(tmp_path)
    for month in MONTHS[:2]:
        run(configuration, *month)
    before = tables_of(configuration, (BARS,))[BARS.name].filter(pl.col("session") >= MONTHS[1][0])
    assert run(configuration, *MONTHS[1]) == f"from {MONTHS[1][0]} on"
    with duckdb.connect(str(configuration.warehouse_path)) as connection:
        connection.execute(
            f"UPDATE {BARS.name} SET forward_factor = 2 * forward_factor WHERE session < ?", [MONTHS[1][0]]
        )
    assert run(configuration, *MONTHS[1]) == "everything"
    after = tables_of(configuration, (BARS,))[BARS.name].filter(pl.col("session") >= MONTHS[1][0])
    assert_frame_equal(after, before, check_exact=True)


REVIEWED: dict[str, Any] = {
    "start": START,
    "as_of": None,
    "market_data": [{"source": "files", "asset_class": "equity", "path": "prices/*.csv", "actions": "actions.csv"}],
    "quality": {"overrides": "reviewed.csv"},
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    """A folder whose bars were all checked, and the bars."""
    folder = tmp_path_factory.mktemp("judged")
    bars = market(1, 0.0).filter(pl.col("session") >= dt.date(2015, 4, 1), pl.col("symbol") < "SYN007")
    (folder / "reviewed.csv").write_text("symbol,session,rule\n")
    (folder / "actions.csv").write_text("symbol,session,split_ratio,cash_dividend\n")
    deliver(folder, bars)
    run(experiment(folder, **REVIEWED), START, MONTH_ENDS[-1])
    return folder, bars


@pytest.mark.parametrize(
    "change",
    [
        "bar",
        *(pytest.param(change, marks=pytest.mark.slow) for change in ("override", "action", "severity", "universe")),
    ],
)
def test_a_changed_past_is_judged_again(
    judged: tuple[Path, pl.DataFrame], tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder, bars = judged
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    configuration, values = experiment(tmp_path, **REVIEWED), REVIEWED
    last = MONTH_ENDS[-1].replace(day=1), MONTH_ENDS[-1]
    assert run(configuration, *last) == f"from {last[0]} on"
    day = dt.date(2015, 6, 3)
    if change == "bar":
        at = (pl.col("session") == day) & (pl.col("symbol") == "SYN001")
        deliver(tmp_path, bars.with_columns(volume=pl.when(at).then(7.0).otherwise("volume")))
        assets.raw_bars(step(configuration, dt.date(2015, 6, 1), dt.date(2015, 6, 30)))
    elif change == "override":
        (tmp_path / "reviewed.csv").write_text(f"symbol,session,rule\nSYN001,{day},spike\n")
    elif change == "action":
        (tmp_path / "actions.csv").write_text(
            f"symbol,session,split_ratio,cash_dividend\nSYN001,{day},2,0\nSYN001,2016-12-30,1,1\n"
        )
    elif change == "severity":
        configuration = experiment(tmp_path, **values | {"quality": {"extreme_move": 0.4}})
    else:
        symbols = sorted(bars["symbol"].unique())[1:]
        configuration = experiment(tmp_path, **values | {"universe": {"equity": symbols}})
    with caplog.at_level(logging.WARNING):
        assert run(configuration, *last) == "everything"
    run(configuration, START, MONTH_ENDS[-1])
    assert run(configuration, *last) == f"from {last[0]} on"


def test_an_action_to_come_leaves_the_past_on_record(tmp_path: Path) -> None:
    """A record that grows day by day is no change of what was."""
    configuration = configured(tmp_path)
    inputs = read_inputs(configuration)
    more = inputs._replace(
        actions=pl.DataFrame([("A", dt.date(2016, 5, 2), 1.0, 0.5)], schema=inputs.actions.schema, orient="row")
    )
    assert more.fingerprint(dt.date(2016, 4, 30)) == inputs.fingerprint(dt.date(2016, 4, 30))
    assert more.fingerprint(dt.date(2016, 5, 31)) != inputs.fingerprint(dt.date(2016, 5, 31))


def test_rules_look_back_no_further_than_they_say() -> None:
    """A symbol's bars before the last `LOOK_BACK` change nothing that is said about the next one."""
    days = calendars.sessions("XNYS", START, MONTH_ENDS[-1])
    source = SyntheticSource(source="synthetic", asset_class="equity", calendar="XNYS", symbols=15, splits=1.0)
    bars = generate(source, days[0], days[LOOK_BACK + 60], 5)
    raw = received(bars.with_columns(adj_close=pl.col("adj_close").round(4)).iter_rows(named=True))
    sessions = pl.DataFrame({"calendar": "XNYS", "session": days})
    whole = apply_rules(raw, sessions, days[-1], Quality())
    part = apply_rules(raw.filter(pl.col("session") >= days[60]), sessions, days[-1], Quality())
    is_late = pl.col("session") >= days[60 + LOOK_BACK]
    for one, other in ((whole.usable, part.usable), (whole.quarantine, part.quarantine)):
        assert_frame_equal(one.filter(is_late), other.filter(is_late))
