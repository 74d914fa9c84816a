"""A simulated year: the account survives kills and a hostile broker to the bit, and every difference has its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.trading.account import with_capital
from trading_assets.trading.tables import ENGINE_FILLS, FILLS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.hostile_desk import HOSTILE, HostileDesk
from trading_assets_tests.benchmarks.paper_lives import openings_of
from trading_assets_tests.benchmarks.paper_market import FIRST, STRATEGY, sessions
from trading_assets_tests.benchmarks.paper_year import (
    KILLS,
    MARKS,
    PAGE,
    RESULTS,
    STEPS,
    YEAR,
    kills_of,
    lived,
    table_of,
)
from trading_assets_tests.robustness.pipeline import Experiment

SHORT, FEW = 20, 8


def test_kills_follow_from_the_seed_and_fall_into_every_step() -> None:
    kills = kills_of(YEAR, KILLS)
    assert kills == kills_of(YEAR, KILLS)
    assert [(kill.session, kill.step) for kill in kills] == sorted((kill.session, kill.step) for kill in kills)
    assert {kill.step for kill in kills} == set(range(len(STEPS)))
    assert kills[0].session < 10 < 240 < kills[-1].session < YEAR


def test_what_goes_wrong_with_an_order_follows_from_its_id(tmp_path: Path) -> None:
    """Of 2,000 orders each fault is drawn about as often as it is said to be: within four deviations."""
    desk = HostileDesk(tmp_path / "b.db", HOSTILE, 1)
    wrong = [desk.wrong(f"ta-{number}") for number in range(2_000)]
    assert wrong == [HostileDesk(tmp_path / "c.db", HOSTILE, 1).wrong(f"ta-{number}") for number in range(2_000)]
    for what, chance in (("rejects", 0.08), ("late", 0.08), ("partial", 0.1), ("price", 0.08), ("fee", 0.08)):
        count = sum(what in each for each in wrong)
        assert abs(count - 2_000 * chance) < 4 * (2_000 * chance * (1 - chance)) ** 0.5, what


def test_the_table_of_the_page_is_that_of_the_last_year() -> None:
    result = json.loads(RESULTS.read_text(encoding="utf-8"))
    begin, end = MARKS
    page = PAGE.read_text(encoding="utf-8")
    assert page.split(begin)[1].split(end)[0].strip() == table_of(result)
    survived(result)


def survived(result: dict[str, Any]) -> None:
    """Hold a year to what it must show."""
    faults = ("other_than_undisturbed", "account_other_than_clean", "lost", "doubled", "not_found", "unnamed")
    assert {name: result[name] for name in faults if result[name]} == {}
    assert result["settled"] == result["sessions"] - 1
    assert result["clean_differences"] == 0
    assert result["trail_is_sound"]
    assert result["orders"] > 0


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("paper")
    return folder, lived(folder, SHORT, FEW)


@pytest.mark.slow
def test_a_month_is_survived(short: tuple[Path, dict[str, Any]]) -> None:
    _, result = short
    survived(result)
    assert sum(result["kills"].values()) == FEW


@pytest.mark.slow
def test_fills_of_a_clean_account_are_those_of_the_backtest(short: tuple[Path, dict[str, Any]]) -> None:
    """The broker's, which came by order sheets one session after the other, and those of one backtest over all."""
    folder, _ = short
    configuration = Experiment(folder / "clean").configuration
    warehouse, opening, end = (
        Warehouse(configuration.warehouse_path),
        openings_of(configuration)[-1],
        sessions(SHORT)[-1],
    )
    frames = read_frames(warehouse, configuration, STRATEGY, end)
    prepared = with_capital(prepare(configuration, frames, end), opening.capital)
    expected = backtest(prepared, FIRST, end, split="1").fills
    columns = ["session", "symbol", "side", "quantity", "price", "fee"]
    booked = expected.select(columns).sort(columns)
    assert warehouse.read(ENGINE_FILLS).select(columns).sort(columns).rows() == booked.rows()
    told = warehouse.read(FILLS).select(columns).sort(columns)
    assert told.drop("price", "fee").rows() == booked.drop("price", "fee").rows()
    # The broker's price is a mean over units, its fee a rate a unit times them: two roundings more of each.
    for name in ("price", "fee"):
        assert told[name].to_list() == pytest.approx(booked[name].to_list(), rel=4e-15)
    assert booked.height > 0


@pytest.mark.acceptance
def test_a_year_is_survived(tmp_path: Path) -> None:
    result = lived(tmp_path, YEAR, KILLS)
    survived(result)
    assert sum(result["kills"].values()) == KILLS
    assert min(result["injected"].values()) > 0
    assert pl.Series(result["injected"].values()).sum() > 30
