"""When running accounts are worked on decides no result: no hash knows it, so no verdict falls with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_no_hash_knows_when_accounts_are_worked_on(tmp_path: Path) -> None:
    said = "accounts: {after_close_minutes: 30, closing_limit: 0.2, close_on_revoked_verdict: true}\n"
    plain, other = (load(tmp_path, MINIMAL + text) for text in ("", said))
    assert (plain.accounts.after_close_minutes, plain.accounts.close_on_revoked_verdict) == (75, False)
    assert other.accounts.close_on_revoked_verdict
    assert (plain.accounts.closing_limit, other.accounts.closing_limit) == (0.05, 0.2)
    assert other.hash == plain.hash
    assert [other.hash_for(name) for name in other.strategies] == [plain.hash_for(name) for name in plain.strategies]


def test_orders_are_sent_before_the_open(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="before_open_minutes"):
        load(tmp_path, MINIMAL + "accounts: {before_open_minutes: 0}\n")
