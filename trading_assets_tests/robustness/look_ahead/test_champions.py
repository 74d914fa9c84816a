"""The audit decides every promotion anew: a champion that was chosen by what came later is caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.models.champions import Reign, Succession
from trading_assets.models.on_record import opened_by
from trading_assets.models.tables import CHAMPIONS
from trading_assets.protocol.decisions import HandDecision
from trading_assets.robustness.look_ahead import repetition
from trading_assets.robustness.look_ahead.audit import differing, look_ahead
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.look_ahead.what_is_read import models_behind
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.robustness.look_ahead.test_audit import CUTS, DAYS, MODEL, market_snapshot

pytestmark = pytest.mark.slow

REFITS = [DAYS[place] for place in (150, 210, 270)]


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    return market_snapshot()


def configured(folder: Path, *candidates: str) -> Configuration:
    walk = {key: value for key, value in MODEL.items() if key != "trees"}
    return loaded(
        folder,
        strategies={"ml": {"type": "ml", "model": "best", "entry_score": 0.0}},
        models={"trees": MODEL, "line": {**walk, "type": "ridge"}},
        champions={"best": {"candidates": list(candidates)}},
    )


@pytest.mark.parametrize("pinned", [False, True])
def test_a_champion_of_its_time_is_not_accused_with_a_word_or_without(
    pinned: bool, whole: MarketSnapshot, tmp_path: Path
) -> None:
    """The word is of a day in the middle of a fold: it is as true of every shorter history."""
    said = HandDecision("best", "pin", "line", True, DAYS[230], "me", "tried")
    made = configured(tmp_path, "trees", "line")
    found = look_ahead(made, "ml", whole, CUTS, by_hand=[said] if pinned else [])
    assert differing(found).is_empty()
    assert set(REFITS) <= set(found["cut"])
    assert models_behind(made, "ml") == {"trees", "line"}
    assert opened_by(made, "line") == []


def best_of_all_that_is_known(
    configuration: Configuration, name: str, samples: Any, folds: Any, scores: Any, by_hand: Any
) -> Succession:
    """The candidate of the lowest loss over all labels that there are is champion from the beginning."""
    losses = {}
    for candidate in configuration.candidates_of(name):
        rows = samples.keys.join(scores[candidate], on=["symbol", "session"]).drop_nulls("label")
        wrong = (rows["label"] - rows["score"]).abs()
        losses[candidate] = float(wrong.mean() or 0.0) if rows.height else 0.0  # type: ignore[arg-type]
    best = min(losses, key=losses.__getitem__)
    return Succession((Reign(folds[0].test_start, best),), CHAMPIONS.empty().drop("model"))


@pytest.mark.parametrize("order", [("trees", "line"), ("line", "trees")])
def test_a_champion_by_what_came_later_is_caught(
    order: tuple[str, str], whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the lowest loss of all labels is another candidate before all of them are known."""
    monkeypatch.setattr(repetition, "succession_of", best_of_all_that_is_known)
    found = differing(look_ahead(configured(tmp_path, *order), "ml", whole, CUTS))
    assert "scores" in found["subject"]
    assert "features" not in found["subject"]
    first = found.filter(pl.col("subject") == "scores").row(0, named=True)
    assert first["session"] <= first["cut"]
