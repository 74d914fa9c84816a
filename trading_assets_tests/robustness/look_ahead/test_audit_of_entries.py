"""The audit decides the entries of a primary anew at each cut: it accuses none that is clean, and catches leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.models.entries import Entries, entries_of
from trading_assets.models.fits import FittedModels
from trading_assets.models.training import learner_of
from trading_assets.robustness.look_ahead.audit import History, computed, differing, look_ahead
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.robustness.leaking_strategies import HONEST
from trading_assets_tests.robustness.look_ahead.test_audit import RULES, market_snapshot
from trading_assets_tests.robustness.look_ahead.test_audit_of_models import barriers_that_end_when_they_begin

pytestmark = pytest.mark.slow

CUTS = 2
BET: dict[str, Any] = {
    "type": "logistic",
    "label": "triple_barrier",
    "horizon": 10,
    "primary": "first",
    "train_sessions": 150,
    "test_sessions": 60,
    "min_rows": 20,
}
BREAKOUTS = {"type": "equity_momentum", "trend_slope": -1.0, "fast_clearance": 0.0}


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    return market_snapshot()


def configured(folder: Path, primary: dict[str, Any], gate: str = "meta_labels") -> Configuration:
    strategies = {"first": primary, "gate": {"type": gate, "model": "bet", "entry_score": 0.0}}
    return loaded(folder, strategies=strategies, models={"bet": BET})


def subjects(configuration: Configuration, whole: MarketSnapshot) -> set[str]:
    return set(differing(look_ahead(configuration, "gate", whole, CUTS))["subject"])


def test_clean_entries_are_not_accused_and_are_what_is_scored(whole: MarketSnapshot, tmp_path: Path) -> None:
    configuration = configured(tmp_path, BREAKOUTS)
    assert subjects(configuration, whole) == set()
    fitted = {"bet": FittedModels(learner_of(configuration, "bet"))}
    made = computed(configuration, "gate", History(whole, whole), None, fitted)
    scores = made.scores["bet"]
    assert scores.height > 40 and scores["score"].n_unique() > 20
    assert 0 < made.frames["signals"][0].filter(action="enter").height <= scores.height


def test_entries_of_a_module_of_ones_own_are_not_accused(whole: MarketSnapshot, tmp_path: Path) -> None:
    assert subjects(configured(tmp_path, {"type": RULES, "leak": HONEST}, "ml"), whole) == set()


def test_a_primary_that_enters_where_tomorrow_rises_is_caught(whole: MarketSnapshot, tmp_path: Path) -> None:
    assert "scores" in subjects(configured(tmp_path, {"type": RULES, "leak": "tomorrow"}, "ml"), whole)


def test_entries_that_are_chosen_by_what_comes_are_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept are the entries of a symbol but for its last one, whenever that is: of every history another one."""

    def without_the_last(signals: pl.DataFrame) -> Entries:
        found = entries_of(signals)
        last = pl.col("session") == pl.col("session").max().over("symbol")
        return Entries(found.keys.filter(~last), found.side)

    monkeypatch.setattr("trading_assets.robustness.look_ahead.repetition.entries_of", without_the_last)
    assert "scores" in subjects(configured(tmp_path, BREAKOUTS), whole)


def test_a_label_that_is_said_to_be_over_too_early_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_its_side(bars: pl.DataFrame, horizon: int, barriers: Any, side: int) -> pl.DataFrame:
        assert side == 1
        return barriers_that_end_when_they_begin(bars, horizon, barriers)

    monkeypatch.setattr("trading_assets.models.samples.triple_barrier_labels", on_its_side)
    assert "scores" in subjects(configured(tmp_path, BREAKOUTS), whole)
