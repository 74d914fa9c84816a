"""The assets of the stage, on real files and a real warehouse."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from trading_assets.asset_factories.partitions import monthly_partitions
from trading_assets.asset_factories.sql_assets import build_sql_assets, models_folder, read_models, run_model
from trading_assets.market_data import calendars
from trading_assets.market_data.assets import build_assets, raw_bars
from trading_assets.market_data.checks import build_checks
from trading_assets.market_data.pipeline import expected_sessions
from trading_assets.market_data.quality import VALUES, OverrideError, faults
from trading_assets.market_data.quality.findings import QualityError
from trading_assets.market_data.tables import (
    BARS,
    INSTRUMENTS,
    QUARANTINE,
    RAW_BARS,
    REVISIONS,
    SESSIONS,
    UNIVERSE,
)
from trading_assets.market_data.universe import UniverseError
from trading_assets.warehouse import Sessions, Warehouse, Whole
from trading_assets.warehouse.sql_models import parse_models
from trading_assets_tests.market_data.experiments import MONTHS, WHOLE, deliver, experiment, run, step
from trading_assets_tests.market_data.markets import NOW, path
from trading_assets_tests.market_data.markets import SESSIONS as DAYS

TABLES = (RAW_BARS, BARS, QUARANTINE, SESSIONS, INSTRUMENTS, UNIVERSE)
LATER = NOW + dt.timedelta(days=1)


def fingerprints(warehouse: Warehouse) -> dict[str, str]:
    return {table.name: warehouse.fingerprint(table) for table in TABLES}


def eventful() -> pl.DataFrame:
    """Two symbols over three months: spikes and a genuine jump at the ends of months, a split, a dividend."""
    first, second = [100.0 + n % 7 for n in range(len(DAYS))], [40.0 + n % 5 for n in range(len(DAYS))]
    ends = [DAYS.index(dt.date(2024, 1, 31)), DAYS.index(dt.date(2024, 2, 29))]
    first[ends[0]] *= 3  # taken back in February
    second[ends[1]] *= 0.2
    first[ends[1] :] = [2.5 * close for close in first[ends[1] :]]  # stays
    one = path(first, "AAA").with_columns(adj_close=pl.col("close") / 2)
    second = [close / (1.0 if n < 30 else 2.0) for n, close in enumerate(second)]
    split = (pl.col("session") >= DAYS[30]).cast(pl.Float64)
    other = path(second, "BBB").with_columns(
        adj_close=pl.col("close") * (0.5 + 0.5 * split) * (0.99 + 0.01 * (pl.col("session") >= DAYS[50]))
    )
    return pl.concat([one, other])


@pytest.mark.slow
def test_month_by_month_gives_what_one_run_gives(tmp_path: Path) -> None:
    deliver(tmp_path / "whole", eventful())
    deliver(tmp_path / "parts", eventful())
    whole = run(experiment(tmp_path / "whole"))
    by_month = experiment(tmp_path / "parts")
    for month in MONTHS:
        parts = run(by_month, month)
    assert fingerprints(parts) == fingerprints(whole)
    held = whole.read(QUARANTINE)
    assert held.select("symbol", "session", "reasons").rows() == [
        ("AAA", dt.date(2024, 1, 31), ["spike"]),
        ("BBB", dt.date(2024, 2, 29), ["spike"]),
    ]
    assert set(whole.read(BARS)["split_ratio"]) == {1.0, 2.0}


def test_an_edit_in_a_month_whose_last_bar_is_decided_again_is_undone(tmp_path: Path) -> None:
    """February takes the spike of 31 January back: January is written as a whole, so no edit of it gets on record."""
    deliver(tmp_path, eventful())
    edited = experiment(tmp_path)
    warehouse = run(edited, MONTHS[0])
    of_january = pl.col("session") < MONTHS[1][0]
    bars = warehouse.read(BARS)
    early = (pl.col("session") == DAYS[3]) & (pl.col("symbol") == "AAA")
    warehouse.replace(
        Whole(), {BARS: bars.with_columns(adj_close=pl.col("adj_close") * pl.when(early).then(0.5).otherwise(1.0))}
    )
    warehouse = run(edited, MONTHS[1])
    after = warehouse.read(BARS).filter(of_january)
    spike = (pl.col("session") == dt.date(2024, 1, 31)) & (pl.col("symbol") == "AAA")
    assert after.equals(bars.filter(~spike))


def test_a_bar_held_back_by_an_early_as_of_date_is_used_later(tmp_path: Path) -> None:
    january = eventful().filter(pl.col("session") <= DAYS[15])
    late = january.filter(~((pl.col("session") > DAYS[13]) & (pl.col("symbol") > "AAA")))
    three = [path([10.0] * 14, name) for name in ("CCC", "DDD")]
    deliver(tmp_path, pl.concat([late, *three]))
    configuration = experiment(tmp_path, as_of=None)
    warehouse = run(configuration, MONTHS[0])
    assert warehouse.read(QUARANTINE)["reasons"].to_list() == [["future_bar"]] * 2
    deliver(tmp_path, pl.concat([eventful(), *three]))
    raw_bars(step(configuration, *MONTHS[0], now=LATER))
    run(configuration, MONTHS[1])
    assert warehouse.read(QUARANTINE, where="list_contains(reasons, 'future_bar')").is_empty()
    assert warehouse.read(BARS, where="symbol = 'AAA' AND session = ?", parameters=[DAYS[15]]).height == 1


def test_the_same_delivery_again_changes_nothing(tmp_path: Path) -> None:
    bars = pl.concat([eventful(), eventful()[5:6]])
    deliver(tmp_path, bars)
    configuration = experiment(tmp_path)
    before = fingerprints(run(configuration))
    deliver(tmp_path, bars.reverse())  # other lines, the same bars
    again = step(configuration, *WHOLE, now=LATER)
    raw_bars(again)
    assert again.work.written == {}  # so that what was computed from it is not made stale
    warehouse = run(configuration, now=LATER)
    assert fingerprints(warehouse) == before
    assert not warehouse.exists(REVISIONS.name)


@pytest.mark.slow
def test_a_revision_keeps_what_was_there(tmp_path: Path) -> None:
    deliver(tmp_path, eventful())
    configuration = experiment(tmp_path)
    run(configuration)
    at = (pl.col("symbol") == "AAA") & (pl.col("session") == DAYS[3])
    gone = (pl.col("symbol") == "BBB") & (pl.col("session") == DAYS[4])
    corrected = eventful().with_columns(
        close=pl.when(at).then(103.5).otherwise("close"), volume=pl.when(at).then(None).otherwise("volume")
    )
    deliver(tmp_path, corrected.filter(~gone))
    warehouse = run(configuration, now=LATER)
    revisions = warehouse.read(REVISIONS)
    assert revisions["received_at"].unique().to_list() == [LATER]
    changes = revisions.filter(pl.col("symbol") == "AAA").select("session", "column", "old", "new").rows()
    assert changes == [(DAYS[3], "close", 103.0, 103.5), (DAYS[3], "volume", 1000.0, None)]
    taken_away = revisions.filter(pl.col("symbol") == "BBB")
    assert taken_away["new"].null_count() == taken_away.height == len(VALUES), "every value, those that were null too"
    stamps = warehouse.read(RAW_BARS).group_by("ingested_at").len().sort("ingested_at").rows()
    assert stamps == [(NOW, 2 * len(DAYS) - 2), (LATER, 1)]
    deliver(tmp_path, corrected.filter(~gone))
    run(configuration, now=LATER + dt.timedelta(days=1))
    assert warehouse.read(REVISIONS).equals(revisions)


def test_a_missing_benchmark_stops_before_anything_is_written(tmp_path: Path) -> None:
    deliver(tmp_path, eventful())
    configuration = experiment(tmp_path, benchmarks={"equity": "DAX"})
    with pytest.raises(UniverseError) as caught:
        raw_bars(step(configuration, *WHOLE))
    for part in ("DAX", "benchmarks.equity", "prices/*.csv", "allow_missing"):
        assert part in str(caught.value)
    assert not configuration.warehouse_path.exists()


def test_allow_missing_goes_on_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deliver(tmp_path, eventful())
    configuration = experiment(
        tmp_path, benchmarks={"equity": "DAX"}, universe={"equity": ["AAA", "ZZZ"]}, allow_missing=True
    )
    with caplog.at_level(logging.WARNING):
        warehouse = run(configuration)
    assert any("DAX" in message and "ZZZ" in message for message in caplog.messages)
    assert warehouse.read(BARS)["symbol"].unique().to_list() == ["AAA"]


def test_a_symbol_with_data_in_other_months_is_not_missing(tmp_path: Path) -> None:
    deliver(tmp_path, eventful().filter((pl.col("symbol") == "AAA") | (pl.col("session") >= MONTHS[1][0])))
    configuration = experiment(tmp_path, universe={"equity": ["AAA", "BBB"]}, benchmarks={"equity": "BBB"})
    warehouse = run(configuration, MONTHS[0])
    assert warehouse.read(INSTRUMENTS)["symbol"].to_list() == ["AAA"]


def test_the_sample_lends_its_index(tmp_path: Path) -> None:
    january = (dt.date(2013, 1, 1), dt.date(2013, 1, 31))
    old = (
        eventful().filter(pl.col("session") < MONTHS[1][0]).with_columns(session=pl.col("session").dt.offset_by("-11y"))
    )
    deliver(tmp_path, old.filter(pl.col("session") == dt.date(2013, 1, 2)))
    configuration = experiment(
        tmp_path, start=dt.date(2013, 1, 1), as_of=dt.date(2013, 1, 31), benchmarks={"equity": "SPX"}
    )
    warehouse = run(configuration, january)
    instruments = (
        warehouse.read(INSTRUMENTS).select("symbol", "asset_class", "calendar", "source", "in_universe").rows()
    )
    assert instruments[-1] == ("SPX", "index", "XNYS", "sample", False)
    assert warehouse.read(BARS, where="symbol = 'SPX'").height == warehouse.read(SESSIONS).height == 21
    assert "SPX" not in warehouse.read(UNIVERSE)["symbol"]


def test_months_of_the_partitions(tmp_path: Path) -> None:
    keys = monthly_partitions(experiment(tmp_path)).get_partition_keys()
    assert keys == ["2024-01-01", "2024-02-01", "2024-03-01"]
    year_end = experiment(tmp_path, as_of=dt.date(2024, 12, 31))
    assert monthly_partitions(year_end).get_last_partition_key() == "2024-12-01"
    assert monthly_partitions(experiment(tmp_path, as_of=None)).end_offset == 1  # the current month, too


def test_through_dagster_with_its_checks(tmp_path: Path) -> None:
    deliver(tmp_path, eventful())
    configuration = experiment(tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    own = {"market_data.bars": [dg.AssetKey(["market_data", "bars"])]}
    tables = {table.name: table for table in TABLES}
    models = [asset for asset in build_sql_assets(configuration, own, tables) if asset.key.path[0] == "market_data"]
    definitions = dg.Definitions(
        assets=[*build_assets(configuration), *models],
        asset_checks=build_checks(configuration),
        resources={"configuration": configuration, "warehouse": warehouse},
    )
    dg.Definitions.validate_loadable(definitions)
    tags = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-03-01"}
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=tags)
        checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
        assert result.success
        # Two of 120 bars are spikes: more than the share that goes without a look.
        assert checks == {
            "contract": True,
            "usable_bars": True,
            "quarantined_share": False,
            "missing_sessions": False,
            "holes_in_the_delivery": True,
            "recorded_actions_agree": True,
        }

        sunday = warehouse.read(BARS).head(1).with_columns(session=pl.lit(dt.date(2024, 1, 7)))
        warehouse.replace(Sessions(dt.date(2024, 1, 7), dt.date(2024, 1, 7)), {BARS: sunday})
        only_checks = (
            definitions.get_repository_def()
            .get_implicit_global_asset_job_def()
            .get_subset(
                asset_selection=set(),
                asset_check_selection={dg.AssetCheckKey(dg.AssetKey(["market_data", "bars"]), "usable_bars")},
            )
        )
        found = only_checks.execute_in_process(instance=instance, raise_on_error=False)
        (check,) = found.get_asset_check_evaluations()
        assert not check.passed
        assert check.metadata["not a session of the calendar"].value == 1
        assert not found.success  # blocking


def test_where_every_bar_is_quarantined_the_run_stops_and_says_why(tmp_path: Path) -> None:
    deliver(tmp_path, path(np.linspace(100, 110, len(DAYS)), "A").rename({"high": "low", "low": "high"}))
    configuration = experiment(tmp_path)
    run(configuration)
    check = next(check for check in build_checks(configuration) if check.check_key.name == "usable_bars")
    found = check()
    assert isinstance(found, dg.AssetCheckResult)
    assert not found.passed
    said = str(found.metadata["error"].value)
    assert f"no bar can be used: all {len(DAYS)} are quarantined for ohlc_violation ({len(DAYS)})" in said


def many(count: int, missing: tuple[str, ...] = ()) -> pl.DataFrame:
    """Symbols with prices of their own; those of `missing` have no bar on the thirty-first session."""
    parts = []
    for number in range(count):
        random = np.random.default_rng(number)
        parts.append(path(100 * np.exp(np.cumsum(random.normal(0, 0.01, len(DAYS)))), f"S{number:02d}"))
    return pl.concat(parts).filter(~(pl.col("symbol").is_in(missing) & (pl.col("session") == DAYS[30])))


@pytest.mark.parametrize(("missing", "passed"), [(7, False), (6, True)])
def test_a_hole_in_the_delivery_is_shown(tmp_path: Path, missing: int, passed: bool) -> None:
    deliver(tmp_path, many(12, tuple(f"S{number:02d}" for number in range(missing))))
    configuration = experiment(tmp_path)
    warehouse = run(configuration)
    tables = {table.name: table for table in TABLES}
    models = parse_models(read_models(models_folder()), {name: table.columns for name, table in tables.items()})
    (model,) = [model for model in models if model.name == "market_data.incomplete_sessions"]
    run_model(warehouse.unit_of_work(), model, tables)
    check = next(check for check in build_checks(configuration) if "holes" in check.check_key.name)
    result = check()
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed
    assert result.metadata["sessions"].value == (0 if passed else 1)


def test_a_refused_delivery_leaves_everything_as_it_was(tmp_path: Path) -> None:
    deliver(tmp_path, many(12))
    before = fingerprints(run(experiment(tmp_path)))
    good = many(12)
    names = pl.DataFrame({"symbol": [f"S{number:02d}" for number in range(12)]})
    copied = good.filter(symbol="S00").drop("symbol").join(names, how="cross")
    deliver(tmp_path, copied.select(good.columns))
    with pytest.raises(QualityError, match="refused: one_series"):
        run(experiment(tmp_path))
    warehouse = Warehouse(experiment(tmp_path).warehouse_path)
    after = fingerprints(warehouse)
    assert after == before
    assert not warehouse.exists(REVISIONS.name)
    deliver(tmp_path, good)
    assert fingerprints(run(experiment(tmp_path), now=LATER))[BARS.name] == before[BARS.name]


def test_what_nobody_asks_for_refuses_nothing(tmp_path: Path) -> None:
    """Copies of one series, all but one of them outside of the universe."""
    names = pl.DataFrame({"symbol": [f"S{number:02d}" for number in range(12)]})
    copied = many(1).drop("symbol").join(names, how="cross")
    deliver(tmp_path, copied.select(many(1).columns))
    warehouse = run(experiment(tmp_path, universe={"equity": ["S03"]}))
    assert warehouse.read(BARS)["symbol"].unique().to_list() == ["S03"]
    with pytest.raises(QualityError, match="refused: one_series"):
        run(experiment(tmp_path, name="all"))


def test_releases_of_the_configuration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deliver(tmp_path, eventful())
    day = dt.date(2024, 1, 31)
    (tmp_path / "reviewed.csv").write_text(f"symbol,session,rule\nAAA,{day},spike\nZZZ,{day},spike\n")
    with caplog.at_level(logging.WARNING):
        warehouse = run(experiment(tmp_path, quality={"overrides": "reviewed.csv"}))
    assert warehouse.read(BARS, where="symbol = 'AAA' AND session = ?", parameters=[day]).height == 1
    assert "1 overrides name no bar, the first ZZZ on 2024-01-31" in caplog.text
    (tmp_path / "reviewed.csv").write_text("symbol,session\n")
    with pytest.raises(OverrideError, match="no column 'rule'"):
        run(experiment(tmp_path, quality={"overrides": "reviewed.csv"}))


@pytest.mark.slow
def test_a_session_that_the_calendar_lacks_is_added_by_an_override(tmp_path: Path) -> None:
    """A Saturday of which one bar was reviewed is a session for both symbols, in one run or month by month."""
    saturday = dt.date(2024, 1, 20)
    friday = pl.col("session") == saturday - dt.timedelta(days=1)
    special = eventful().filter(friday).with_columns(session=pl.lit(saturday))
    deliver(tmp_path, pl.concat([eventful(), special]))
    (tmp_path / "reviewed.csv").write_text(f"symbol,session,rule,note\nAAA,{saturday},not_a_session,special\n")
    named = {"quality": {"overrides": "reviewed.csv"}}
    whole = run(experiment(tmp_path, name="whole", **named))
    parts = experiment(tmp_path, name="parts", **named)
    for month in MONTHS:
        run(parts, month)
    for warehouse in (whole, Warehouse(parts.warehouse_path)):
        bars, sessions = warehouse.read(BARS), warehouse.read(SESSIONS)
        assert bars.filter(session=saturday)["symbol"].to_list() == ["AAA", "BBB"]
        assert sessions.filter(session=saturday).rows() == [("XNYS", saturday)]
        assert not any(faults(bars, warehouse.read(INSTRUMENTS), sessions).values())
    plain = run(experiment(tmp_path, name="plain"))
    assert plain.read(QUARANTINE, where="session = ?", parameters=[saturday]).height == 2
    assert saturday not in plain.read(SESSIONS)["session"].to_list()


def test_expected_sessions_begin_where_the_calendar_does() -> None:
    """Shanghai's is recorded from 1990-12-03 on: an earlier start asks for no more, an earlier bar is refused."""
    bars = pl.DataFrame({"calendar": "XSHG", "session": [dt.date(1991, 1, 2)]})
    kinds = {"symbol": "A", "asset_class": "equity", "source": "files"}
    raw = bars.with_columns(pl.lit(value).alias(name) for name, value in kinds.items())
    found = expected_sessions(raw, dt.date(1970, 1, 1), dt.date(1991, 1, 4))["session"]
    assert found.to_list() == calendars.sessions("XSHG", dt.date(1990, 12, 3), dt.date(1991, 1, 4)).to_list()
    early = raw.with_columns(session=pl.lit(dt.date(1990, 1, 2)))
    with pytest.raises(
        calendars.CalendarError, match=r"'XSHG' does not cover 1990-01-02 to .*\n.*from 1990-12-03 to 2026"
    ):
        expected_sessions(early, dt.date(1970, 1, 1), dt.date(1991, 1, 4))
