"""Two whole runs whose markets differ in the holdout alone: nothing of a strategy that is not registered may differ.

The bars up to the end of validation are the same in both, those of the holdout are two different walks. Whatever of
the holdout reached a table, a report, an export or the metadata that a person sees in the UI would differ.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from trading_assets import automation
from trading_assets.asset_factories.partitions import monthly_partitions
from trading_assets.config import load_configuration
from trading_assets.config.sources import SyntheticSource
from trading_assets.definitions import build_definitions
from trading_assets.market_data import calendars
from trading_assets.market_data.sources.synthetic import generate
from trading_assets.protocol import RETURNS, TEXTS, TRIAL_ROWS, Protocol, Record
from trading_assets.protocol.written_rows import WRITTEN
from trading_assets.warehouse import Warehouse
from trading_assets_tests.narrow import as_number

pytestmark = pytest.mark.acceptance

START, HOLDOUT, END = dt.date(2015, 1, 1), dt.date(2016, 12, 16), dt.date(2017, 6, 30)
SYMBOLS = ["AAA", "BBB", "CCC", "DDD", "EEE"]
REGISTERED = "known"
SETTINGS: dict[str, Any] = {
    "name": "locked",
    "seed": 5,
    "start": START,
    "as_of": END,
    "market_data": [{"source": "files", "asset_class": "equity", "path": "bars.csv"}],
    "benchmarks": {"equity": "AAA"},
    "splits": {
        "train": ["2016-01-04", "2016-08-31"],
        "validation": ["2016-09-01", "2016-12-15"],
        "holdout": [str(HOLDOUT), str(END)],
    },
    "models": {
        "forward": {"type": "xgboost", "train_sessions": 250, "test_sessions": 60, "trees": 10},
        "line": {"type": "ridge", "train_sessions": 250, "test_sessions": 60},
    },
    "champions": {"best": {"candidates": ["forward", "line"]}},
    "strategies": {
        REGISTERED: {"type": "equity_momentum", "trend_slope": -1.0},
        "breakout": {"type": "equity_momentum", "stop_atr": 2.0},
        "ml": {"type": "ml", "model": "forward"},
        "chosen": {"type": "ml", "model": "best"},
        "factor": {"type": "factor", "quantiles": 2},
        "blend": {"type": "ensemble", "members": ["breakout", "factor"]},
    },
    "registration": {REGISTERED: {"registered_on": "2016-12-15", "hypothesis": "No edge is planted here."}},
    "robustness": {
        "resamples": 50,
        "permutations": 20,
        "cross_validation_blocks": 4,
        "look_ahead_cuts": 1,
        "stress_scenarios": ["flash_crash", "correlation_one", "dropped_bars_10pct"],
        "grids": {
            **{name: {"stop_atr": [2.0, 2.5]} for name in (REGISTERED, "breakout", "ml", "chosen")},
            "factor": {"quantiles": [2, 5]},
            "blend": {"cost_bps": [5.0, 10.0]},
        },
    },
}
UNREGISTERED = sorted(set(SETTINGS["strategies"]) - {REGISTERED})

#: What is of the market and not of a strategy. The scores of a model are compared: no registered strategy reads it.
OF_THE_MARKET = re.compile(r"(market_data|features|monitoring|meta)\..*|models\.(folds|regimes)")
#: Tables that are on record month by month as they are written.
BY_MONTH = ("market_data.bars", "features.daily", "features.indicators")
#: When, by which run and which file, and the hash of all that a model is trained on in time; not what.
CIRCUMSTANCES = {"run_id", "ingested_at", "evaluated_at", "recorded_at", "started_at", "finished_at", "version"}
#: Of promotions: versions, and when they were decided.
CIRCUMSTANCES |= {"candidate", "champion", "decided_at"}
#: Of archived runs: the run that a backtest is of, and when it was kept.
CIRCUMSTANCES |= {"backtest_run", "archived_at"}
#: What a training took, which the page of the models tells, too.
CIRCUMSTANCES |= {"seconds", "peak_mb"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?|\d{8}T\d{6}\.\d+Z")
#: What training took, which differs from run to run.
COST = ("training, processor seconds", "memory of the process at its peak, MB")
#: What the library that makes Data Docs draws at random, and its clock.
DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|'_run_time_sort': [\d.]+")


@dataclass(frozen=True)
class Seen:
    """What one run left: tables, the protocol, files, and the metadata of materialisations and checks, each as text."""

    tables: dict[str, pl.DataFrame]
    protocol: list[str]
    files: dict[str, str]
    metadata: dict[str, str]


def market(noise: int) -> pl.DataFrame:
    """Bars of a synthetic market up to the holdout, and a walk of its own from there on for each `noise`."""
    source = SyntheticSource(source="synthetic", asset_class="equity", calendar="XNYS", symbols=SYMBOLS)
    bars = generate(source, START, END, 5).select("symbol", "session", "open", "high", "low", "close", "volume")
    days = calendars.sessions("XNYS", HOLDOUT, END)
    random = np.random.default_rng(noise)
    walks = []
    for symbol in SYMBOLS:
        before = bars.filter(pl.col("symbol") == symbol, pl.col("session") < HOLDOUT).sort("session")
        closes = before["close"][-1] * np.exp(random.normal(0, 0.012, len(days)).cumsum())
        opens = np.concatenate([[before["close"][-1]], closes[:-1]]) * np.exp(random.normal(0, 0.003, len(days)))
        walk = pl.DataFrame(
            {
                "session": days,
                "open": opens,
                "high": np.maximum(opens, closes) * 1.004,
                "low": np.minimum(opens, closes) * 0.996,
                "close": closes,
                "volume": as_number(before["volume"].mean()) * random.uniform(0.5, 1.5, len(days)),
            }
        )
        walks += [before, walk.select(pl.lit(symbol).alias("symbol"), pl.all())]
    return pl.concat(walks, how="vertical_relaxed")


def everything_seen(folder: Path, noise: int) -> Seen:
    """Run every stage, checks included, as the job `everything` does."""
    folder.mkdir()
    market(noise).write_csv(folder / "bars.csv")
    (folder / "config.yaml").write_text(yaml.safe_dump(SETTINGS))
    configuration = load_configuration(folder / "config.yaml", folder / "data")
    months = monthly_partitions(configuration).get_partition_keys()
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_definitions(configuration)
            .resolve_job_def(automation.EVERYTHING)
            .execute_in_process(
                instance=instance,
                tags={
                    "dagster/asset_partition_range_start": months[0],
                    "dagster/asset_partition_range_end": months[-1],
                },
            )
        )
    assert result.success

    warehouse = Warehouse(configuration.warehouse_path)
    names = warehouse.query("SELECT table_schema || '.' || table_name AS name FROM information_schema.tables")["name"]
    own_names = [str(folder), result.run_id, result.run_id[:8], *warehouse.query("FROM models.outcomes")["version"]]

    def plain(text: str) -> str:
        for name in own_names:
            text = text.replace(name, "")
        return DRAWN.sub("", MOMENT.sub("", text))

    reports = configuration.home / "reports"
    shown: dict[str, str] = {}
    for event in result.all_events:
        if event.is_step_materialization:
            of = event.step_materialization_data.materialization
            shown[of.asset_key.to_user_string()] = plain(text_of(of.metadata))
    for check in result.get_asset_check_evaluations():
        key = f"{check.asset_key.to_user_string()}: {check.check_name}"
        shown[key] = plain(f"{check.passed} {check.description} {text_of(check.metadata)}")
    protocol = Protocol.of(configuration)
    records = protocol.read()
    bulk = {table: protocol.contents(table, records) for table in (RETURNS, TEXTS, TRIAL_ROWS)}
    return Seen(
        protocol=[
            plain(
                f"{each.kind} {each.configuration} {each.subject} "
                + json.dumps({key: value for key, value in each.payload.items() if key != "contents"}, sort_keys=True)
                + "".join(
                    rows.filter(record=each.row).drop(CIRCUMSTANCES | {"record"}, strict=False).write_json()
                    for rows in bulk.values()
                )
            )
            for each in map(without_the_market, records)
            if each.kind != "folder" and REGISTERED not in (each.subject or each.payload.get("asset", ""))
        ],
        tables={name: warehouse.query(f"FROM {name} ORDER BY ALL") for name in sorted(names)},
        files={
            plain(str(path.relative_to(reports))): plain(path.read_text(errors="replace"))
            for path in sorted(reports.rglob("*"))
            if path.is_file()
        },
        metadata=shown,
    )


def without_the_market(record: Record) -> Record:
    """A record of written rows without those of the market from the month on in which the holdout begins."""
    if WRITTEN not in record.payload or record.payload.get("asset") == "models/regimes":
        return replace(record, payload={key: each for key, each in record.payload.items() if key != WRITTEN})
    written = {
        table: [
            [columns, {part: found for part, found in parts.items() if part < f"{HOLDOUT:%Y-%m}"}]
            for columns, parts in said
        ]
        if table in BY_MONTH
        else said
        for table, said in record.payload[WRITTEN].items()
        if table not in ("models.regimes", "market_data.sessions", "market_data.instruments")
    }
    return replace(record, payload={**record.payload, WRITTEN: written})


def text_of(metadata: Any) -> str:
    seen = {name: str(value.value) for name, value in metadata.items() if name not in COST}
    return json.dumps(seen, sort_keys=True, indent=1)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Seen]:
    folder = tmp_path_factory.mktemp("twins")
    return everything_seen(folder / "one", 1), everything_seen(folder / "two", 2)


def of_unregistered(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of strategies that are not registered, or all if they are of no strategy, without the circumstances."""
    own = table.filter(pl.col("strategy") != REGISTERED) if "strategy" in table.columns else table
    return own.drop(CIRCUMSTANCES & set(own.columns))


def test_the_markets_differ_in_the_holdout_alone_and_the_registered_strategy_knows(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.tables["market_data.bars"].sort("symbol", "session") for seen in twins)
    before = pl.col("session") < HOLDOUT
    assert (
        one.filter(before)
        .drop(CIRCUMSTANCES, strict=False)
        .equals(two.filter(before).drop(CIRCUMSTANCES, strict=False))
    )
    assert (one.filter(~before)["close"] != two.filter(~before)["close"]).all()
    for name in ("backtests.equity", "backtests.metrics", "robustness.stress", "robustness.verdicts"):
        held = [seen.tables[name].filter(strategy=REGISTERED) for seen in twins]
        assert not held[0].equals(held[1]), name  # the comparison below would notice a holdout
    assert twins[0].files[f"{REGISTERED}.html"] != twins[1].files[f"{REGISTERED}.html"]


def test_what_is_known_of_the_market_before_the_holdout_is_the_same_in_both(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.tables for seen in twins)
    early = {
        "market_data.bars": "session",
        "market_data.raw_bars": "session",
        "market_data.quarantine": "session",
        "market_data.corporate_actions": "session",
        "features.daily": "session",
        "features.indicators": "session",
        "models.regimes": "session",
        "models.predictions": "session",
        "models.folds": "test_end",
    }
    for name, day in early.items():
        before = pl.col(day) < HOLDOUT
        rows = [of_unregistered(each[name].filter(before)) for each in (one, two)]
        assert rows[0].equals(rows[1]), name
    assert one["features.daily"].filter(pl.col("session") < HOLDOUT).height > 1_000


def test_development_of_a_registered_strategy_does_not_know_its_holdout(twins: tuple[Seen, Seen]) -> None:
    """What is of train, validation or development, and what was decided before the holdout."""
    one, two = (seen.tables for seen in twins)
    compared = []
    for name, table in one.items():
        if "strategy" not in table.columns or name.startswith(("monitoring.", "meta.")):
            continue
        parts = [each[name].filter(strategy=REGISTERED) for each in (one, two)]
        if "split" in table.columns:
            of = pl.col("split").is_in(["train", "validation", "development"])
        elif name in ("strategies.signals", "strategies.target_weights"):
            of = pl.col("session") < HOLDOUT
        elif name in ("robustness.sensitivity", "robustness.sensitivity_summary", "robustness.trials"):
            of = pl.lit(value=True)
        else:
            continue
        rows = [each.filter(of).drop(CIRCUMSTANCES & set(each.columns)) for each in parts]
        assert rows[0].equals(rows[1]), name
        compared += [name] if rows[0].height else []
    assert {
        "backtests.metrics",
        "backtests.fills",
        "backtests.equity",
        "robustness.stress",
        "robustness.resampling",
        "robustness.sensitivity",
        "robustness.trials",
        "strategies.signals",
    } < set(compared)


def test_no_table_of_an_unregistered_strategy_knows_the_holdout(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.tables for seen in twins)
    assert one.keys() == two.keys()
    compared = [name for name in one if not OF_THE_MARKET.fullmatch(name)]
    assert {
        "strategies.signals",
        "backtests.runs",
        "backtests.trade_audit",
        "robustness.trials",
        "reports.index",
    } < set(compared)
    differing = [name for name in compared if not of_unregistered(one[name]).equals(of_unregistered(two[name]))]
    assert differing == []


def test_no_record_of_the_protocol_knows_the_holdout_of_an_unregistered_strategy(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.protocol for seen in twins)
    assert {each.split()[0] for each in one} == {"import", "exposure", "trials", "batch", "evidence"}
    assert sorted(one) == sorted(two)


def test_scores_of_a_model_that_no_registered_strategy_reads_end_before_the_holdout(twins: tuple[Seen, Seen]) -> None:
    assert all(seen.tables["models.predictions"]["session"].max() < HOLDOUT for seen in twins)  # type: ignore[operator]
    assert all(seen.tables["models.outcomes"]["until"].to_list() == [HOLDOUT] * 3 for seen in twins)
    assert all(seen.tables["models.champions"]["session"].max() < HOLDOUT for seen in twins)  # type: ignore[operator]


def test_no_row_of_an_unregistered_strategy_is_of_the_holdout(twins: tuple[Seen, Seen]) -> None:
    late: list[str] = []
    for name, table in twins[0].tables.items():
        if "strategy" not in table.columns:
            continue
        rows = of_unregistered(table).drop("as_of", strict=False)  # as_of: how far the data reach
        assert set(rows["strategy"]) <= {*UNREGISTERED, "*"}
        days = [column for column, dtype in rows.schema.items() if dtype.is_temporal()]
        late += [f"{name}.{column}" for column in days if (rows[column].cast(pl.Date) >= HOLDOUT).any()]
        late += [f"{name}.split"] if "split" in rows.columns and "holdout" in rows["split"] else []
    assert late == []


def test_no_file_of_an_unregistered_strategy_knows_the_holdout(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.files for seen in twins)
    assert one.keys() == two.keys()
    market = re.compile(r"data_docs/\w+/(market_data|features|monitoring)/.*")
    own = [
        name
        for name in one
        if not (market.match(name) or re.match(rf"{REGISTERED}[._]", name))
        and name not in ("index.html", "models.html")
    ]
    assert {f"{name}.html" for name in UNREGISTERED} < set(own)
    assert {f"{name}_trades.csv" for name in UNREGISTERED} < set(own)
    assert [name for name in own if one[name] != two[name]] == []
    indices = [[line for line in seen["index.html"].splitlines() if REGISTERED not in line] for seen in (one, two)]
    assert indices[0] == indices[1]


def test_no_metadata_of_an_unregistered_strategy_knows_the_holdout(twins: tuple[Seen, Seen]) -> None:
    one, two = (seen.metadata for seen in twins)
    assert one.keys() == two.keys()
    market = re.compile(r"(market_data|features|monitoring)/.*|models/regimes.*")
    over_all = re.compile(r"reports/index|backtests/trade_audit")  # count the registered strategy's rows too
    own = [
        key for key in one if not (market.match(key) or over_all.match(key)) and REGISTERED not in re.split("[/:]", key)
    ]
    assert {f"{stage}/{name}" for stage in ("strategies", "backtests", "reports") for name in UNREGISTERED} < set(own)
    assert [key for key in own if one[key] != two[key]] == []
