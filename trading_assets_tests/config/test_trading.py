"""Where orders go: paper unless it is said twice, keys from the environment alone, and no part in any hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.config.trading import AlpacaSettings
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_no_hash_knows_where_orders_go(tmp_path: Path) -> None:
    text = "trading: {broker: alpaca, marketable: 0.02, alpaca: {symbols: {BTC: BTC/USD}}}\n"
    plain, other = (load(tmp_path, MINIMAL + each) for each in ("", text))
    assert (plain.trading.broker, other.trading.broker) == ("simulated", "alpaca")
    assert other.hash == plain.hash
    assert other.hash_of_trials == plain.hash_of_trials
    assert [other.hash_for(name) for name in other.strategies] == [plain.hash_for(name) for name in plain.strategies]


@pytest.mark.parametrize("half", ["live: true", "live_account: '123'"])
def test_live_is_said_twice_or_not_at_all(half: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="live and live_account go together"):
        load(tmp_path, MINIMAL + f"trading: {{{half}}}\n")
    assert load(tmp_path, MINIMAL + "trading: {live: true, live_account: '123'}\n").trading.live


@pytest.mark.parametrize("address", ["http://alpaca.example", "ftp://localhost", "alpaca.example", "https://"])
def test_keys_are_sent_to_no_address_that_others_can_read(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="keys are sent there"):
        load(tmp_path, MINIMAL + f"trading: {{alpaca: {{base_url: '{address}'}}}}\n")


def test_two_symbols_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="two symbols"):
        load(tmp_path, MINIMAL + "trading: {alpaca: {symbols: {BTC: BTC/USD, XBT: BTCUSD}}}\n")


def test_a_missing_key_is_named_and_a_given_one_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = AlpacaSettings(key_variable="MY_KEY", secret_variable="MY_SECRET")
    monkeypatch.setenv("MY_KEY", "the-key-itself")
    monkeypatch.delenv("MY_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match=r"MY_SECRET \(trading.alpaca.secret_variable\)") as caught:
        settings.secrets()
    assert "the-key-itself" not in str(caught.value)
    monkeypatch.setenv("MY_SECRET", "the-secret-itself")
    assert "itself" not in repr(settings.secrets())
    assert [each.get_secret_value() for each in settings.secrets()] == ["the-key-itself", "the-secret-itself"]
