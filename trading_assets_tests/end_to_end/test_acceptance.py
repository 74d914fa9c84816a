"""Long checks of whole runs: the same tables whatever the way there, and nothing known too early."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from trading_assets.robustness.tables import EVERY_STRATEGY
from trading_assets_tests.conftest import REPOSITORY, TINY, Experiment, environment
from trading_assets_tests.end_to_end.experiments import changed, fingerprint, fingerprints, frames, run, start

pytestmark = pytest.mark.acceptance

# Dates in the middle of a month and beside a boundary of the splits or of the model's folds.
CUTS = {
    "validation": dt.date(2016, 12, 14),
    "its end": dt.date(2017, 3, 30),
    "holdout": dt.date(2017, 8, 15),
}
#: Columns that say when a row was known, and the columns that were known then.
KNOWN_AT_SESSION = {
    "features.daily": (),
    "features.indicators": (),
    "models.predictions": ("model", "fold", "symbol", "session", "score"),
    "strategies.signals": (),
    "strategies.target_weights": (),
    "backtests.equity": (),
    "backtests.decisions": (),
}
SWITCHES: dict[str, dict[str, Any]] = {
    "multiprocess": {"executor": "multiprocess"},
    "dask": {"executor": "dask", "workers": 2},
    "reversed": {"reverse": True},
    "one_thread": {"threads": "1"},
    "three_threads": {"threads": "3"},
}


@pytest.fixture(scope="module")
def tables(tiny: Experiment) -> dict[str, pl.DataFrame]:
    assert tiny.process.returncode == 0, tiny.process.stderr
    return frames(tiny)


# No look-ahead.


@pytest.fixture(scope="module", params=CUTS)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dt.date, Experiment]:
    """The tiny experiment as it was on an earlier day. A holdout that has not begun is not evaluated.

    A split that results are of has to be over by then.
    """
    folder, day = tmp_path_factory.mktemp("cut"), CUTS[request.param]
    values: dict[str, Any] = {}
    if request.param != "holdout":
        splits = yaml.safe_load(TINY.read_text())["splits"]
        values = {"registration": None, "splits": splits | {"validation": [splits["validation"][0], day]}}
    return day, run(changed(folder, as_of=day, **values), folder / "data")


def test_what_was_known_then_has_not_changed_since(
    cut: tuple[dt.date, Experiment], tables: dict[str, pl.DataFrame]
) -> None:
    day, experiment = cut
    then = frames(experiment)
    for name, columns in KNOWN_AT_SESSION.items():
        wanted = columns or tables[name].columns
        known = evaluated(then[name], tables[name].filter(pl.col("session") <= day)).select(wanted).sort(wanted)
        assert not known.is_empty(), name
        assert same(then[name].select(wanted).sort(wanted), known), name


def test_trades_that_were_over_then_have_not_changed_since(
    cut: tuple[dt.date, Experiment], tables: dict[str, pl.DataFrame]
) -> None:
    day, experiment = cut
    trades = frames(experiment)["backtests.trades"]
    known = evaluated(trades, tables["backtests.trades"].filter(pl.col("exit_session") <= day))
    assert not known.is_empty()
    assert same(trades.sort("strategy", "split", "trade_id"), known.sort("strategy", "split", "trade_id"))


def test_positions_that_were_open_then_are_the_entries_of_later_trades(
    cut: tuple[dt.date, Experiment], tables: dict[str, pl.DataFrame]
) -> None:
    """At the prices of then: the mean price of a position changes when it is added to, that of a fill does not."""
    day, experiment = cut
    then = frames(experiment)
    entered = ["strategy", "split", "symbol", "entry_session"]
    held = then["backtests.open_positions"].filter(pl.col("entry_session").is_not_null())
    positions = pl.concat(tables[name].select(entered) for name in ("backtests.trades", "backtests.open_positions"))
    missing = held.join(positions, on=entered, how="anti")
    assert missing.is_empty(), missing
    filled = ["strategy", "split", "symbol", "session", "price", "quantity"]
    fills = tables["backtests.fills"].filter(pl.col("session") <= day)
    known = evaluated(then["backtests.fills"], fills).select(filled).sort(filled)
    assert same(then["backtests.fills"].select(filled).sort(filled), known)


def test_splits_do_not_move(cut: tuple[dt.date, Experiment], tables: dict[str, pl.DataFrame]) -> None:
    then, now = frames(cut[1])["models.splits"], tables["models.splits"]
    assert then.drop("end").equals(now.drop("end"))
    stated = pl.col("split") != "validation" if cut[0] < now["start"].max() else pl.lit(value=True)  # type: ignore[operator]
    assert then.filter(stated).equals(now.filter(stated))


def evaluated(then: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Rows of the runs that had begun then."""
    keys = [key for key in ("strategy", "split") if key in now.columns]
    return now.join(then.select(keys).unique(), on=keys, how="semi") if keys else now


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """To the bit: text of every float with all its digits."""
    return one.write_ndjson() == other.write_ndjson()


# Determinism.


def shuffled() -> dict[str, Any]:
    """Sources, symbols and strategies in another order; the first symbol of a synthetic market leads it and stays."""
    values = yaml.safe_load(TINY.read_text())
    for source in values["market_data"]:
        first, *others = source["symbols"]
        source["symbols"] = [first, *reversed(others)]
    return {
        "market_data": values["market_data"][::-1],
        "strategies": dict(reversed(values["strategies"].items())),
    }


@pytest.mark.parametrize("switch", SWITCHES)
def test_determinism(switch: str, tiny: Experiment, tmp_path: Path) -> None:
    settings = dict(SWITCHES[switch])
    threads = settings.pop("threads", None)
    variables = {"NUMBA_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads} if threads else {}
    config = changed(tmp_path, **(shuffled() if settings.pop("reverse", False) else settings))
    again = run(config, tmp_path / "data", **variables)
    assert different(fingerprints(again), fingerprints(tiny)) == []


def different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


MONTH_BY_MONTH = """
import dagster as dg
from trading_assets import definitions
from trading_assets.asset_factories.partitions import monthly_partitions

job = definitions.everything()
with dg.DagsterInstance.ephemeral() as instance:
    for month in monthly_partitions(definitions.configuration).get_partition_keys():
        done = job.execute_in_process(
            partition_key=month,
            instance=instance,
            asset_selection=[dg.AssetKey(path) for path in (
                ["market_data", "raw_bars"], ["market_data", "bars"], ["features", "daily"]
            )],
        )
        assert done.success, month
"""


def test_month_by_month_is_the_same_as_all_at_once(tiny: Experiment, tmp_path: Path) -> None:
    months = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MONTH_BY_MONTH],
        env=environment(TINY, tmp_path),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert months.returncode == 0, months.stderr[-3000:]
    rest = run(TINY, tmp_path, "--from", "2017-12")
    assert different(fingerprints(rest), fingerprints(tiny)) == []


def test_a_run_that_ends_before_the_holdout_begins_is_no_look_at_it(tiny: Experiment, tmp_path: Path) -> None:
    early = run(TINY, tmp_path, "--to", "2017-02")
    assert not early.warehouse.exists("robustness.holdout_ledger")
    later, once = frames(run(TINY, tmp_path)), frames(tiny)
    # Trials of the shorter span are on record too, and all strategies together are compared with all of them.
    for seen in (later, once):
        seen["robustness.overfitting"] = seen["robustness.overfitting"].filter(pl.col("strategy") != EVERY_STRATEGY)
    benchmarks = [seen.pop("robustness.trial_benchmarks") for seen in (later, once)]
    assert benchmarks[1].join(benchmarks[0], on="trial", how="anti").is_empty()
    assert [name for name in once if fingerprint(later[name]) != fingerprint(once[name])] == []


# Several configurations.


def test_second_configuration(tiny: Experiment, tmp_path: Path) -> None:
    before = contents(tiny.configuration.home)
    second = run(changed(tmp_path, name="second", seed=12), tiny.data, "--select", "market_data")
    assert second.warehouse.exists("market_data.bars")
    assert second.configuration.home != tiny.configuration.home
    assert contents(tiny.configuration.home) == before


def contents(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_configuration_that_changes_while_a_run_goes_on(tiny: Experiment, tmp_path: Path) -> None:
    """Processes of steps are forked from one that read the file when the run began: the run is all of one seed."""
    config, data = changed(tmp_path, executor="multiprocess"), tmp_path / "data"
    running = start(config, data, "run", "--select", "market_data")
    assert "market_data" in running.wait_for_line()
    changed(tmp_path, executor="multiprocess", seed=12)
    done = running.finish()
    assert done.process.returncode == 0, done.process.stderr
    expected, made = (
        {name: each for name, each in fingerprints(seen).items() if name.startswith("market_data.")}
        for seen in (tiny, done)
    )
    assert made == expected


# Dagster without our command line, on the shipped demo.


def dagster(*arguments: str, data: Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("DAGSTER_", "TRADING_ASSETS_"))}
    variables |= {"TRADING_ASSETS_DATA": str(data), **({"DAGSTER_HOME": str(home)} if home else {})}
    return subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        env=variables,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


MATERIALIZE = ("asset", "materialize", "-m", "trading_assets.definitions", "--select", "*")
WHOLE_RANGE = ("--partition-range", "2000-03-01...2013-03-01")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    import trading_assets.config

    config = Path(trading_assets.config.__file__).parent / "demo.yaml"
    return run(config, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def unwrapped(demo: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The demo run by `dagster` alone, with an instance that is gone afterwards."""
    data = tmp_path_factory.mktemp("unwrapped")
    return Experiment(demo.config, data, dagster(*MATERIALIZE, *WHOLE_RANGE, data=data))


def test_dagster_definitions_validate(tmp_path: Path) -> None:
    done = dagster("definitions", "validate", "-w", "workspace.yaml", data=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def test_dagster_materialises_everything_without_a_home(demo: Experiment, unwrapped: Experiment) -> None:
    assert unwrapped.process.returncode == 0, unwrapped.process.stderr[-3000:]
    assert different(fingerprints(unwrapped), fingerprints(demo)) == []


def test_dagster_materialises_one_partition_afterwards(demo: Experiment, unwrapped: Experiment) -> None:
    done = dagster(*MATERIALIZE, "--partition", "2009-05-01", data=unwrapped.data)
    assert done.returncode == 0, done.stderr[-3000:]
    # It brought nothing new: the month is left as it is, and those after it stay settled.
    assert different(fingerprints(unwrapped), fingerprints(demo)) == []


def test_dagster_materialises_everything_with_a_home(demo: Experiment, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert dagster("instance", "info", data=tmp_path / "data", home=home).returncode == 0
    done = dagster(*MATERIALIZE, *WHOLE_RANGE, data=tmp_path / "data", home=home)
    assert done.returncode == 0, done.stderr[-3000:]
    again = Experiment(demo.config, tmp_path / "data", done)
    assert different(fingerprints(again), fingerprints(demo)) == []
