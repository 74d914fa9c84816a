"""What a step says: without the secrets that it quotes, and its warnings are kept."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from trading_assets.asset_factories.heard import Heard
from trading_assets_tests.monitoring.rules.situations import configured

PASSWORD = "pass word/of:the-database"
WRITTEN = "pass%20word%2Fof%3Athe-database"


def test_no_word_of_a_step_quotes_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver quotes the password alone, without the address that it stands in, decoded or not."""
    monkeypatch.setenv("TRADING_ASSETS_SQL_URI", f"postgresql://ann:{WRITTEN}@host/db")
    heard = Heard(logging.getLogger("trading_assets_tests"), configured(tmp_path))
    with caplog.at_level(logging.DEBUG):
        for say in (heard.debug, heard.info, heard.warning, heard.error):
            say(ValueError(f"no login with {PASSWORD}, nor {WRITTEN}"))
    assert caplog.messages == ["no login with ***, nor ***"] * 4
    assert heard.warnings == ["no login with ***, nor ***"], "they are written into the warehouse"
