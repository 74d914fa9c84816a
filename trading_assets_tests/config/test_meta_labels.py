"""A primary is refused that does not exist, has no entries of one side, or waits for the scores of its own model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets_tests.end_to_end.experiments import changed

BET: dict[str, Any] = {"label": "triple_barrier", "primary": "breakouts"}
STRATEGIES: dict[str, Any] = {
    "breakouts": {"type": "equity_momentum"},
    "monthly": {"type": "factor"},
    "coins": {"type": "crypto_momentum", "universe": "crypto"},
    "learnt": {"type": "ml", "model": "bet"},
    "other": {"type": "ml", "model": "plain"},
    "of_best": {"type": "ml", "model": "best"},
}


def told(folder: Path, **changes: Any) -> str:
    values = {"models": {"bet": BET, "plain": {}}, "strategies": STRATEGIES, "registration": None, "robustness": None}
    values["champions"] = {"best": {"candidates": ["bet"]}}
    path = changed(folder, **{**values, **changes})
    try:
        load_configuration(path, folder)
    except ConfigurationError as error:
        return str(error)
    return ""


def test_a_primary_of_bars_and_features_is_taken(tmp_path: Path) -> None:
    assert told(tmp_path) == ""


@pytest.mark.parametrize(
    ("primary", "said"),
    [
        ("breakuots", ["no strategy 'breakuots'; did you mean 'breakouts'?", "key: models.bet.primary"]),
        ("learnt", ["bet -> learnt -> bet: a model cannot learn from the entries of a strategy that reads its scores"]),
        ("of_best", ["bet -> of_best -> best: a model cannot learn"]),
        ("other", ["other reads scores itself, of plain", "follow from bars and features alone"]),
        ("monthly", ["monthly sets target weights", "an order-based strategy"]),
        ("coins", ["coins trades crypto, and bet scores equity"]),
    ],
)
def test_what_can_be_no_primary_is_refused_in_words(primary: str, said: list[str], tmp_path: Path) -> None:
    models = {"bet": {**BET, "primary": primary}, "plain": {}}
    found = told(tmp_path, models=models)
    assert all(each in found for each in said), found


def test_a_gate_needs_a_model_of_entries(tmp_path: Path) -> None:
    found = told(tmp_path, strategies={**STRATEGIES, "gate": {"type": "meta_labels", "model": "plain"}})
    assert "plain scores every session, and not the entries of another strategy" in found
    assert "key: strategies.gate.model" in found
    assert told(tmp_path, strategies={**STRATEGIES, "gate": {"type": "meta_labels", "model": "best"}}) == ""


def test_entries_have_barriers_as_labels(tmp_path: Path) -> None:
    found = told(tmp_path, models={"bet": {"primary": "breakouts"}, "plain": {}})
    assert "the entries of a primary are labelled by triple_barrier, and the label is sign" in found


def test_candidates_of_a_champion_score_the_same_entries(tmp_path: Path) -> None:
    models = {"bet": BET, "plain": {}, "all": {"label": "triple_barrier"}}
    found = told(tmp_path, models=models, champions={"best": {"candidates": ["bet", "all"]}})
    assert "all and bet have another primary" in found


def test_the_primary_is_behind_whoever_reads_its_scores(tmp_path: Path) -> None:
    assert told(tmp_path) == ""
    made = load_configuration(tmp_path / "changed.yaml", tmp_path)
    assert made.behind("learnt") == ["learnt", "breakouts"] and made.behind("of_best") == ["of_best", "breakouts"]
    assert made.behind("other") == ["other"]
    wide = made.strategies["breakouts"].parameters.model_copy(update={"stop_atr": 9.0})  # type: ignore[union-attr]
    section = made.strategies["breakouts"].model_copy(update={"parameters": wide})
    other = made.model_copy(update={"strategies": {**made.strategies, "breakouts": section}})
    assert other.hash_for("learnt") != made.hash_for("learnt")
    assert other.hash_for("other") == made.hash_for("other")
