"""The table of plans is one that an account publishes, so its rows are on record by their hashes."""

from __future__ import annotations

from trading_assets.definitions import declared_tables
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.tables import PUBLISHED


def test_plans_are_published_with_the_account() -> None:
    assert CLOSING_PLANS in PUBLISHED
    assert declared_tables()["trading.closing_plans"] is CLOSING_PLANS
