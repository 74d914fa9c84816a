"""Planted secrets: whatever a run leaves behind, and says, is searched for each of them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trading_assets_tests.conftest import REPOSITORY, environment
from trading_assets_tests.market_data.vendor_server import vendor

#: Where it is planted, and what it is.
PLANTED = {
    "ALPHAVANTAGE_API_KEY": "PLANTED-vendor-key-7731",
    "TRADING_ASSETS_WEBHOOK_TOKEN": "PLANTED-webhook-token-7732",
    "APCA_API_SECRET_KEY": "PLANTED-broker-secret-7733",
    # The driver quotes a password that is not well escaped.
    "TRADING_ASSETS_SQL_URI": "postgresql://ann:PLANTED-password-%zz7734@127.0.0.1:1/db",
}
IN_CONFIGURATION = "PLANTED-hook-path-7735"
IN_AN_ADDRESS = "PLANTED-of-proxy-7736"
WORDS = [*(each.split("@")[0].rpartition(":")[2] for each in PLANTED.values()), IN_CONFIGURATION, IN_AN_ADDRESS]


def found_in(folder: Path) -> list[str]:
    """Names of files that hold a planted word, as bytes."""
    return [
        f"{path.relative_to(folder)}: {word}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "config.yaml"
        for word in WORDS
        if word.encode() in path.read_bytes()
    ]


def run(folder: Path, sources: list[dict[str, object]], code: int = 1) -> tuple[str, Path]:
    """Run a configuration with planted secrets from a terminal, and return what it said and its data folder."""
    configuration = {
        "name": "planted",
        "start": "2023-01-01",
        "market_data": sources,
        "strategies": {"momentum": {"type": "equity_momentum"}},
        "notifier": {"kind": "webhook", "url": f"http://127.0.0.1:9/{IN_CONFIGURATION}"},
    }
    path, data = folder / "config.yaml", folder / "data"
    path.write_text(yaml.safe_dump(configuration))
    done = subprocess.run(
        [sys.executable, "-m", "trading_assets.cli", "run", "--debug", "--select", "market_data"],
        env=environment(path, data, **PLANTED),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr, data


@pytest.mark.slow
def test_a_vendor_that_quotes_its_key_leaves_it_nowhere(tmp_path: Path) -> None:
    """The answer of a vendor, its address, and the error of a database all hold what was planted."""

    def refusing(path: str, query: dict[str, str]) -> object:
        said = f"key {query.get('apikey')} at https://ann:{IN_AN_ADDRESS}@proxy is not allowed, nor is "
        return {"Error Message": said + PLANTED["APCA_API_SECRET_KEY"]}

    with vendor(refusing) as service:
        patience = {"attempts": 1, "first_wait_seconds": 0.01, "timeout_seconds": 5}
        source = {"source": "alpha_vantage", "symbols": ["A"], "base_url": service.url, **patience}
        said, data = run(tmp_path, [source])
    assert "not allowed" in said, "it was asked"
    assert [word for word in WORDS if word in said] == []
    assert found_in(data) == []
    assert list((data / "dagster_home").rglob("*.db")), "Dagster's record was searched"


@pytest.mark.slow
def test_a_database_that_quotes_its_password_and_is_gone_on_without_leaves_it_nowhere(tmp_path: Path) -> None:
    """The error is told and not raised: it comes into events and tables through the log of the step."""
    source: dict[str, object] = {"source": "sql", "asset_class": "equity", "when_down": "go_on", "query": "SELECT 1"}
    here: dict[str, object] = {"source": "synthetic", "asset_class": "equity"}
    said, data = run(tmp_path, [source, here], code=0)
    assert "the query failed" in said and "the run goes on with what is there" in said
    assert [word for word in WORDS if word in said] == []
    assert found_in(data) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("CREATE TABLE tags (value TEXT)")
        connection.execute("INSERT INTO tags VALUES (?)", (f"x {WORDS[0]} y",))
    connection.close()
    assert found_in(tmp_path) == [f"runs.db: {WORDS[0]}"]
