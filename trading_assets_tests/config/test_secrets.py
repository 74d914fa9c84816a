"""Secrets come from the environment or from a file that it names; one in a configuration is refused, unquoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.config.remote_sources import MissingSecretError, PolygonSource
from trading_assets.config.secrets import FILE_SUFFIX, MOST_BYTES, VARIABLES, refuse_secrets, secret_of
from trading_assets.config.trading import AlpacaSettings
from trading_assets_tests.config.test_loading import MINIMAL, error_of, load

NAME, SECRET = "SOME_KEY", "hunter2-never-to-be-seen"


def test_a_secret_is_that_of_the_variable_or_of_the_file_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secret_of(NAME) == ""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv(NAME + FILE_SUFFIX, str(tmp_path / "key"))
    assert secret_of(NAME) == SECRET
    monkeypatch.setenv(NAME, "another")
    with pytest.raises(ConfigurationError, match="two places") as caught:
        secret_of(NAME)
    assert SECRET not in str(caught.value)
    monkeypatch.delenv(NAME + FILE_SUFFIX)
    assert secret_of(NAME) == "another"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "No such file"),
        (b"\n", "it is empty"),
        (b"\xff" + SECRET.encode(), "it is no text"),
        (SECRET.encode() * MOST_BYTES, "more than 65,536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_quoted(
    content: bytes | None, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv(NAME + FILE_SUFFIX, str(tmp_path / "key"))
    with pytest.raises(ConfigurationError) as caught:
        secret_of(NAME)
    said = str(caught.value)
    assert cause in said
    assert str(tmp_path / "key") in said
    assert SECRET not in said


def test_vendors_brokers_and_the_webhook_read_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("MASSIVE_API_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "TRADING_ASSETS_WEBHOOK_TOKEN"):
        monkeypatch.setenv(name + FILE_SUFFIX, str(tmp_path / "key"))
    polygon = PolygonSource(source="polygon", symbols=["A"])
    assert polygon.key().get_secret_value() == SECRET
    assert [each.get_secret_value() for each in AlpacaSettings().secrets()] == [SECRET, SECRET]
    token = load(tmp_path, MINIMAL).notifier.token
    assert token is not None
    assert token.get_secret_value() == SECRET
    (tmp_path / "key").unlink()
    with pytest.raises(MissingSecretError, match="MASSIVE_API_KEY_FILE"):
        polygon.key()


@pytest.mark.parametrize(
    ("added", "where"),
    [
        (f"notifier: {{token: {SECRET}}}\n", "notifier.token"),
        (f"notifier: {{kind: log, Password: {SECRET}}}\n", "notifier.Password"),
        (f"trading: {{alpaca: {{api_key: {SECRET}}}}}\n", "trading.alpaca.api_key"),
        (
            f"alternative_data: {{cpi: {{alfred: {{series: X, apikey: {SECRET}}}}}}}\n",
            "alternative_data.cpi.alfred.apikey",
        ),
        (f"client_secret: {SECRET}\n", "client_secret"),
        ("token: 123456\n", "token"),
        (f"notifier: {{kind: webhook, url: 'https://me:{SECRET}@host/x'}}\n", "notifier.url"),
        (f"scheduler: tcp://u:{SECRET}@host:8786\n", "scheduler"),
        (f"notifier: {{kind: webhook, url: 'https://{SECRET}@host/x'}}\n", "notifier.url"),
        (f"notifier: {{kind: webhook, url: 'https://{SECRET}:@host/x'}}\n", "notifier.url"),
        (f"notifier: {{kind: webhook, url: 'https://host/x?a=b&Token={SECRET}'}}\n", "notifier.url"),
        (f"notifier: {{kind: webhook, url: 'https://host/x?key={SECRET}'}}\n", "notifier.url"),
        (f"notifier: {{kind: webhook, url: 'https://host/x?user=u&pass%77ord={SECRET}'}}\n", "notifier.url"),
    ],
)
def test_a_secret_in_a_configuration_is_refused_by_name_and_not_quoted(added: str, where: str, tmp_path: Path) -> None:
    said = error_of(tmp_path, MINIMAL + added)
    assert f"key: {where}" in said
    assert "line 8" in said
    assert SECRET not in said
    assert "123456" not in said


def test_an_overlay_hides_no_secret(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(MINIMAL + f"notifier: {{token: {SECRET}}}\n")
    said = error_of(tmp_path, "extends: base.yaml\n")
    assert f"{tmp_path / 'base.yaml'}, line 8" in said
    assert SECRET not in said
    for over in ("extends: base.yaml\nnotifier: {}\n", "extends: base.yaml\nnotifier: [a, list]\n"):
        said = error_of(tmp_path, over)
        assert f"{tmp_path / 'base.yaml'}, line 8" in said, "it stands in the file, whatever is merged over it"
        assert SECRET not in said


def test_a_password_with_a_slash_is_one_though_a_parser_ends_the_host_there() -> None:
    with pytest.raises(ConfigurationError, match="an address with a password") as caught:
        refuse_secrets(Path("mine.yaml"), {"scheduler": f"tcp://u:a/{SECRET}@host:8786"}, {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://host:8080/hooks/x?symbol=A&keys=2",
        "https://host/@me/x",
        "tcp://host:8786",
        "postgresql://dagster@host/db",
        "https://host/x#part",
    ],
)
def test_an_address_without_a_secret_is_none(address: str) -> None:
    refuse_secrets(Path("mine.yaml"), {"notifier": {"url": address}}, {})


def test_symbols_names_and_parameters_may_be_called_as_they_are(tmp_path: Path) -> None:
    text = MINIMAL.replace("  momentum:", "  token:")
    text += "sectors: {TOKEN: technology}\ntrading: {alpaca: {symbols: {TOKEN: TOKEN/USD}}}\n"
    assert [*load(tmp_path, text).strategies] == ["token"]
