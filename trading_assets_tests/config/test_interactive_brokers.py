"""The settings of Interactive Brokers: paper by default, and names that are found again."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trading_assets.config.interactive_brokers import LIVE_PORTS, PAPER_PORTS, InteractiveBrokersSettings


def test_the_default_is_a_paper_account_on_this_machine() -> None:
    settings = InteractiveBrokersSettings()
    assert settings.port in PAPER_PORTS
    assert settings.port not in LIVE_PORTS
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize("key", ["symbols", "coins"])
def test_two_symbols_of_one_name_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="two symbols have one name"):
        InteractiveBrokersSettings.model_validate({key: {"A": "X", "B": "X"}})


@pytest.mark.parametrize("wrong", [{"client_id": 0}, {"port": 0}, {"timeout_seconds": 0}, {"coin_exchange": "KRAKEN"}])
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """Client id 0 is the one that orders by hand in TWS are bound to."""
    with pytest.raises(ValidationError):
        InteractiveBrokersSettings.model_validate(wrong)
