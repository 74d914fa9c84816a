"""Scores of a holdout are hidden until a strategy is registered that reads them, by whatever name."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from trading_assets.config import load_configuration
from trading_assets.models.on_record import hash_of_model, opened_by
from trading_assets.models.tables import PREDICTIONS
from trading_assets_tests.models.panels import trained


@pytest.mark.parametrize(
    ("registered", "readers"),
    [(["learnt"], ["learnt"]), (["blend"], ["blend"]), (["plain"], []), ([], []), (["better"], ["better"])],
)
def test_scores_are_unlocked_by_registered_strategies_that_read_the_model(
    registered: list[str], readers: list[str], tmp_path: Path
) -> None:
    """A member of an ensemble reads it for the ensemble, a champion for whoever reads the champion."""
    entry = {"registered_on": "2010-11-30", "hypothesis": "Nothing is planted here."}
    text = {
        "name": "readers",
        "start": "2010-01-01",
        "market_data": [{"source": "sample", "asset_class": "equity"}],
        "strategies": {
            "learnt": {"type": "ml", "model": "week"},
            "better": {"type": "ml", "model": "best"},
            "plain": {"type": "equity_momentum"},
            "blend": {"type": "ensemble", "members": ["plain", "learnt"]},
        },
        "models": {"week": {}, "line": {"type": "ridge"}},
        "champions": {"best": {"candidates": ["line", "week"]}},
        "registration": dict.fromkeys(registered, entry),
    }
    path = tmp_path / "readers.yaml"
    path.write_text(yaml.safe_dump(text))
    made = load_configuration(path, tmp_path)
    assert opened_by(made, "week") == readers
    assert opened_by(made, "best") == opened_by(made, "line") == [name for name in readers if name == "better"]


def test_the_hash_of_rows_is_blind_to_their_version_alone() -> None:
    """A version is of all folds: rows of one that ended long ago stay what they are on record as."""
    rows = trained().tables[PREDICTIONS]
    own = hash_of_model(PREDICTIONS, rows, "model")
    assert hash_of_model(PREDICTIONS, rows.with_columns(version=pl.lit("other")), "model") == own
    assert hash_of_model(PREDICTIONS, rows.with_columns(score=pl.lit(0.5)), "model") != own
