"""Registrations and trials of version 0.1.0 stand under today's code; what a person changes is still a change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets import __version__
from trading_assets.backtests.inputs.data_hash import data_hash
from trading_assets.backtests.trial_registry import TRIALS, Evaluation, settings_on_record, trial_rows
from trading_assets.market_data.tables import BARS
from trading_assets.protocol.earlier_ledgers import LEDGER
from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout.assets import record
from trading_assets.robustness.holdout.ledger import LedgerTamperedError, LookRefusedError
from trading_assets.robustness.holdout.protocol_status import protocol_status
from trading_assets.robustness.holdout.record_look import verified_ledger
from trading_assets.robustness.holdout.upgrade import Comparison
from trading_assets.robustness.holdout.upgrade_ledger import earlier_verdict, history_of_upgrades, verified_upgrades
from trading_assets.robustness.tables import (
    EARLIER_VERDICTS,
    HOLDOUT_LEDGER,
    REGISTRATION_UPGRADES,
    REGISTRATIONS,
    VERDICTS,
)
from trading_assets.strategies.evaluation.identity import identity_of
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.holdout.old_warehouse import NOW, STRATEGIES, OldWarehouse, unpacked

FIRST = "0.1.0"


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OldWarehouse, dict[str, pl.DataFrame]]]:
    """Every strategy recorded once by today's code, and tables as version 0.1.0 left them."""
    with unpacked(tmp_path_factory.mktemp("old")) as old:
        before = {table.name: old.warehouse.read(table) for table in (HOLDOUT_LEDGER, REGISTRATIONS, TRIALS, VERDICTS)}
        for name in STRATEGIES:
            assert record(old.step(name), old.registration(name), old.strategy(name)) == 1
        yield old, before


@pytest.mark.parametrize("name", STRATEGIES)
def test_registration_of_0_1_0_stands_as_an_upgrade(
    upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]], name: str
) -> None:
    old, before = upgraded
    warehouse = old.warehouse
    first = before[HOLDOUT_LEDGER.name].filter(strategy=name)["registration_hash"].item()
    row = verified_upgrades(warehouse, old.configuration).filter(strategy=name).row(0, named=True)
    assert (row["old_hash"], row["new_hash"]) == (first, old.registration(name).hash)
    assert row["old_hash"] != row["new_hash"]
    assert (row["old_version"], row["new_version"]) == (FIRST, __version__)
    known = warehouse.read(REGISTRATIONS).filter(strategy=name).sort("recorded_at")
    assert known["registration_hash"].to_list() == [first, row["new_hash"]]
    assert known["product_version"].to_list() == [None, __version__]


def test_upgrades_cost_no_look_and_change_no_row(upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]]) -> None:
    old, before = upgraded
    ledger = verified_ledger(old.warehouse, HeadFile(old.configuration.home / "ledger.head", LEDGER))
    assert ledger.equals(before[HOLDOUT_LEDGER.name])
    assert old.warehouse.read(TRIALS).equals(before[TRIALS.name])


@pytest.mark.slow
def test_second_run_adds_nothing(upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]]) -> None:
    old, _ = upgraded
    tables = (REGISTRATION_UPGRADES, REGISTRATIONS, HOLDOUT_LEDGER, EARLIER_VERDICTS)
    once = [old.warehouse.fingerprint(table) for table in tables]
    for name in STRATEGIES:
        assert record(old.step(name), old.registration(name), old.strategy(name)) == 1
    assert [old.warehouse.fingerprint(table) for table in tables] == once


def test_both_verdicts_stay_readable(upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]]) -> None:
    old, before = upgraded
    earlier = old.warehouse.read(EARLIER_VERDICTS)
    columns = ["strategy", "kind", "criterion", "value", "result", "note"]
    assert earlier.select(columns).sort(columns).equals(before[VERDICTS.name].select(columns).sort(columns))
    status = protocol_status(old.warehouse, old.configuration).filter(strategy="factor").row(0, named=True)
    assert (status["looks"], status["overrides"]) == (1, None)
    assert status["upgrades"] == f"{FIRST} to {__version__}"
    assert status["earlier_verdicts"] == f"{FIRST}: insufficient_evidence"
    upgrades = verified_upgrades(old.warehouse, old.configuration)
    assert history_of_upgrades(upgrades, earlier, "factor") == (
        f"Version {__version__} took the place of {FIRST}, whose verdict was insufficient evidence: no further look."
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_grid_adds_no_trial(upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]], name: str) -> None:
    """Each parameter set on record, evaluated again under the name of today: its trial is the one on record.

    Of an ensemble it is another one: regimes are made otherwise since, and a change of them moves a part of the book.
    """
    old, before = upgraded
    rows, strategy = before[TRIALS.name].filter(strategy=name), old.strategy(name)
    symbols = [*strategy.symbols, *([strategy.benchmark] if strategy.benchmark else [])]
    bars, settings = old.warehouse.read(BARS), settings_on_record(old.warehouse, old.configuration, strategy)
    evaluations = [
        Evaluation(
            strategy=name,
            strategy_type=identity_of(strategy.module),
            parameters=strategy.module.Parameters.model_validate(json.loads(row["params"])),
            symbols=strategy.symbols,
            settings_hash=settings,
            split=row["split"],
            start=row["start"],
            end=row["end"],
            data_hash=data_hash([bars], symbols, row["end"]),
            sharpe=row["sharpe"],
            returns=pl.Series(row["returns"]).to_numpy(),
        )
        for row in rows.iter_rows(named=True)
    ]
    again = trial_rows(evaluations, source="again", run_id="again", evaluated_at=NOW)
    assert rows.height >= 2
    if name == "ensemble":
        assert not set(again["trial"]) & set(rows["trial"])
    else:
        assert set(again["trial"]) == set(rows["trial"])


def set_key(*path: str, to: object) -> Callable[[dict[str, Any]], None]:
    """A change of one key of the configuration."""

    def change(settings: dict[str, Any]) -> None:
        for key in path[:-1]:
            settings = settings.setdefault(key, {})
        settings[path[-1]] = to

    return change


CHANGES = {
    "a parameter": (
        set_key("strategies", "equity_momentum", "stop_atr", to=3.0),
        "parameters.stop_atr: 2.5 -> 3.0",
    ),
    "symbols": (set_key("strategies", "equity_momentum", "universe", to=["SYN001", "SYN002"]), "universe.SYN003"),
    "a criterion": (
        set_key("robustness", "verdict", to={"reject_dsr": 0.9}),
        "criteria.reject_dsr: 0.95 -> 0.9",
    ),
    "a cost": (set_key("costs", to={"equity": {"fee_bps": 2.0}}), "costs.equity.fee_bps: 1.0 -> 2.0"),
    "a limit": (set_key("risk", "max_positions", to=8), "risk.max_positions: 6 -> 8"),
    "resamples": (set_key("robustness", "resamples", to=21), "resampling.resamples: 20 -> 21"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.slow
def test_what_a_person_changes_is_a_look_after_a_change(tmp_path: Path, change: str) -> None:
    """Refused without a reason; with one it is the second look."""
    edit, said = CHANGES[change]
    with unpacked(tmp_path, registered=["equity_momentum"]) as old:
        settings = old.settings
        edit(settings)
        old.write(settings)
        with pytest.raises(LookRefusedError, match="changed since") as refused:
            record(old.step("equity_momentum"), old.registration("equity_momentum"), old.strategy("equity_momentum"))
        assert said in str(refused.value)
        assert old.warehouse.read_or_empty(REGISTRATION_UPGRADES).is_empty()
        settings["registration"]["equity_momentum"] = {
            **settings["registration"]["equity_momentum"],
            "override": "tried another one",
        }
        old.write(settings)
        name = "equity_momentum"
        assert record(old.step(name), old.registration(name), old.strategy(name)) == 2


@pytest.mark.slow
def test_a_changed_bar_is_a_look_after_a_change(tmp_path: Path) -> None:
    raised = pl.when(pl.col("session") == pl.col("session").max()).then(pl.col("close") + 0.01).otherwise("close")
    with unpacked(tmp_path, registered=["equity_momentum", "factor"]) as old:
        for name in ("equity_momentum", "factor"):
            changed = old.registration(name, lambda bars: bars.with_columns(close=raised))
            with pytest.raises(LookRefusedError, match="data_hash"):
                record(old.step(name), changed, old.strategy(name))


OWN = {
    "rules": ("breakout", "breakout", 'pl.col("ma_50")', 'pl.col("ma_20")'),
    "a default": ("tilt", "tilt", "gross: float = 0.6", "gross: float = 0.5"),
    "weights": ("tilt", "tilt", ".otherwise(0.0)", ".otherwise(0.1)"),
    "a module that it uses": ("tilt", "months", ".min()", ".max()"),
    "a member": ("ensemble", "tilt", ".otherwise(0.0)", ".otherwise(0.1)"),
}


@pytest.mark.parametrize("change", OWN)
@pytest.mark.slow
def test_a_changed_module_of_a_user_is_a_look_after_a_change(tmp_path: Path, change: str) -> None:
    name, module, text, other = OWN[change]

    def edit(each: str, source: str) -> str:
        assert each != module or text in source
        return source.replace(text, other) if each == module else source

    with unpacked(tmp_path, edit, registered=[name]) as old, pytest.raises(LookRefusedError, match="changed since"):
        record(old.step(name), old.registration(name), old.strategy(name))


@pytest.mark.slow
def test_an_edited_remark_of_a_user_changes_nothing_after_the_upgrade(
    upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]], tmp_path: Path
) -> None:
    old, _ = upgraded
    known = {name: old.registration(name).hash for name in ("breakout", "tilt", "ensemble")}
    with unpacked(tmp_path, lambda _, source: f'"""Other words."""\n# A remark.\n{source}') as other:
        assert {name: other.registration(name).hash for name in known} == known


@pytest.mark.slow
def test_an_upgrade_that_was_touched_is_noticed(tmp_path: Path) -> None:
    with unpacked(tmp_path, registered=["factor"]) as old:
        record(old.step("factor"), old.registration("factor"), old.strategy("factor"))
        (old.configuration.home / "upgrades.head").unlink()
        with pytest.raises(LedgerTamperedError, match=r"ledger of upgrades .*upgrades\.head is missing"):
            verified_upgrades(old.warehouse, old.configuration)
        with pytest.raises(LedgerTamperedError):
            protocol_status(old.warehouse, old.configuration)


def test_code_of_the_product_is_fixed_within_a_version() -> None:
    edited = Comparison(changed=(), of_the_product=("code of shipped modules",))
    assert edited.is_upgrade("0.2.0", "0.3.0")
    assert not edited.is_upgrade("0.2.0", "0.2.0")
    assert Comparison((), ()).is_upgrade("0.2.0", "0.2.0")
    assert not Comparison(("seed: 1 -> 2",), ()).is_upgrade("0.2.0", "0.3.0")


def test_verdicts_of_this_version_are_not_put_aside(upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]]) -> None:
    old, _ = upgraded
    made = old.warehouse.read(VERDICTS, rows=Rows("strategy", "factor")).with_columns(product_version=pl.lit("9"))
    upgrades = REGISTRATION_UPGRADES.empty()
    assert earlier_verdict(made, "hash", upgrades, "9", NOW).is_empty()
    assert earlier_verdict(made, None, upgrades, "10", NOW).is_empty()
    kept = earlier_verdict(made, "hash", upgrades, "10", NOW)
    assert set(kept.select("product_version", "registration_hash").rows()) == {("9", "hash")}


def test_a_verdict_is_put_aside_once_though_the_holdout_was_evaluated_anew(
    upgraded: tuple[OldWarehouse, dict[str, pl.DataFrame]],
) -> None:
    """Under the hash of the registration that it was made from, which is no longer the one that was evaluated last."""
    old, before = upgraded
    upgrades = old.warehouse.read(REGISTRATION_UPGRADES).filter(strategy="factor")
    made = before[VERDICTS.name].filter(strategy="factor").with_columns(product_version=pl.lit(None, pl.String))
    first, second = (
        earlier_verdict(made, upgrades[column].item(), upgrades, __version__, NOW)
        for column in ("old_hash", "new_hash")
    )
    assert first.equals(second)
    assert first["registration_hash"].unique().to_list() == upgrades["old_hash"].to_list()
