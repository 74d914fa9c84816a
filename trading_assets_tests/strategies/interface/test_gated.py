"""A gate with its primary is an order-based strategy like any other, under its own name."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.strategies import equity_momentum, meta_labels
from trading_assets.strategies.evaluation.fingerprint import frozen, parameter_types
from trading_assets.strategies.evaluation.identity import identity_of
from trading_assets.strategies.interface.gated import GatedModule, gated, is_gate
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategy
from trading_assets_tests.backtests.frames import loaded


def gate(folder: Path, **primary: object) -> ConfiguredStrategy:
    return configured_strategy(configured(folder, **primary), "gate")


def configured(folder: Path, **primary: object) -> Configuration:
    folder.mkdir(exist_ok=True)
    return loaded(
        folder,
        models={"bet": {"label": "triple_barrier", "primary": "breakout"}},
        strategies={
            "breakout": {"type": "equity_momentum", **primary},
            "gate": {"type": "meta_labels", "model": "bet", "stop_atr": 3.0},
        },
    )


def test_a_gate_has_the_rules_of_the_configured_primary(tmp_path: Path) -> None:
    own = gate(tmp_path, slow_clearance=0.02, exit="ma_50")
    assert isinstance(own.module, GatedModule) and not own.is_target_weight and own.decides_by_symbol
    assert [each.threshold for each in own.rules.triggers] == [1.005, 1.02]
    assert own.rules.exit is not None and own.rules.exit.signal == "ma_50"
    assert own.model == "bet" and "score" in own.columns and "ma_50" in own.columns
    assert own.grid == meta_labels.GRID
    assert identity_of(own.module) == "meta_labels"


def test_what_is_a_gate_and_what_is_none(tmp_path: Path) -> None:
    made = configured(tmp_path)
    own, primary = (configured_strategy(made, name).module for name in ("gate", "breakout"))
    assert isinstance(own, GatedModule) and is_gate(own.gate) and not is_gate(primary)
    again = gated(own.gate, primary, equity_momentum.Parameters())
    assert (again.__name__, again.Parameters) == (meta_labels.__name__, meta_labels.Parameters)


def test_a_registration_of_a_gate_freezes_its_primary(tmp_path: Path) -> None:
    made = [configured(tmp_path / str(clearance), slow_clearance=clearance) for clearance in (0.01, 0.02)]
    first, second = (frozen(each, configured_strategy(each, "gate")) for each in made)
    assert first["primaries"]["breakout"] != second["primaries"]["breakout"]
    assert first["rules"] != second["rules"] and first["parameters"] == second["parameters"]
    assert "primaries" not in frozen(made[0], configured_strategy(made[0], "breakout"))
    assert set(parameter_types(made[0], configured_strategy(made[0], "gate"))) == {"meta_labels", "equity_momentum"}
