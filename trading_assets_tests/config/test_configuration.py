"""A configuration as a value: its hash, and the secrets that it does not show."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from trading_assets.config.stated import completed, stated
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_the_hash_changes_with_any_value_and_not_with_the_place(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    same = {load(folder, MINIMAL).hash for folder in (first, second)}
    assert len(same) == 1
    assert load(first, MINIMAL + "seed: 8\n").hash not in same
    assert load(first, MINIMAL.replace("equity_momentum}", "equity_momentum, stop_atr: 2.0}")).hash not in same


def test_a_secret_is_read_from_the_environment_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_ASSETS_WEBHOOK_TOKEN", "hunter2")
    configuration = load(tmp_path, MINIMAL + "notifier: {kind: webhook, url: 'http://localhost:1/'}\n")
    token = configuration.notifier.token
    assert token is not None
    assert token.get_secret_value() == "hunter2"
    assert "hunter2" not in str(configuration) + repr(configuration) + configuration.model_dump_json()


def test_the_address_of_a_webhook_is_a_secret_like_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the address of an incoming webhook can post to it; `config show` prints the dump."""
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    text = "notifier: {kind: webhook, url: 'https://host/hooks/hunter3', token_variable: MY_TOKEN}\n"
    configuration = load(tmp_path, MINIMAL + text)
    shown = yaml.safe_dump(configuration.model_dump(mode="json")) + str(configuration) + repr(configuration)
    shown += str(stated(configuration)) + str(completed(configuration))
    assert [each.get_secret_value() for each in configuration.notifier.secrets] == [
        "hunter2",
        "https://host/hooks/hunter3",
    ]
    assert "hunter" not in shown
    assert "MY_TOKEN" in shown


def test_members_of_members_are_behind_a_strategy_each_once(tmp_path: Path) -> None:
    text = MINIMAL.partition("strategies:")[0] + (
        "strategies:\n"
        "  all: {type: ensemble, members: [pair, b]}\n"
        "  pair: {type: ensemble, members: [a, b]}\n"
        "  a: {type: factor}\n"
        "  b: {type: factor}\n"
        "  c: {type: factor}\n"
    )
    configuration = load(tmp_path, text)
    found = configuration.behind("all")
    assert found[0] == "all" and sorted(found) == ["a", "all", "b", "pair"]
    assert configuration.behind("c") == ["c"]


def test_what_another_strategy_says_has_no_part_in_whether_a_result_is_current(tmp_path: Path) -> None:
    """Of an ensemble of a and b beside c: what the sections of these, of a model and of a registration change."""
    text = MINIMAL.partition("strategies:")[0] + (
        "strategies:\n"
        "  a: {type: factor}\n"
        "  b: {type: ml, model: trees}\n"
        "  c: {type: factor}\n"
        "  both: {type: ensemble, members: [a, b]}\n"
        "models: {trees: {type: xgboost}}\n"
    )
    names = ("a", "b", "c", "both")
    before = load(tmp_path, text)

    def changed(old: str, new: str) -> list[str]:
        assert old in text
        after = load(tmp_path, text.replace(old, new))
        assert after.hash != before.hash
        there = [name for name in names if name in after.strategies]
        assert all(after.is_current(after.hash, name) for name in there)
        return [name for name in there if not after.is_current(before.hash_for(name), name)]

    registered = "registration: {c: {hypothesis: cheap stocks rise, registered_on: 2026-01-01}}\nmodels:"
    assert changed("models:", registered) == ["c"]
    assert changed("models:", "robustness: {grids: {c: {quantiles: [3, 5]}}}\nmodels:") == ["c"]
    assert changed("  c: {type: factor}\n", "") == []
    assert changed("c: {type: factor", "c: {type: factor, capacity: 0.02") == ["c"]
    assert changed("a: {type: factor", "a: {type: factor, capacity: 0.02") == ["a", "both"]
    assert changed("xgboost", "xgboost, trees: 50") == ["b", "both"]
    assert changed("strategies:", "seed: 8\nstrategies:") == list(names)


def test_a_model_is_part_of_what_an_own_module_says(tmp_path: Path) -> None:
    """Its rules may name any model; those of a shipped one that is written with its dots may not, at no loss."""
    text = MINIMAL.partition("strategies:")[0] + (
        "strategies: {own: {type: trading_assets.strategies.factor}, other: {type: factor}}\n"
        "models: {trees: {type: xgboost}}\n"
    )
    before, after = load(tmp_path, text), load(tmp_path, text.replace("xgboost", "xgboost, trees: 50"))
    assert [after.is_current(before.hash_for(name), name) for name in ("own", "other")] == [False, True]


def test_who_is_told_changes_no_hash_and_what_was_made_when_it_did_is_current(tmp_path: Path) -> None:
    """Earlier versions hashed the notifier: what they registered with a webhook stays registered."""
    log = load(tmp_path, MINIMAL)
    hook = load(tmp_path, MINIMAL + "notifier: {kind: webhook, url: 'https://example.org/hook'}\n")
    [name] = hook.strategies
    assert hook.hash == log.hash and hook.hash_for(name) == log.hash_for(name)
    before = hook._hash_before
    assert before != log.hash and hook.is_current(before, name) and not log.is_current(before, name)
