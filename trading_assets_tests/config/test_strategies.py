"""Parameters that make no sense are errors of the configuration, with the key path, before any work."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from trading_assets.config import Configuration, ConfigurationError, load_configuration
from trading_assets.config.plugins import strategy_module

BASE = {
    "name": "test",
    "start": "2001-01-01",
    "as_of": "2002-12-31",
    "market_data": [{"source": "synthetic", "asset_class": "equity"}],
}
ORDER_BASED = ("equity_momentum", "crypto_momentum", "ml", "mean_reversion", "multi_timeframe")
TARGET_WEIGHT = ("factor", "pairs", "ensemble", "bandit")


def load(folder: Path, strategies: dict[str, Any], **changes: object) -> Configuration:
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes, "strategies": strategies}))
    return load_configuration(path, folder)


def message(folder: Path, strategies: dict[str, Any], **changes: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, strategies, **changes)
    return str(caught.value)


def refused(folder: Path, strategy_type: str, key: str, value: object) -> str:
    text = message(folder, {"mine": {"type": strategy_type, key: value}})
    assert f"key: strategies.mine.{key}" in text
    assert re.search(r"file: .*test\.yaml, line \d+", text)
    return text


@pytest.mark.parametrize("strategy_type", ORDER_BASED)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stop_atr", -2.5),
        ("stop_atr", 0),
        ("stop_atr", "wide"),
        ("capacity", 0),
        ("capacity", 1.5),
        ("max_hold", 0),
        ("volatility_scaling", "sometimes"),
        ("stop_art", 2.0),
    ],
)
def test_order_based_strategies_refuse(tmp_path: Path, strategy_type: str, key: str, value: object) -> None:
    text = refused(tmp_path, strategy_type, key, value)
    if key == "stop_art":
        assert "did you mean 'stop_atr'?" in text


@pytest.mark.parametrize("strategy_type", TARGET_WEIGHT)
@pytest.mark.parametrize(
    ("key", "value"), [("capacity", 0), ("capacity", -1), ("volatility_scaling", "on"), ("stop_atr", 2)]
)
def test_target_weight_strategies_refuse(tmp_path: Path, strategy_type: str, key: str, value: object) -> None:
    refused(tmp_path, strategy_type, key, value)


@pytest.mark.parametrize(
    ("strategy_type", "key", "value"),
    [
        *[(momentum, "exit", "ma_30") for momentum in ("equity_momentum", "crypto_momentum", "multi_timeframe")],
        *[(momentum, "fast_clearance", -0.01) for momentum in ("equity_momentum", "crypto_momentum")],
        *[(momentum, "staged_stop_atr", 0) for momentum in ("equity_momentum", "crypto_momentum")],
        ("ml", "entry_score", 1.0),
        ("mean_reversion", "entry_z", 0),
        ("factor", "quantiles", 0),
        ("factor", "gross", 0),
        ("factor", "gross", 1.2),
        ("pairs", "formation_sessions", 10),
        ("pairs", "formation_sessions", 600),  # of 522 weekdays
        ("pairs", "max_p_value", 0),
        ("pairs", "entry_z", -2.0),
        ("pairs", "stop_z", "far"),
        ("ensemble", "learning_rate", 0),
        ("ensemble", "cost_bps", -1),
        ("ensemble", "rebalance", "year"),
        ("ensemble", "members", []),
        ("ensemble", "members", ["no_such_strategy"]),
    ],
)
def test_what_one_strategy_refuses(tmp_path: Path, strategy_type: str, key: str, value: object) -> None:
    refused(tmp_path, strategy_type, key, value)


def test_an_exit_below_the_entry_is_refused(tmp_path: Path) -> None:
    text = message(tmp_path, {"mine": {"type": "mean_reversion", "entry_z": -1.0, "exit_z": -1.5}})
    assert "exit_z -1.5 is not above entry_z -1" in text
    assert "key: strategies.mine" in text


@pytest.mark.parametrize(("as_of", "calendar", "most"), [("2002-12-31", "XNYS", 522), ("2002-12-31", "24/7", 730)])
def test_a_window_longer_than_the_span_is_refused(tmp_path: Path, as_of: str, calendar: str, most: int) -> None:
    """From 2001-01-01 on there are 522 weekdays, and 730 days."""
    brittle = "trading_assets_tests.strategies.brittle_strategy"
    sources = [{"source": "synthetic", "asset_class": "equity", "calendar": calendar}]
    changes = {"as_of": as_of, "market_data": sources}
    load(tmp_path, {"mine": {"type": brittle, "window": most}}, **changes)
    text = message(tmp_path, {"mine": {"type": brittle, "window": most + 1}}, **changes)
    assert f"window looks back {most + 1} sessions; start to as_of has at most {most}" in text
    assert "key: strategies.mine.window" in text
    load(tmp_path, {"mine": {"type": brittle, "window": 10**6}}, as_of=None)  # the data will tell


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
    package = folder / f"pack_{name}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (folder / f"{name}.py").rename(package / "strategy.py")
    return f"pack_{name}.strategy"


IMPORTS = "from trading_assets.config.strategies import OrderParameters, TargetWeightParameters\n"
ORDERS = "class Parameters(OrderParameters):\n    stop_atr: float = 2.0\n    capacity: float = 0.01\n"
RULES, WEIGHTS = "def rules(parameters): ...\n", "def target_weights(parameters, panel): ...\n"


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("empty", "", "does not define Parameters and rules or target_weights"),
        ("no_rules", IMPORTS + ORDERS, "does not define rules or target_weights"),
        ("no_parameters", RULES, "does not define Parameters$"),
        ("both", IMPORTS + ORDERS + RULES + WEIGHTS, "defines both rules and target_weights"),
        ("mixed", IMPORTS + ORDERS + WEIGHTS, "Parameters must derive from TargetWeightParameters"),
        ("syntax", "def rules(:\n", "cannot be imported: SyntaxError: invalid syntax"),
        ("dependency", "import no_such_module\n", "cannot be imported: No module named 'no_such_module'"),
        ("function", RULES + "def Parameters(): ...\n", "Parameters must derive from OrderParameters"),
    ],
)
def test_a_module_that_is_no_strategy_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, fault: str
) -> None:
    path = module(tmp_path, monkeypatch, name, text)
    found = message(tmp_path, {"mine": {"type": path}})
    assert re.search(rf"^module {path} .*{fault}", found, flags=re.MULTILINE)
    assert "key: strategies.mine.type" in found


MEMBERS = """
from trading_assets.config.strategies import TargetWeightParameters

class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    members: tuple[str, ...]

def target_weights(parameters, panel): ...
"""


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"one": ["facotr"]}, "no strategy 'facotr'; did you mean 'factor'?"),
        ({"one": ["one"]}, "one -> one: a strategy cannot be a member of itself"),
        ({"one": ["factor", "two"], "two": ["one"]}, "one -> two -> one: a strategy cannot be a member of itself"),
        ({"one": ["factor", "factor"]}, "a member is named twice"),
    ],
)
def test_members_are_other_strategies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, list[str]], fault: str
) -> None:
    path = module(tmp_path, monkeypatch, "members", MEMBERS)
    strategies = {name: {"type": path, "members": names} for name, names in members.items()}
    text = message(tmp_path, {"factor": {"type": "factor"}, **strategies})
    assert fault in text
    assert "key: strategies.one.members" in text


def test_members_may_share_a_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = module(tmp_path, monkeypatch, "shared", MEMBERS)
    ways = {"low": ["factor"], "left": ["low"], "right": ["low"], "top": ["left", "right", "factor"]}
    strategies = {name: {"type": path, "members": names} for name, names in ways.items()}
    assert len(load(tmp_path, {"factor": {"type": "factor"}, **strategies}).strategies) == 5


@pytest.mark.parametrize("strategy_type", [*ORDER_BASED, *TARGET_WEIGHT])
def test_the_grid_of_a_strategy_has_values_that_it_takes(strategy_type: str) -> None:
    strategy = strategy_module(strategy_type)
    required = {"members": ["one"]} if "members" in strategy.Parameters.model_fields else {}
    for name, values in strategy.GRID.items():
        for value in values:
            assert getattr(strategy.Parameters(**required, **{name: value}), name) == value
        assert getattr(strategy.Parameters(**required), name) in values
