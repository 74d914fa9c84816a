"""What is a secret of a configuration, and what a text looks like without."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from trading_assets.config.redaction import hidden, secrets_of
from trading_assets_tests.monitoring.rules.situations import configured


def test_keys_of_the_environment_tokens_and_addresses_are_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", "polygon-key-1")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "alpaca-secret-1")
    monkeypatch.setenv("TRADING_ASSETS_SQL_URI", "postgresql://ann:pass%20word@host/db")
    monkeypatch.setenv("MY_TOKEN", "my-token-1")
    configuration = configured(
        tmp_path,
        market_data=[{"source": "polygon", "symbols": ["A"]}],
        notifier={"kind": "apprise", "urls": ["json://ann:apprise-pass@host"]},
        alerts={"escalation": {"kind": "webhook", "url": "https://host/hook-path", "token_variable": "MY_TOKEN"}},
    )
    found = set(secrets_of(configuration))
    assert {"polygon-key-1", "alpaca-secret-1", "my-token-1", "https://host/hook-path"} <= found
    assert {"pass%20word", "pass word", "apprise-pass"} <= found
    assert SecretStr("x").get_secret_value() not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a key polygon-key-1 in words", "a key *** in words"),
        ("https://ann:pw@host/path", "https://***@host/path"),
        ("GET /q?apikey=ABCDEF0123&symbol=A", "GET /q?apikey=***&symbol=A"),
        ("{'api_key': 'ABCDEF0123'}", "{'api_key': '***'}"),
        ("Authorization: Bearer ABCDEF0123.x", "Authorization: Bearer ***"),
        ("password=hunter22; host=h", "password=***; host=h"),
        ("token of a provider: keys.token", "token of a provider: keys.token"),
        ("BTC:USD at https://host:8080/x", "BTC:USD at https://host:8080/x"),
    ],
)
def test_a_text_without_secrets(text: str, expected: str) -> None:
    assert hidden(text, ["polygon-key-1"]) == expected
