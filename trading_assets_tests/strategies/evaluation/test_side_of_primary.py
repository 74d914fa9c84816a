"""Who would buy what its scores say about selling short is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.strategies.evaluation.side_of_primary import OtherSideError, require_side_of_primary
from trading_assets_tests.backtests.frames import loaded

SHORT = """\
from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.rules import Rules, Trigger
import polars as pl


class Parameters(OrderParameters):
    stop_atr: float = 2.5
    capacity: float = 0.005


def rules(parameters):
    depth = -pl.col("roc_60")
    return Rules(eligible=pl.lit(True), triggers=(Trigger("fall", depth, 0.1, depth),), side="short")
"""


def test_a_buyer_of_short_entries_is_stopped_and_one_of_long_entries_is_not(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "falls.py").write_text(SHORT)
    bet = {"label": "triple_barrier"}
    made = loaded(
        tmp_path,
        models={"down": {**bet, "primary": "falls"}, "up": {**bet, "primary": "breakout"}, "plain": {}},
        strategies={
            "falls": {"type": "mine.falls"},
            "breakout": {"type": "equity_momentum"},
            "wrong": {"type": "ml", "model": "down"},
            "right": {"type": "ml", "model": "up"},
            "gate": {"type": "meta_labels", "model": "up"},
            "other": {"type": "ml", "model": "plain"},
        },
    )
    with pytest.raises(OtherSideError, match="wrong enters long, and down scores the short entries of falls"):
        require_side_of_primary(made, "wrong")
    for name in ("right", "gate", "other", "falls", "breakout"):
        require_side_of_primary(made, name)
