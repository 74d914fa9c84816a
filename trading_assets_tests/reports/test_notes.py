"""What is said beside a strategy's numbers: out of date, refused, simulated, survivors, few bets, limits."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
import yaml

from trading_assets.backtests.tables import DECISIONS, EQUITY, METRICS, RUNS
from trading_assets.config import Configuration, load_configuration
from trading_assets.market_data.tables import BARS, INSTRUMENTS, RISK_FREE
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.reports.notes import REFUSED_LOOK, SIMULATED, notes_of, outdated
from trading_assets.robustness.tables import VERDICTS
from trading_assets.strategies.tables import FAILED, REFUSED, SIGNALS, STATUS
from trading_assets.warehouse import Rows, Table, Warehouse, Whole
from trading_assets_tests.conftest import TINY
from trading_assets_tests.reports.pages import NAME, frame

OWN = Rows("strategy", NAME)
#: What a whole run writes, in its order.
CHAIN: list[Table] = [BARS, SIGNALS, METRICS, VERDICTS]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return load_configuration(TINY, tmp_path / "data")


@pytest.fixture
def warehouse(configuration: Configuration) -> Warehouse:
    return Warehouse(configuration.warehouse_path)


def write(warehouse: Warehouse, *tables: Table) -> None:
    for table in tables:
        warehouse.replace(Whole() if table is BARS else OWN, {table: table.empty()})


def run(warehouse: Warehouse, config_hash: str, hour: int = 12) -> None:
    """Put a backtest on record."""
    at = dt.datetime(2018, 1, 2, hour)
    warehouse.append(
        RUNS,
        frame(
            RUNS,
            {"run_id": f"r{hour}", "status": "ok", "config_hash": config_hash, "started_at": at, "finished_at": at},
        ),
    )


def instruments(warehouse: Warehouse, *, synthetic: bool) -> None:
    rows = [
        {"symbol": symbol, "asset_class": "equity", "calendar": "XNYS", "in_universe": True, "synthetic": synthetic}
        | {"first_session": dt.date(2015, 1, 2), "last_session": dt.date(2017, 12, 29)}
        for symbol in ("AAA", "BBB")
    ]
    warehouse.replace(Whole(), {INSTRUMENTS: frame(INSTRUMENTS, *rows)})


def equity(warehouse: Warehouse) -> None:
    """Two years in which nothing was bought."""
    days = [dt.date(2016, 1, 4), dt.date(2017, 12, 29)]
    rows = frame(EQUITY, *({"split": "development", "session": day, "equity": 100.0} for day in days))
    warehouse.replace(OWN, {EQUITY: rows})


def test_nothing_is_out_of_date_after_a_whole_run(configuration: Configuration, warehouse: Warehouse) -> None:
    assert outdated(warehouse, configuration, NAME) is None  # nothing there
    write(warehouse, *CHAIN)
    run(warehouse, configuration.hash)
    assert outdated(warehouse, configuration, NAME) is None


def test_a_run_is_current_until_what_is_said_of_its_strategy_changes(tmp_path: Path, warehouse: Warehouse) -> None:
    """The registration of another strategy is no other configuration of this one; its own parameters are."""
    values = yaml.safe_load(TINY.read_text())
    path = tmp_path / "c.yaml"

    def loaded() -> Configuration:
        path.write_text(yaml.safe_dump(values))
        return load_configuration(path, tmp_path / "data")

    write(warehouse, *CHAIN)
    run(warehouse, loaded().hash_for(NAME))
    values["registration"]["factor"] = {"hypothesis": "what it earns lasts", "registered_on": "2017-01-02"}
    assert outdated(warehouse, loaded(), NAME) is None
    values["strategies"][NAME]["capacity"] = 0.03
    said = "its last backtest, of 2018-01-02 12:00 UTC, was made under another configuration"
    assert outdated(warehouse, loaded(), NAME) == said


@pytest.mark.parametrize(
    ("again", "said"),
    [
        ([BARS], "bars or features have been written since its signals were computed"),
        ([BARS, SIGNALS], "its signals have been computed since its backtest ran"),
        ([METRICS], "its backtest has run since its verdict was made"),
        ([VERDICTS], None),
    ],
)
def test_what_ran_alone_makes_what_follows_old(
    configuration: Configuration, warehouse: Warehouse, again: list[Table], said: str | None
) -> None:
    write(warehouse, *CHAIN, *again)
    run(warehouse, configuration.hash)
    assert outdated(warehouse, configuration, NAME) == said


def test_what_it_is_made_of_makes_it_old(tmp_path: Path) -> None:
    """A member that ran alone, the regimes, and a model that was trained again; not another strategy or model."""
    values = yaml.safe_load(TINY.read_text())
    values["strategies"]["together"] = {"type": "ensemble", "members": ["ml", "factor"]}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(values))
    configuration = load_configuration(path, tmp_path / "data")
    warehouse = Warehouse(configuration.warehouse_path)

    def again(name: str, table: Table, rows: Rows | Whole) -> str | None:
        warehouse.replace(Rows("strategy", name), {SIGNALS: SIGNALS.empty()})
        assert outdated(warehouse, configuration, name) is None
        warehouse.replace(rows, {table: table.empty()})
        return outdated(warehouse, configuration, name)

    at = dt.datetime(2018, 1, 2, 12)
    for name in ("together", "ml"):
        row = {"run_id": name, "strategy": name, "status": "ok", "config_hash": configuration.hash}
        warehouse.append(RUNS, frame(RUNS, {**row, "started_at": at, "finished_at": at}))
    computed = "signals of factor have been computed since its signals were computed"
    assert again("together", SIGNALS, Rows("strategy", "factor")) == computed
    assert again("together", REGIMES, Whole()) == "regimes have been computed since its signals were computed"
    assert again("together", SIGNALS, Rows("strategy", "crypto_momentum")) is None
    scores = "scores of forward_return have been written since its signals were computed"
    assert again("ml", PREDICTIONS, Rows("model", "forward_return")) == scores
    assert again("ml", PREDICTIONS, Rows("model", "another")) is None


def test_another_configuration_makes_it_old_and_a_strategy_beside_it_does_not(
    configuration: Configuration, warehouse: Warehouse
) -> None:
    write(warehouse, *CHAIN)
    warehouse.replace(Rows("strategy", "another"), {METRICS: METRICS.empty()})
    run(warehouse, configuration.hash, 11)
    assert outdated(warehouse, configuration, NAME) is None
    run(warehouse, "0123456789ab", 12)
    said = "its last backtest, of 2018-01-02 12:00 UTC, was made under another configuration"
    assert outdated(warehouse, configuration, NAME) == said
    assert notes_of(warehouse, configuration, NAME) == [f"Out of date: {said}."]


def test_a_newcomer_is_warned_of_survivors_and_few_bets(configuration: Configuration, warehouse: Warehouse) -> None:
    instruments(warehouse, synthetic=False)
    equity(warehouse)
    # Two symbols for two years: 4 symbol-years without a departure. No fill: no bet, of 30.
    survivors, few = notes_of(warehouse, configuration, NAME)
    assert survivors.startswith("Survivorship: ")
    assert few.startswith("Few bets: 0 independent ones") and "needs 30 in the holdout" in few


def test_simulated_prices_are_told_and_nothing_else_is_made_of_them(
    configuration: Configuration, warehouse: Warehouse
) -> None:
    instruments(warehouse, synthetic=True)
    equity(warehouse)
    assert notes_of(warehouse, configuration, NAME) == [SIMULATED]


@pytest.mark.parametrize(("status", "said"), [(REFUSED, [REFUSED_LOOK, SIMULATED]), (FAILED, [])])
def test_a_refused_look_is_told_and_of_a_failure_the_verdict_tells(
    configuration: Configuration, warehouse: Warehouse, status: str, said: list[str]
) -> None:
    instruments(warehouse, synthetic=True)
    row = {"asset": f"robustness/holdout/{NAME}", "stage": "robustness/holdout", "status": status, "error": "no"}
    warehouse.replace(OWN, {STATUS: frame(STATUS, row)})
    assert notes_of(warehouse, configuration, NAME) == said


def test_a_list_of_names_is_a_choice_with_hindsight(configuration: Configuration, warehouse: Warehouse) -> None:
    instruments(warehouse, synthetic=False)
    equity(warehouse)
    chosen = configuration.model_copy(update={"universe": {"equity": ["AAA", "BBB"]}})
    assert any("list of names" in note for note in notes_of(warehouse, chosen, NAME))
    assert not any("list of names" in note for note in notes_of(warehouse, configuration, NAME))


def test_what_limits_cut_is_told_once(configuration: Configuration, warehouse: Warehouse) -> None:
    """Of weights of 0.8, 0.4 and 0.2 x 0.5 granted 0.25, 0.4 and none: 0.65 of 1.3. Another split is not counted."""
    entry = {"decision": "enter", "split": "development", "moment": "close", "target_weight": 0.8}
    rows = [
        entry | {"limited_by": "max_gross", "granted_weight": 0.25},
        entry | {"target_weight": -0.4, "granted_weight": -0.4},
        entry | {"decision": "reject", "limited_by": "capacity", "target_weight": 0.2, "risk_multiplier": 0.5},
        entry | {"decision": "reject", "granted_weight": 0.0},
        entry | {"split": "holdout", "limited_by": "capacity"},
    ]
    at = [{"decision_id": str(n), "session": dt.date(2016, 1, 4), "symbol": "AAA"} for n in range(len(rows))]
    table = frame(DECISIONS, *(row | more for row, more in zip(rows, at, strict=True)))
    warehouse.replace(OWN, {DECISIONS: table})
    (said,) = notes_of(warehouse, configuration, NAME)
    assert said.startswith(
        "Limits cut 2 of its 3 entries in development, in part or whole (its capacity 1, risk.max_gross 1). "
        "It was granted 50% of the weight"
    )
    warehouse.replace(OWN, {DECISIONS: table.with_columns(pl.lit(None, pl.String).alias("limited_by"))})
    assert notes_of(warehouse, configuration, NAME) == []


def test_rates_that_do_not_reach_as_far_as_the_results_are_told(
    configuration: Configuration, warehouse: Warehouse
) -> None:
    """Results from 2016-01-04 to 2017-12-29; a constant reaches everywhere, and two months late is monthly."""
    equity(warehouse)

    def said(*days: dt.date) -> list[str]:
        warehouse.replace(Whole(), {RISK_FREE: frame(RISK_FREE, *({"session": day, "rate": 0.01} for day in days))})
        return [note for note in notes_of(warehouse, configuration, NAME) if note.startswith("Risk-free")]

    assert said(dt.date.min) == said(dt.date(2016, 1, 1), dt.date(2017, 11, 1)) == []
    assert said(dt.date(2016, 2, 1), dt.date(2016, 3, 1)) == [
        "Risk-free rates begin on 2016-02-01: from 2016-01-04 to then cash earns nothing.",
        "Risk-free rates end on 2016-03-01: cash earns the last of them until 2017-12-29.",
    ]
