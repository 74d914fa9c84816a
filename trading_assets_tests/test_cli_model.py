"""`trading-assets model` from a terminal: what it prints, exit codes, one block for an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from trading_assets_tests.conftest import called
from trading_assets_tests.end_to_end.experiments import changed
from trading_assets_tests.models.test_standing import World

SECTIONS = {
    "models": {"old": {}, "better": {"type": "ridge"}, "other": {"horizon": 20}},
    "champions": {"best": {"candidates": ["old", "better"]}},
    "strategies": {"ml": {"type": "ml", "model": "best"}},
    "registration": None,
    "robustness": None,
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose champion has been run."""
    path = changed(tmp_path, **SECTIONS)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"name": "own"}))
    World(tmp_path / "data").run()
    return path


def test_a_word_is_taken_said_and_taken_back_in_one_command(config: Path) -> None:
    data = config.parent / "data"
    done = called(config, data, "model", "list", "--format", "json")
    assert [each["role"] for each in json.loads(done.stdout)] == ["shadow", "champion", "alone"]
    done = called(config, data, "model", "pin", "best", "old", "--reason", "the new one has failed", "--by", "ops")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("old is champion best from the first session after ")
    assert ", pinned; on record\n" in done.stdout
    shown = called(config, data, "model", "list").stdout
    assert "waits for the first session after " in shown
    assert "pin of old as champion best, ops on " in shown
    done = called(config, data, "model", "rollback", "best", "--reason", "it was the feed")
    assert (done.returncode, done.stdout.split(" is champion")[0]) == (0, "better")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pin", "best", "odl", "--reason", "x"], "error: no candidate 'odl' of best"),
        (["promote", "bset", "old", "--reason", "x"], "error: no champion 'bset'"),
        (["compare", "old", "newer"], "error: no model 'newer'"),
    ],
)
def test_wrong_names_are_wrong_usage(arguments: list[str], said: str, config: Path) -> None:
    done = called(config, config.parent / "data", "model", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert "what to do: " in done.stderr


def test_a_reason_is_asked_for(config: Path) -> None:
    assert called(config, config.parent / "data", "model", "pin", "best", "old").returncode == 2


def test_a_comparison_prints_its_power(config: Path) -> None:
    done = called(config, config.parent / "data", "model", "compare", "better", "old", "--format", "json")
    [row] = json.loads(done.stdout)
    assert 0 < row["power"] < 1
    assert row["effect"] > row["detectable"] > 0


def test_an_empty_registry_is_as_registered_and_a_damaged_one_is_one_block(config: Path) -> None:
    data = config.parent / "data"
    for command in (["verify"], ["prune", "--dry-run"]):
        assert called(config, data, "model", *command).returncode == 0
    (data / "own" / "tracking.db").write_bytes(b"\0" * 5000)
    done = called(config, data, "model", "verify")
    assert done.returncode == 1
    assert "the model registry cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    # Who is champion is no word of the registry: the last good one serves.
    listed = called(config, data, "model", "list", "--format", "json")
    assert [each["role"] for each in json.loads(listed.stdout)] == ["shadow", "champion", "alone"]
