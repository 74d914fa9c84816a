"""The table of updates says what every decision can be."""

from __future__ import annotations

from dataclasses import fields

from trading_assets.models.evaluation_tables import types_of_folds
from trading_assets.models.families.online_state import Decision
from trading_assets.models.online_tables import DECISIONS, ONLINE_UPDATES


def test_every_number_of_a_decision_is_in_the_table() -> None:
    names = {each.name for each in fields(Decision)}
    assert names <= set(ONLINE_UPDATES.columns)
    assert set(types_of_folds(ONLINE_UPDATES)) - names == {"fold", "session", "tolerance", "reason"}
    assert ONLINE_UPDATES.columns["decision"].one_of == DECISIONS
    assert all(f"{each}:" in ONLINE_UPDATES.columns["decision"].description for each in DECISIONS)
