"""Keys of vendors, as the environment has them."""

from __future__ import annotations

import pytest


@pytest.fixture
def alpaca_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_KEY_ID", "the-key-itself")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "the-secret-itself")
